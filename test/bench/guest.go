package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// guestRows measure real guests. They run in a child process that is alone in network, mount and PID namespaces of
// its own: nothing of the host's network is touched, and every guest ends with the child.
func guestRows(ctx context.Context, o options) ([]row, error) {
	if why := noGuests(o); why != "" {
		return skippedGuests(why), nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer from.Close()
	cmd := exec.CommandContext(ctx, self, "-in-namespace", "-nubo", o.nubo, "-image", o.image, "-work", o.work, "-scale", fmt.Sprint(o.scale), "-only", o.only)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stderr, os.Stderr, []*os.File{to}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	err = cmd.Start()
	_ = to.Close() // the child has its own
	if err != nil {
		return nil, fmt.Errorf("start in namespaces of its own: %w", err)
	}
	var rows []row
	for d := json.NewDecoder(from); ; {
		var w wireRow
		if d.Decode(&w) != nil {
			break // the child's end of the pipe is closed: it has ended
		}
		rows = append(rows, w.row())
	}
	return rows, cmd.Wait()
}

func noGuests(o options) string {
	if os.Geteuid() != 0 {
		return "Real guests need root, for namespaces and bridges: run make bench as root."
	}
	if o.image == "" {
		return "Real guests need an image: set NUBO_TEST_IMAGE to one made by nubo image build-minimal."
	}
	if _, err := os.Stat(o.image); err != nil {
		return fmt.Sprintf("Real guests need an image: %v.", err)
	}
	for _, tool := range []string{"qemu-system-x86_64", "qemu-img"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "Real guests need " + tool + ": install qemu-system-x86 and qemu-utils."
		}
	}
	return ""
}

func skippedGuests(why string) []row {
	return []row{
		{what: whatIdle, budget: "80 MB", skipped: why}, {what: whatActive, budget: "QEMU + 100 ms", skipped: why},
		{what: whatSSH, budget: "QEMU + 5 %", skipped: why}, {what: whatWrite, budget: "97 %", skipped: why}, {what: whatRead, budget: "97 %", skipped: why},
		{what: whatSend, budget: "97 %", skipped: why}, {what: whatReceive, budget: "97 %", skipped: why},
	}
}

// wireRow carries a row from the child.
type wireRow struct {
	What, Budget, Unit, Note, Failure string
	Limit                             float64
	AtLeast                           bool
	Got                               samples
}

func (w wireRow) row() row {
	return row{what: w.What, budget: w.Budget, unit: w.Unit, note: w.Note, failure: w.Failure, limit: w.Limit, atLeast: w.AtLeast, got: w.Got}
}

func (r row) wire() wireRow {
	return wireRow{What: r.what, Budget: r.budget, Unit: r.unit, Note: r.note, Failure: r.failure, Limit: r.limit, AtLeast: r.atLeast, Got: r.got}
}

// resultsFD is where the child writes its rows.
const resultsFD = 3

// guestChild runs in the namespaces and writes rows.
func guestChild(ctx context.Context, o options) error {
	if err := furnish(); err != nil {
		return fmt.Errorf("prepare namespaces: %w", err)
	}
	out := json.NewEncoder(os.NewFile(resultsFD, "results"))
	rows, err := realGuests(ctx, o)
	if err != nil {
		rows = append(rows, row{what: "guest: the rest of this group", failure: err.Error()})
	}
	err = nil
	for _, r := range rows {
		err = errors.Join(err, out.Encode(r.wire()))
	}
	return err
}

// furnish gives the namespaces what a host has: loopback, /proc of its own processes, and an empty place
// for the names of namespaces, so that none stays behind.
func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/run/netns", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}
