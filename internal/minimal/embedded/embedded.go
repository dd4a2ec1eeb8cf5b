// Package embedded carries the guest's program of the minimal image inside the
// nubo binary, when it was there at build time: scripts/build-guest-init.sh
// puts it into data/, which git ignores.
package embedded

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

//go:embed data
var data embed.FS

// ErrMissing says that this binary was built without the guest's program.
var ErrMissing = errors.New("this nubo was built without the guest's init program: run `make guest-init` and build again")

// Guest is the guest's static program for x86-64 Linux; ErrMissing without it.
func Guest() ([]byte, error) {
	packed, err := data.ReadFile("data/nubo-guest.gz")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack the guest's init program: %w", err)
	}
	return io.ReadAll(z)
}
