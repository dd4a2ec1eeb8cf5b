package qemu

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// keyOf names the object that holds the key of a node while QEMU opens it. QEMU keeps what it made of the key, and
// the object goes: nothing can ask for it afterwards.
func keyOf(node string) string { return node + "-key" }

// key gives QEMU the key of an encrypted source in memory that has no name, so that it is neither on the
// command line nor in a file.
func (c *command) key(node string, src spec.BlockSource) error {
	if err := src.CheckKey(); err != nil || src.Format != spec.FormatLUKS {
		return err
	}
	f, err := memoryWith(string(src.Key))
	if err != nil {
		return err
	}
	c.add("-object", object{"qom-type": "secret", "id": keyOf(node), "file": fmt.Sprintf("/proc/self/fd/%d", c.in.add(f))}.String())
	return nil
}

func memoryWith(text string) (*os.File, error) {
	fd, err := unix.MemfdCreate("key", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory for a key: %w", err)
	}
	f := os.NewFile(uintptr(fd), "key")
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return nil, fmt.Errorf("memory for a key: %w", err)
	}
	return f, nil
}

// lendKey is key for a process that runs, over its monitor, which only we can reach.
func (r *run) lendKey(ctx context.Context, node string, src spec.BlockSource) error {
	if err := src.CheckKey(); err != nil || src.Format != spec.FormatLUKS {
		return err
	}
	return r.mon.Execute(ctx, "object-add", object{"qom-type": "secret", "id": keyOf(node), "data": string(src.Key)}, nil)
}

// dropKey takes the key back when the node has been opened.
func (r *run) dropKey(ctx context.Context, node string, src spec.BlockSource) {
	if src.Format == spec.FormatLUKS {
		r.mon.Execute(ctx, "object-del", object{"id": keyOf(node)}, nil) // not there if opening failed early
	}
}
