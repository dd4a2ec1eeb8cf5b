package file

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// toolFormats are the names that QEMU's tools know our formats by.
var toolFormats = map[spec.Format]string{
	spec.FormatRaw: "raw", spec.FormatQCOW2: "qcow2", spec.FormatVMDK: "vmdk",
	spec.FormatVHD: "vpc", spec.FormatVHDX: "vhdx", spec.FormatVDI: "vdi", spec.FormatISO: "raw",
}

// convert writes source (with its base, if any) into out, a new file, in raw or qcow2, and syncs it.
func (d *Driver) convert(ctx context.Context, source spec.BlockSource, out string, format spec.Format) error {
	s := d.sandbox()
	defer s.close()
	in, err := s.openSource(source)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(out, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return diskError(err)
	}
	to, err := s.pass(f, true)
	if err != nil {
		return err
	}
	if err := s.run(ctx, "qemu-img", []string{"convert", "-t", "writeback", "-O", toolFormats[format], in, to}); err != nil {
		return err
	}
	return diskError(f.Sync())
}

// resize grows a qcow2 disk whose L1 table has to move.
func (d *Driver) resize(ctx context.Context, o object, sizeBytes int64) error {
	if err := o.checkOverlay(); err != nil {
		return err
	}
	s := d.sandbox()
	defer s.close()
	source := o.source()
	source.Base = nil // growing reads nothing below: the base is never larger than the overlay
	f, err := os.OpenFile(o.disk(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	path, err := s.pass(f, true)
	if err != nil {
		return err
	}
	options, err := blockOptions(source.Format, path, "", "")
	if err != nil {
		return err
	}
	if err := s.run(ctx, "qemu-img", []string{"resize", options, strconv.FormatInt(sizeBytes, 10)}); err != nil {
		return err
	}
	return diskError(f.Sync())
}

// openSource passes the files of a source and returns how a tool names them together.
func (s *sandbox) openSource(source spec.BlockSource) (string, error) {
	path, err := s.open(source.Path)
	if err != nil {
		return "", err
	}
	if source.Base == nil {
		return blockOptions(source.Format, path, "", "")
	}
	base, err := s.open(source.Base.Path)
	if err != nil {
		return "", err
	}
	return blockOptions(source.Format, path, source.Base.Format, base)
}

// blockOptions spells formats and files out, in the JSON that tools take in place of a file name: nothing
// is probed, and the backing file is ours or none, whatever the header says.
func blockOptions(format spec.Format, path string, baseFormat spec.Format, base string) (string, error) {
	node := func(f spec.Format, p string) map[string]any {
		return map[string]any{"driver": toolFormats[f], "file": map[string]any{"driver": "file", "filename": p, "locking": "off"}}
	}
	top := node(format, path)
	switch {
	case base != "":
		top["backing"] = node(baseFormat, base)
	case format == spec.FormatQCOW2:
		top["backing"] = nil
	}
	b, err := json.Marshal(top)
	if err != nil {
		return "", fmt.Errorf("block options: %w", err)
	}
	return "json:" + string(b), nil
}
