package minimal

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	guestmodules "github.com/nubo-cloud/nubo/internal/minimal/guest/modules"
	"github.com/ulikunitz/xz"
)

// wantedModules is what the guest may meet; what they depend on comes along. A
// kernel may have any of them built in, or not at all.
var wantedModules = []string{
	"virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net", "virtio_scsi", "virtio_rng", "virtio_console", "virtio_balloon",
	"sd_mod", "sr_mod", "ata_piix", "ahci", "ext4", "isofs", "vfat", "nls_cp437", "nls_ascii", "nls_iso8859_1", "nls_utf8",
	"button", "evdev", "af_packet", "8021q", "i6300esb",
}

// neededModules: a kernel with none of these, neither as a module nor built
// in, cannot be the guest's.
var neededModules = []string{"virtio_pci", "virtio_blk", "virtio_net", "ext4"}

// module is one kernel module, uncompressed.
type module struct {
	name    string
	file    string // below lib/modules/VERSION
	data    []byte
	depends []string
	aliases []string
}

// modules picks the wanted ones and what they depend on.
func (k kernel) modules() ([]module, error) {
	dir, err := k.moduleDir()
	if err != nil {
		return nil, err
	}
	files, err := moduleFiles(dir)
	if err != nil {
		return nil, err
	}
	builtin, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	for _, n := range neededModules {
		if files[n] == "" && !bytes.Contains(bytes.ReplaceAll(builtin, []byte("-"), []byte("_")), []byte("/"+n+".ko")) {
			return nil, fmt.Errorf("the kernel %s has no %s: name another kernel package", k.version, n)
		}
	}
	var out []module
	taken := map[string]bool{}
	queue := slices.Clone(wantedModules)
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if taken[name] || files[name] == "" {
			continue
		}
		taken[name] = true
		m, err := readModule(dir, name, files[name])
		if err != nil {
			return nil, fmt.Errorf("kernel module %s: %w", name, err)
		}
		out = append(out, m)
		queue = append(queue, m.depends...)
	}
	return out, nil
}

func moduleFiles(dir string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(d.Name(), ".ko") {
			rel, relErr := filepath.Rel(dir, path)
			if relErr != nil {
				return relErr
			}
			out[guestmodules.Name(path)] = rel
		}
		return err
	})
	return out, err
}

func readModule(dir, name, file string) (module, error) {
	packed, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return module{}, err
	}
	data, err := decompress(file, packed)
	if err != nil {
		return module{}, err
	}
	stem, _, _ := strings.Cut(file, ".ko")
	m := module{name: name, file: stem + ".ko", data: unsigned(data)}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return m, err
	}
	section := f.Section(".modinfo")
	if section == nil {
		return m, fmt.Errorf("%s has no .modinfo", file)
	}
	info, err := section.Data()
	if err != nil {
		return m, err
	}
	m.readInfo(string(info))
	return m, nil
}

// unsigned cuts the signature off: without hardware virtualisation the check
// of each module takes as long as everything else about loading it. (The
// kernel accepts that unless Secure Boot locks it down, and the image's boot
// loader is not signed for that either.) A signature is the trailer described
// in scripts/sign-file.c: the data, 12 bytes that end with its length, and a
// magic line.
func unsigned(data []byte) []byte {
	body, ok := bytes.CutSuffix(data, []byte("~Module signature appended~\n"))
	if !ok || len(body) < 12 {
		return data
	}
	length := int(binary.BigEndian.Uint32(body[len(body)-4:]))
	if end := len(body) - 12 - length; end > 0 {
		return body[:end]
	}
	return data
}

// readInfo takes the NUL-separated KEY=VALUE strings of .modinfo.
func (m *module) readInfo(info string) {
	for _, entry := range strings.Split(info, "\x00") {
		key, value, _ := strings.Cut(entry, "=")
		switch key {
		case "alias":
			m.aliases = append(m.aliases, value)
		case "depends":
			for _, d := range strings.Split(value, ",") {
				if d != "" {
					m.depends = append(m.depends, strings.ReplaceAll(d, "-", "_"))
				}
			}
		}
	}
}

func decompress(file string, packed []byte) ([]byte, error) {
	var r io.Reader
	var err error
	switch filepath.Ext(file) {
	case ".ko":
		return packed, nil
	case ".xz":
		r, err = xz.NewReader(bytes.NewReader(packed))
	case ".gz":
		r, err = gzip.NewReader(bytes.NewReader(packed))
	case ".zst":
		r, err = zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1))
	default:
		return nil, fmt.Errorf("unknown compression of %s", file)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// moduleIndexes are modules.dep and modules.alias, as depmod writes them. In
// modules.dep a module's line lists all it needs, the deepest last.
func moduleIndexes(mods []module) (dep, alias []byte) {
	byName := map[string]module{}
	for _, m := range mods {
		byName[m.name] = m
	}
	var d, a bytes.Buffer
	for _, m := range mods {
		d.WriteString(m.file + ":")
		for _, need := range allNeeds(m, byName) {
			d.WriteString(" " + byName[need].file)
		}
		d.WriteString("\n")
		for _, al := range m.aliases {
			a.WriteString("alias " + al + " " + m.name + "\n")
		}
	}
	return d.Bytes(), a.Bytes()
}

func allNeeds(m module, byName map[string]module) []string {
	var order []string
	var visit func(m module)
	visit = func(m module) {
		for _, d := range m.depends {
			if n, ok := byName[d]; ok && !slices.Contains(order, d) {
				visit(n)
				order = append(order, d)
			}
		}
	}
	visit(m)
	slices.Reverse(order)
	return order
}
