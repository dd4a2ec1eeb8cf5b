package guest

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/modules"
)

// earlyBuses are where disks and links hang; lateBuses can wait until the
// guest answers.
var (
	earlyBuses = []string{"pci", "platform", "virtio", "scsi"}
	lateBuses  = []string{"acpi", "input", "pci", "platform", "virtio", "scsi"}
)

// lateModules have no device that asks for them.
var lateModules = []string{"evdev"}

// deferredModules load after the links are up, since nothing on the way needs
// them: the IDE controller that every pc has takes most of a second to probe,
// and holds a root or a config drive only now and then.
var deferredModules = map[string]bool{
	"ata_piix": true, "ahci": true, "button": true, "virtio_console": true, "virtio_balloon": true, "i6300esb": true,
}

// devices loads what the disks and links need and listens to what is plugged
// in later.
func (g *guest) devices(ctx context.Context) error {
	set, err := modules.Open(modules.Running())
	if err != nil {
		return err
	}
	g.modules = set
	if g.events, err = listenEvents(); err != nil {
		return err
	}
	g.coldplug(earlyBuses, false)
	return nil
}

// coldplug asks every device on the buses which module it wants, until no
// module brings new devices.
func (g *guest) coldplug(buses []string, deferred bool) {
	for again := true; again; {
		again = false
		for _, bus := range buses {
			files, _ := filepath.Glob("/sys/bus/" + bus + "/devices/*/modalias") // the pattern is well formed
			for _, f := range files {
				again = g.loadFor(f, deferred) || again
			}
		}
	}
}

func (g *guest) loadFor(modaliasFile string, deferred bool) bool {
	b, err := os.ReadFile(modaliasFile)
	if err != nil {
		return false
	}
	return g.loadAlias(strings.TrimSpace(string(b)), deferred)
}

func (g *guest) loadAlias(modalias string, deferred bool) bool {
	news := false
	for _, m := range g.modules.Match(modalias) {
		if deferredModules[m] && !deferred {
			continue
		}
		n, err := g.modules.LoadNew(m)
		if err != nil {
			g.console.logf("%v", err)
		}
		news = news || n
	}
	return news
}

// lateDevices loads the rest and then follows the kernel's events until ctx
// ends.
func (g *guest) lateDevices(ctx context.Context) {
	g.coldplug(lateBuses, true)
	if err := g.modules.Load(lateModules...); err != nil {
		g.console.logf("%v", err)
	}
	g.watchPowerButtons()
	g.diskLinks()
	g.events.follow(ctx, func(e event) { g.react(ctx, e) })
}

// react brings what was plugged in to life.
func (g *guest) react(ctx context.Context, e event) {
	if e.modalias != "" && e.action == "add" {
		g.loadAlias(e.modalias, true)
	}
	switch {
	case e.subsystem == "net" && e.action == "add":
		g.net.Start(ctx, e.iface)
	case e.subsystem == "net" && e.action == "remove":
		g.net.Stop(e.iface)
	case e.subsystem == "block":
		g.events.blockChanged()
		g.diskLinks()
	case e.subsystem == "input" && e.action == "add":
		g.watchPowerButtons()
	case e.subsystem == "cpu" && e.action == "add":
		// A processor that does not come up leaves the others working.
		_ = os.WriteFile(filepath.Join("/sys", e.path, "online"), []byte("1"), 0o644)
	}
}

func (g *guest) startLinks(ctx context.Context) {
	links, err := os.ReadDir("/sys/class/net")
	if err != nil {
		g.console.logf("list links: %v", err)
		return
	}
	for _, l := range links {
		g.net.Start(ctx, l.Name())
	}
}

// diskLinks makes /dev/disk/by-id/virtio-SERIAL, by which clouds' clients find
// the volume they attached.
func (g *guest) diskLinks() {
	const dir = "/dev/disk/by-id"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		g.console.logf("%v", err)
		return
	}
	old, _ := filepath.Glob(dir + "/*") // the pattern is well formed
	for _, l := range old {
		os.Remove(l)
	}
	serials, _ := filepath.Glob("/sys/block/*/serial")
	for _, f := range serials {
		b, err := os.ReadFile(f)
		serial := strings.ReplaceAll(strings.TrimSpace(string(b)), "/", "_")
		if err == nil && serial != "" {
			disk := filepath.Base(filepath.Dir(f))
			// Two disks with one serial number share the first's link.
			_ = os.Symlink("../../"+disk, filepath.Join(dir, "virtio-"+serial))
		}
	}
}
