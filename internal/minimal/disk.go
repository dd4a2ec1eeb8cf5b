package minimal

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nubo-cloud/nubo/internal/minimal/gpt"
)

const (
	mib        = 1 << 20
	alignBytes = mib
	// rootBytes is the root filesystem's size in the image; the guest grows it
	// to its disk at every boot.
	rootBytes = 32 * mib
	// rootLimitBlocks bounds that growth, in blocks of 4 KiB: 2 TiB. The
	// filesystem keeps room for the descriptors of that many.
	rootLimitBlocks = 1 << 29

	// The partitions have the numbers CirrOS gives them: a client may look
	// for /dev/vda1.
	rootNumber, espNumber = 1, 15
)

// disk makes the image: partition table, boot code, EFI system partition, root.
func (b *build) disk(ctx context.Context, root tree, initramfs []byte) error {
	esp, err := b.esp(ctx, initramfs)
	if err != nil {
		return fmt.Errorf("make the boot partition: %w", err)
	}
	ext4, err := b.rootFilesystem(ctx, root)
	if err != nil {
		return fmt.Errorf("make the root filesystem: %w", err)
	}
	raw := filepath.Join(b.work, "disk.raw")
	if err := b.assemble(raw, esp, ext4); err != nil {
		return fmt.Errorf("assemble the disk: %w", err)
	}
	out := filepath.Join(b.work, "disk.qcow2")
	// Compressed with zlib: a quarter smaller, read by everything that reads
	// qcow2, and 40 ms dearer per boot. (zstd came out larger.)
	if _, err := run(ctx, "", b.tools.qemuImg, "convert", "-f", "raw", "-O", "qcow2", "-c", raw, out); err != nil {
		return err
	}
	return moveFile(out, b.Output)
}

func (b *build) assemble(raw, esp, ext4 string) error {
	f, err := os.Create(raw)
	if err != nil {
		return err
	}
	defer f.Close()
	mbr, err := os.ReadFile(b.tools.gptMBR)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(mbr[:min(len(mbr), 440)], 0); err != nil {
		return err
	}
	espBytes, err := copyAt(f, esp, alignBytes)
	if err != nil {
		return err
	}
	rootStart := alignBytes + align(espBytes)
	if _, err := copyAt(f, ext4, rootStart); err != nil {
		return err
	}
	size := rootStart + rootBytes + alignBytes
	if err := f.Truncate(size); err != nil {
		return err
	}
	return writePartitions(f, size, espBytes, rootStart)
}

func writePartitions(f *os.File, size, espBytes, rootStart int64) error {
	ids := make([]gpt.GUID, 3)
	for i := range ids {
		if _, err := rand.Read(ids[i][:]); err != nil {
			return err
		}
	}
	sector := func(bytes int64) uint64 { return uint64(bytes) / gpt.SectorSize }
	return gpt.Write(f, size, ids[0], []gpt.Partition{
		{Number: rootNumber, Type: gpt.TypeLinux, ID: ids[1], First: sector(rootStart), Last: sector(rootStart+rootBytes) - 1, Name: "root"},
		{Number: espNumber, Type: gpt.TypeEFISystem, ID: ids[2], First: sector(alignBytes), Last: sector(alignBytes+espBytes) - 1, Attributes: gpt.AttrLegacyBoot, Name: "boot"},
	})
}

func align(n int64) int64 { return (n + alignBytes - 1) / alignBytes * alignBytes }

