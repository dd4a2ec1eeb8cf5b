package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nubo-cloud/nubo/internal/minimal/fsprobe"
	"github.com/nubo-cloud/nubo/internal/minimal/guest/metadata"
	"golang.org/x/sys/unix"
)

// configDrive reads the config drive; nil when there is none or it cannot be
// read, which is told on the console.
func (g *guest) configDrive() *metadata.Instance {
	kind := ""
	name, ok := findDevice(func(_ string, i fsprobe.Info) bool {
		kind = i.Type
		return strings.EqualFold(i.Label, "config-2") && (i.Type == "iso9660" || i.Type == "vfat")
	})
	if !ok {
		return nil
	}
	in, err := g.readDrive(name, kind)
	if err != nil {
		if !errors.Is(err, metadata.ErrNone) {
			g.console.logf("config drive %s: %v", name, err)
		}
		return nil
	}
	return in
}

func (g *guest) readDrive(name, kind string) (*metadata.Instance, error) {
	driver := map[string][]string{"iso9660": {"isofs"}, "vfat": {"vfat", "nls_cp437", "nls_ascii", "nls_iso8859-1", "nls_utf8"}}
	if err := g.modules.Load(driver[kind]...); err != nil {
		return nil, err
	}
	const dir = "/run/config-drive"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := unix.Mount("/dev/"+name, dir, kind, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return nil, fmt.Errorf("mount: %w", err)
	}
	in, err := metadata.FromDir(dir)
	if uerr := unix.Unmount(dir, 0); err == nil && uerr != nil {
		err = fmt.Errorf("unmount: %w", uerr)
	}
	return in, err
}

// useFixed gives the addresses written on the config drive to the links.
func (g *guest) useFixed(ctx context.Context, in *metadata.Instance) {
	fixed, err := in.Network.Fixed()
	if err != nil {
		g.console.logf("%v: using DHCP", err)
		return
	}
	g.net.SetFixed(ctx, fixed)
}
