// Package guest is the first process of the minimal image: it brings devices,
// the root filesystem and the network up, learns who the instance is, serves
// SSH, and turns the guest off when its power button is pressed.
//
//	kernel -> early mounts -> devices (modules) -> root (grow, mount, move there)
//	       -> links -> metadata or config drive -> host keys -> SSH -> login prompts, user-data
//
// It is for testing clouds, not for running services: there is no service
// manager, no logging daemon and no package. BusyBox gives the shell and most
// tools; the rest are in package applet. cmd/nubo-guest calls Run when it is
// process 1.
package guest

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/modules"
	"github.com/nubo-cloud/nubo/internal/minimal/guest/netconf"
	"github.com/nubo-cloud/nubo/internal/minimal/guest/sshd"
	"golang.org/x/sys/unix"
)

// Program is where the guest's own program is found once the root is mounted;
// the tools of package applet are links to it.
const Program = "/usr/lib/nubo-guest"

type guest struct {
	console  *console
	cmdline  cmdline
	modules  *modules.Set
	net      *netconf.Manager
	children *children
	events   *events
	power    chan powerAction
	ssh      atomic.Pointer[sshd.Server] // nil until it serves
}

// Run is the guest's whole life; it returns only if the kernel refuses to
// power off. Call it as process 1, once.
func Run() error {
	g := &guest{console: &console{out: os.Stdout}, children: newChildren(), power: make(chan powerAction, 4)}
	if err := earlyMounts(); err != nil {
		return err
	}
	g.console.mark("kernel ready")
	// The kernel gives process 1 no search path; user-data's commands want one.
	if err := os.Setenv("PATH", "/usr/local/bin:/usr/bin:/bin"); err != nil {
		return err
	}
	// Without a hardware source the kernel needs a second to gather good random
	// numbers, and begins when the first is asked for. DHCP and keys need them.
	go warmRandom()
	g.cmdline = readCmdline()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go g.children.reap()
	go g.signals()
	if err := g.devices(ctx); err != nil {
		return err
	}
	if err := g.enterRoot(); err != nil {
		return fmt.Errorf("root filesystem: %w", err)
	}
	g.console.mark("root ready")
	go g.boot(ctx)
	return g.shutdown(<-g.power)
}

// boot is what follows once there is a root.
func (g *guest) boot(ctx context.Context) {
	// Debian's kernels show their messages to root only; here everybody may see.
	if err := os.WriteFile("/proc/sys/kernel/dmesg_restrict", []byte("0"), 0o644); err != nil {
		g.console.logf("%v", err)
	}
	if err := netconf.Loopback(); err != nil {
		g.console.logf("lo: %v", err)
	}
	g.net = netconf.New(g.console.logf)
	if err := g.net.Watch(ctx); err != nil {
		g.console.logf("watch addresses: %v", err)
	}
	drive := g.configDrive()
	if drive != nil {
		g.useFixed(ctx, drive)
	}
	g.startLinks(ctx)
	go g.lateDevices(ctx)
	go g.markNetwork()
	g.becomeInstance(ctx, drive)
}

func (g *guest) markNetwork() {
	<-g.net.Ready()
	g.console.mark("network ready")
}

// warmRandom waits until the kernel's random numbers are good, in the
// background of what needs none.
func warmRandom() {
	var b [1]byte
	// An error shows again, and is handled, where keys are made.
	_, _ = unix.Getrandom(b[:], 0)
}
