package qemu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// setFile is a file that QEMU reaches as /dev/fdset/Set.
type setFile struct {
	Set      int
	Path     string
	ReadOnly bool
}

// Sets of descriptors, by number. A slot has two: the file and its base.
const (
	setFirmware = 1001
	setVars     = 1002
	setLog      = 1003
	setConfig   = 1004
	setCopy     = 1010
	setTwins    = 2000
)

func slotSet(slot int) int { return slot * 2 }

// chain describes a disk's bytes to QEMU: explicit nodes, from the bottom up, the last one named
// name. A file's own idea of its backing file is never used.
func (d *Driver) chain(name string, set int, src spec.BlockSource, readOnly bool) ([]object, []setFile, error) {
	var nodes []object
	var files []setFile
	backing := any(nil)
	if src.Base != nil {
		if src.Format != spec.FormatQCOW2 || src.Base.Base != nil {
			return nil, nil, fmt.Errorf("%s: only a qcow2 file over one base has a base: %w", src.Path, spec.ErrInvalid)
		}
		n, f, err := d.chain(name+"-base", set+1, *src.Base, true)
		if err != nil {
			return nil, nil, err
		}
		nodes, files, backing = n, f, name+"-base"
	}
	if src.Driver != "file" && src.Driver != "" {
		return nil, nil, fmt.Errorf("block driver %q: %w", src.Driver, spec.ErrNotSupported)
	}
	format, err := d.formatNode(name, src, readOnly, backing)
	if err != nil {
		return nil, nil, err
	}
	files = append(files, setFile{set, src.Path, readOnly})
	return append(nodes, d.fileNode(name+"-file", set, readOnly), format), files, nil
}

func (d *Driver) fileNode(name string, set int, readOnly bool) object {
	direct := d.opts.Cache == "none"
	aio := "threads"
	if direct {
		aio = "native"
	}
	return object{"driver": "file", "node-name": name, "filename": fmt.Sprintf("/dev/fdset/%d", set),
		"read-only": readOnly, "auto-read-only": false, "discard": "unmap", "aio": aio,
		"cache": object{"direct": direct, "no-flush": false}}
}

func (d *Driver) formatNode(name string, src spec.BlockSource, readOnly bool, backing any) (object, error) {
	o := object{"node-name": name, "file": name + "-file", "read-only": readOnly, "discard": "unmap",
		"cache": object{"direct": d.opts.Cache == "none", "no-flush": false}}
	switch src.Format {
	case spec.FormatRaw, spec.FormatISO:
		o["driver"] = "raw"
	case spec.FormatQCOW2:
		o["driver"], o["backing"] = "qcow2", backing
	case spec.FormatLUKS:
		o["driver"], o["key-secret"] = "luks", keyOf(name)
	default:
		return nil, fmt.Errorf("%s: format %q: %w", src.Path, src.Format, spec.ErrNotSupported)
	}
	return o, nil
}

// names lists node names from the top down, the order to delete them in.
func names(nodes []object) []string {
	var all []string
	for i := len(nodes) - 1; i >= 0; i-- {
		all = append(all, nodes[i]["node-name"].(string))
	}
	return all
}

// open opens the file as root, for a process that may not.
func (f setFile) open(format spec.Format) (*os.File, error) {
	flags := os.O_RDWR
	if f.ReadOnly {
		flags = os.O_RDONLY
	}
	file, err := os.OpenFile(f.Path, flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", spec.ErrMissing, f.Path)
	}
	if err != nil {
		return nil, err
	}
	if err := checkHeader(file, format); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return file, nil
}

// checkHeader refuses qcow2 files that keep their bytes in another file, which QEMU
// would open by the name in the header. Everything else is checked when an image is taken in.
func checkHeader(f io.ReaderAt, format spec.Format) error {
	if format != spec.FormatQCOW2 {
		return nil
	}
	h := make([]byte, 80)
	if _, err := f.ReadAt(h, 0); err != nil {
		return fmt.Errorf("%w: qcow2 header: %v", spec.ErrCorrupt, err)
	}
	if !strings.HasPrefix(string(h), "QFI\xfb") {
		return fmt.Errorf("%w: no qcow2 header", spec.ErrCorrupt)
	}
	const externalData = 1 << 2
	if binary.BigEndian.Uint32(h[4:]) >= 3 && binary.BigEndian.Uint64(h[72:])&externalData != 0 {
		return fmt.Errorf("%w: qcow2 with an external data file", spec.ErrInvalid)
	}
	return nil
}

// openAll opens the files of a chain. On failure none stays open.
func openAll(files []setFile, src spec.BlockSource) ([]*os.File, error) {
	formats := []spec.Format{src.Format}
	if src.Base != nil {
		formats = []spec.Format{src.Base.Format, src.Format}
	}
	var open []*os.File
	for i, f := range files {
		file, err := f.open(formats[i])
		if err != nil {
			closeAll(open)
			return nil, err
		}
		open = append(open, file)
	}
	return open, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
