package imageformat

import (
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// inspector reads one format's metadata and refuses what is unsafe in it, except for
// sizes beyond Limits. With partial set, r holds only the beginning of a file
// that is still arriving and size is not known: what needs more is left for later.
type inspector func(r io.ReaderAt, size int64, partial bool) (virtualBytes int64, err error)

var inspectors = map[spec.Format]inspector{
	spec.FormatRaw:   inspectRaw,
	spec.FormatISO:   inspectRaw,
	spec.FormatQCOW2: inspectQCOW2,
	spec.FormatVMDK:  inspectVMDK,
	spec.FormatVHD:   inspectVHD,
	spec.FormatVHDX:  inspectVHDX,
	spec.FormatVDI:   inspectVDI,
}

func inspectRaw(_ io.ReaderAt, size int64, _ bool) (int64, error) {
	return (size + sectorBytes - 1) / sectorBytes * sectorBytes, nil
}

// Inspect finds a file's format and virtual size. It returns a *Refusal for
// a file that Check would refuse whatever its declared format, otherwise only
// errors of r. size is the length of the file in bytes.
func Inspect(r io.ReaderAt, size int64) (Info, error) {
	format, err := detect(r, size)
	if err != nil {
		return Info{}, err
	}
	return inspectAs(r, size, format)
}

func inspectAs(r io.ReaderAt, size int64, format spec.Format) (Info, error) {
	inspect, ok := inspectors[format]
	if !ok {
		return Info{}, refuse("The file is a %s image, which is not supported; convert it to qcow2 or raw first.", format)
	}
	virtual, err := inspect(r, size, false)
	return Info{Format: format, VirtualBytes: virtual}, err
}

// Check refuses a file that is not what its owner says, that names other files, or whose
// sizes are beyond the limits. It returns nil, a *Refusal, or an error of r.
// After nil, QEMU's tools may open the file, with declared as its explicit format.
func Check(r io.ReaderAt, size int64, declared spec.Format, limits Limits) error {
	limits = limits.orDefault()
	if err := checkDeclared(declared); err != nil {
		return err
	}
	if err := limits.checkFile(size); err != nil {
		return err
	}
	if isOpaque(declared) {
		return nil
	}
	real, err := detect(r, size)
	if err != nil {
		return err
	}
	if err := checkMatch(declared, real); err != nil {
		return err
	}
	info, err := inspectAs(r, size, real)
	if err != nil {
		return err
	}
	return limits.checkVirtual(info.VirtualBytes)
}

// isOpaque tells formats whose bytes are never interpreted.
func isOpaque(f spec.Format) bool {
	return f == FormatAKI || f == FormatARI || f == FormatAMI || f == spec.FormatOpaque || f == spec.FormatLUKS
}

func checkDeclared(f spec.Format) error {
	if _, ok := inspectors[f]; !ok && !isOpaque(f) {
		return refuse("Disk format %q is not supported; use raw, qcow2, vmdk, vhd, vhdx, vdi or iso.", f)
	}
	return nil
}

// checkMatch lets a bootable ISO (which is also a partitioned disk) be declared raw. Nothing else may be
// declared as what it is not: a qcow2 file kept as raw becomes dangerous the day anything probes it.
func checkMatch(declared, real spec.Format) error {
	if declared == real || declared == spec.FormatRaw && real == spec.FormatISO {
		return nil
	}
	if _, known := inspectors[real]; !known {
		return refuse("The file is a %s image, which is not supported; convert it to qcow2 or raw first.", real)
	}
	if declared == spec.FormatRaw {
		return refuse("The file was declared as raw but is a %s image; declare it as %s.", real, real)
	}
	if real == spec.FormatRaw {
		return refuse("The file was declared as %s but does not begin like one; it may be a raw disk, damaged or compressed.", declared)
	}
	return refuse("The file was declared as %s but is %s; declare it as what it is.", declared, real)
}

func (l Limits) checkFile(size int64) error {
	if size > l.FileBytesMax {
		return refuse("The file is %d bytes long; images may have at most %d.", size, l.FileBytesMax)
	}
	return nil
}

func (l Limits) checkVirtual(virtual int64) error {
	if virtual > l.VirtualBytesMax {
		return refuse("The image describes a disk of %d bytes; at most %d are allowed.", virtual, l.VirtualBytesMax)
	}
	return nil
}

// checkVirtualSane refuses sizes no disk has, whatever the limits.
func checkVirtualSane(format spec.Format, virtual uint64) (int64, error) {
	if virtual == 0 {
		return 0, refuse("The %s image describes a disk of no bytes.", format)
	}
	if virtual > 1<<60 {
		return 0, refuse("The %s image describes an impossibly large disk (%d bytes).", format, virtual)
	}
	return int64(virtual), nil
}

func cutShort(format spec.Format, what string) error {
	return refuse("The %s image is cut short or damaged: its %s lies beyond the end of the file.", format, what)
}

// within tells whether length bytes at offset lie inside a file of size bytes.
func within(offset, length uint64, size int64) bool {
	return offset <= uint64(size) && length <= uint64(size)-offset
}
