// Package vlan hands frames from one link to others and back by their 802.1Q tag, with two small programs that the
// kernel runs where frames come in:
//
//	trunk --- in: tag 100 --- tag off ---> out at branch a
//	      <-- out ------------ tag on ---- in at branch a
//
// It needs neither the kernel's VLAN devices nor a bridge that knows tags, which not every kernel has. The frames never
// reach the bridge, if any, that the trunk is in; all links are in one network namespace. It knows no port and no
// network: package linux says which links belong together.
package vlan

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Tags of 802.1Q. Untagged stands for no tag at all.
const (
	Untagged = 0
	TagMin   = 1
	TagMax   = 4094
)

// Strays says what becomes of frames with a tag that no branch has. Frames without a tag and without a branch go where
// they would go anyway.
type Strays int

// The choices.
const (
	DropStrays Strays = iota
	PassStrays        // they are somebody else's, as on a NIC that the host uses too
)

// Split hands frames that come in at a trunk to its branches: links by tag. It replaces an earlier Split of the trunk
// without losing a frame, and does nothing if that was the same.
func Split(trunk netlink.Link, branches map[int]netlink.Link, s Strays) error {
	indexes := map[int]uint32{}
	for tag, l := range branches {
		indexes[tag] = uint32(l.Attrs().Index)
	}
	name := nameOf(fmt.Sprint("split", indexes, s)) // maps print sorted
	return attach(trunk, name, func() (*ebpf.Program, error) { return splitProgram(indexes, s) })
}

// Join hands frames that come in at a branch to its trunk, with a tag. It may be repeated.
func Join(branch, trunk netlink.Link, tag int) error {
	name := nameOf(fmt.Sprint("join", trunk.Attrs().Index, tag))
	return attach(branch, name, func() (*ebpf.Program, error) { return joinProgram(trunk.Attrs().Index, tag) })
}

// Unsplit makes a link an ordinary one again.
func Unsplit(l netlink.Link) error {
	held, err := heldName(l)
	if err != nil || held == "" {
		return err
	}
	return netlink.FilterDel(filter(l, held, -1))
}

// nameOf names a program by what it does, so that one can tell whether the kernel has it already.
func nameOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "nubo-" + hex.EncodeToString(sum[:8])
}

func attach(l netlink.Link, name string, load func() (*ebpf.Program, error)) error {
	held, err := heldName(l)
	if err != nil || held == name {
		return err
	}
	program, err := load()
	if errors.Is(err, ebpf.ErrNotSupported) {
		err = errors.Join(err, spec.ErrNotSupported)
	}
	if err != nil {
		return fmt.Errorf("program for the tags of %s: %w", l.Attrs().Name, err)
	}
	defer program.Close() // the kernel keeps it as long as it is attached
	if err := ensureHook(l); err != nil {
		return fmt.Errorf("hook of %s: %w", l.Attrs().Name, err)
	}
	if err := netlink.FilterReplace(filter(l, name, program.FD())); err != nil {
		return fmt.Errorf("attach to %s: %w", l.Attrs().Name, err)
	}
	return nil
}

// ensureHook gives a link the place where programs see what comes in.
func ensureHook(l netlink.Link) error {
	err := netlink.QdiscAdd(&netlink.GenericQdisc{QdiscType: "clsact", QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT}})
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

func filter(l netlink.Link, name string, fd int) *netlink.BpfFilter {
	return &netlink.BpfFilter{Fd: fd, Name: name, DirectAction: true, FilterAttrs: netlink.FilterAttrs{
		LinkIndex: l.Attrs().Index, Parent: netlink.HANDLE_MIN_INGRESS, Handle: 1, Priority: 1, Protocol: unix.ETH_P_ALL}}
}

// heldName is the name of our program on a link, "" if there is none.
func heldName(l netlink.Link) (string, error) {
	filters, err := netlink.FilterList(l, netlink.HANDLE_MIN_INGRESS)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return "", nil // no hook
	}
	for _, f := range filters {
		if b, ok := f.(*netlink.BpfFilter); ok && b.Priority == 1 {
			return b.Name, nil
		}
	}
	return "", err
}
