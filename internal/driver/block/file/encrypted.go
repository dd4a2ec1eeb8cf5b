package file

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/imageformat/luks"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// fillEncrypted makes an encrypted volume: of an encrypted source a copy, whose key is the same; of any other source
// one that qemu-img encrypts on the way; of nothing a header.
func (d *Driver) fillEncrypted(ctx context.Context, v spec.Volume, dir string) error {
	if v.Encryption.Key == "" {
		return fmt.Errorf("%w: encryption without a key", spec.ErrInvalid)
	}
	to := object{dir: dir, diskFormat: spec.FormatLUKS}
	from, err := d.sourceOf(v)
	if err != nil {
		return err
	}
	if from == nil {
		return beginEncrypted(to.disk(), v)
	}
	if from.Format == spec.FormatLUKS {
		return d.copyEncrypted(ctx, from.Path, to.disk(), v.SizeBytes)
	}
	if err := fits(from.Path, from.Format, v.SizeBytes); err != nil {
		return err
	}
	if err := beginEncrypted(to.disk(), v); err != nil {
		return err
	}
	return missingIfGone(d.encrypt(ctx, *from, to.disk(), v.Encryption.Key))
}

// sourceOf is what a volume is made from, checked for a tool to open it; nil if it is made from nothing.
func (d *Driver) sourceOf(v spec.Volume) (*spec.BlockSource, error) {
	kind, id := "", ""
	switch {
	case v.Image != nil:
		kind, id = imagesDir, string(v.Image.ID)
	case v.Snapshot != "":
		kind, id = snapshotsDir, string(v.Snapshot)
	case v.Volume != "":
		kind, id = volumesDir, string(v.Volume)
	default:
		return nil, nil
	}
	if err := checkID(id); err != nil {
		return nil, err
	}
	o, err := d.load(kind, id)
	if err != nil {
		return nil, err
	}
	if kind == imagesDir {
		return &spec.BlockSource{Path: o.base(), Format: o.baseFormat}, nil
	}
	if err := o.checkOverlay(); err != nil {
		return nil, missingIfGone(err)
	}
	source := o.source()
	return &source, nil
}

func beginEncrypted(path string, v spec.Volume) error {
	return makeDisk(path, func(f *os.File) error {
		if err := luks.WriteHeader(f, v.Encryption.Cipher, v.Encryption.KeyBits, string(v.Encryption.Key)); err != nil {
			return fmt.Errorf("%w: %w", spec.ErrNotSupported, err)
		}
		return f.Truncate(fileBytes(spec.FormatLUKS, v.SizeBytes))
	})
}

func (d *Driver) copyEncrypted(ctx context.Context, from, to string, sizeBytes int64) error {
	if err := fits(from, spec.FormatLUKS, sizeBytes); err != nil {
		return err
	}
	if err := d.copyDisk(ctx, from, to); err != nil {
		return missingIfGone(err)
	}
	return growFile(to, fileBytes(spec.FormatLUKS, sizeBytes))
}

// encrypt has qemu-img copy a source into an encrypted disk that is there already.
func (d *Driver) encrypt(ctx context.Context, source spec.BlockSource, disk string, key spec.Key) error {
	s := d.sandbox()
	defer s.close()
	in, err := s.openSource(source)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	out, err := s.pass(f, true)
	if err != nil {
		return err
	}
	secret, err := s.passKey(key)
	if err != nil {
		return err
	}
	target := "driver=luks,key-secret=key,file.driver=file,file.locking=off,file.filename=" + out
	if err := s.run(ctx, "qemu-img", []string{"convert", "-n", "-t", "writeback", "--object", secret, "--target-image-opts", in, target}); err != nil {
		return err
	}
	return diskError(f.Sync())
}

// passKey gives a tool a key, in memory that has no name in any file system (so that Landlock has no say), and answers how
// the tool is told.
func (s *sandbox) passKey(key spec.Key) (string, error) {
	fd, err := unix.MemfdCreate("key", unix.MFD_CLOEXEC)
	if err != nil {
		return "", fmt.Errorf("memory for a key: %w", err)
	}
	f := os.NewFile(uintptr(fd), "key")
	if _, err := f.WriteString(string(key)); err != nil {
		f.Close()
		return "", err
	}
	b, err := json.Marshal(map[string]string{"qom-type": "secret", "id": "key", "file": s.hold(f)})
	return string(b), err
}