// copyAt copies a file, leaving out what is zero.
func copyAt(to *os.File, from string, at int64) (int64, error) {
	f, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	buf, zero, total := make([]byte, 64<<10), make([]byte, 64<<10), int64(0)
	for {
		n, err := io.ReadFull(f, buf)
		if n > 0 && !bytes.Equal(buf[:n], zero[:n]) {
			if _, werr := to.WriteAt(buf[:n], at+total); werr != nil {
				return total, werr
			}
		}
		total += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// esp makes the FAT filesystem that both boot loaders start from.
func (b *build) esp(ctx context.Context, initramfs []byte) (string, error) {
	vmlinuz, err := os.ReadFile(b.kernel.vmlinuz())
	if err != nil {
		return "", err
	}
	efi, err := os.ReadFile(b.tools.bootEFI)
	if err != nil {
		return "", err
	}
	files := []struct {
		name string
		data []byte
	}{
		{"vmlinuz", vmlinuz},
		{"initramfs", initramfs},
		{"syslinux.cfg", []byte("DEFAULT nubo\nPROMPT 0\nLABEL nubo\n  LINUX /vmlinuz\n  INITRD /initramfs\n  APPEND " + Cmdline + "\n")},
		{"EFI/BOOT/BOOTX64.EFI", efi},
		{"loader/loader.conf", []byte("timeout 0\ndefault nubo.conf\neditor no\nauto-entries no\nauto-firmware no\n")},
		{"loader/entries/nubo.conf", []byte("title Nubo minimal\nlinux /vmlinuz\ninitrd /initramfs\noptions " + Cmdline + "\n")},
	}
	size := int64(mib)
	for _, f := range files {
		size += int64(len(f.data))
	}
	image := filepath.Join(b.work, "esp.img")
	if err := b.formatFAT(ctx, image, align(size)); err != nil {
		return "", err
	}
	for _, f := range files {
		if err := b.addToFAT(ctx, image, f.name, f.data); err != nil {
			return "", err
		}
	}
	_, err = run(ctx, b.work, b.tools.syslinux, "--install", image)
	return image, err
}

func (b *build) formatFAT(ctx context.Context, image string, size int64) error {
	f, err := os.Create(image)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	// -H: where the partition begins, which the boot code goes by. Clusters of
	// 8 KiB: a chain of the kernel's length is short to walk.
	_, err = run(ctx, b.work, b.tools.mformat, "-i", image, "-T", fmt.Sprint(size/gpt.SectorSize), "-h", "16", "-s", "63",
		"-H", fmt.Sprint(alignBytes/gpt.SectorSize), "-c", "16", "-v", "NUBO-BOOT", "::")
	if err != nil {
		return err
	}
	_, err = run(ctx, b.work, b.tools.mmd, "-i", image, "::EFI", "::EFI/BOOT", "::loader", "::loader/entries")
	return err
}

func (b *build) addToFAT(ctx context.Context, image, name string, data []byte) error {
	tmp := filepath.Join(b.work, "fatfile")
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return err
	}
	_, err := run(ctx, b.work, b.tools.mcopy, "-i", image, "-o", tmp, "::"+name)
	return err
}

// rootFilesystem makes the ext4 filesystem and fills it through debugfs, which
// sets owners without being root.
func (b *build) rootFilesystem(ctx context.Context, t tree) (string, error) {
	image := filepath.Join(b.work, "root.img")
	_, err := run(ctx, b.work, b.tools.mke2fs, "-q", "-F", "-t", "ext4", "-L", rootLabel, "-b", "4096", "-i", "16384", "-m", "1",
		"-O", "^64bit", "-J", "size=4", "-E", fmt.Sprintf("root_owner=0:0,resize=%d", rootLimitBlocks), image, fmt.Sprint(rootBytes/1024))
	if err != nil {
		return "", err
	}
	script, err := b.debugfsScript(t)
	if err != nil {
		return "", err
	}
	// debugfs ends well whatever happens; what it could not do it prints.
	out, err := runInput(ctx, b.work, script, b.tools.debugfs, "-w", "-f", "-", image)
	if err != nil {
		return "", err
	}
	return image, debugfsErrors(string(out))
}

func (b *build) debugfsScript(t tree) ([]byte, error) {
	var s bytes.Buffer
	for i, e := range t {
		switch e.mode {
		case fs.ModeDir:
			fmt.Fprintf(&s, "mkdir %s\nsif %s mode 0%o\n", e.path, e.path, 0o040000|e.perm)
		case fs.ModeSymlink:
			fmt.Fprintf(&s, "symlink %s %s\n", e.path, e.link)
		default:
			local := filepath.Join(b.work, fmt.Sprintf("f%d", i))
			if err := os.WriteFile(local, e.data, 0o600); err != nil {
				return nil, err
			}
			fmt.Fprintf(&s, "write %s %s\nsif %s mode 0%o\n", local, e.path, e.path, 0o100000|e.perm)
		}
		if e.mode != fs.ModeSymlink {
			fmt.Fprintf(&s, "sif %s uid %d\nsif %s gid %d\n", e.path, e.uid, e.path, e.gid)
		}
	}
	return s.Bytes(), nil
}

func debugfsErrors(out string) error {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "debugfs:") || strings.HasPrefix(line, "Allocated inode:") {
			continue
		}
		return fmt.Errorf("debugfs: %s", line)
	}
	return nil
}
