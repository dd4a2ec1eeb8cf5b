package linux

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Everything here works on the namespace of the current thread.

// ensureTap makes a persistent tap, down, and gives its index. It has no owner: whoever
// can reach the namespace and /dev/net/tun may open it, without privileges.
func ensureTap(name, mark string, mtu int) (int, error) {
	l, err := findLink(name)
	if err != nil {
		return 0, err
	}
	if l == nil {
		if err := createTap(name); err != nil {
			return 0, fmt.Errorf("make tap %s: %w", name, err)
		}
		return carryFrames(name, mark, mtu, false)
	}
	if l.Type() != "tuntap" {
		return 0, fmt.Errorf("%s is a %s, not a tap: %w", name, l.Type(), spec.ErrExists)
	}
	return l.Attrs().Index, nil
}

// createTap leaves a tap behind that outlives its file descriptor.
func createTap(name string) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/net/tun: %w", err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return err
	}
	return unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1)
}

// plugTap puts the tap into the bridge and opens or closes it to frames.
func plugTap(name string, mtu int, up bool) error {
	br, err := netlink.LinkByName(bridgeName)
	if err != nil {
		return err
	}
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return plugLink(l, br, mtu, up)
}

// tuneTaps is plugTap for those of some taps that are there.
func tuneTaps(up map[string]bool, mtu int) error {
	br, err := netlink.LinkByName(bridgeName)
	if err != nil {
		return err
	}
	for name := range up {
		l, err := findLink(name)
		if err != nil {
			return err
		}
		if l == nil {
			continue
		}
		if err := plugLink(l, br, mtu, up[name]); err != nil {
			return err
		}
	}
	return nil
}

func plugLink(l, br netlink.Link, mtu int, up bool) error {
	if err := enslave(l, br); err != nil {
		return err
	}
	return tuneLink(l, l.Attrs().Alias, mtu, up)
}

func tapStats(name string, s *spec.NICStats) error {
	l, err := findLink(name)
	if err != nil {
		return err
	}
	if l == nil || l.Attrs().Statistics == nil {
		return spec.ErrMissing
	}
	k := l.Attrs().Statistics
	s.ReceivedBytes, s.SentBytes = int64(k.TxBytes), int64(k.RxBytes)
	s.ReceivedPackets, s.SentPackets = int64(k.TxPackets), int64(k.RxPackets)
	s.ReceivedDropped, s.SentDropped = int64(k.TxDropped), int64(k.RxDropped)
	s.ReceivedErrors, s.SentErrors = int64(k.TxErrors), int64(k.RxErrors)
	return nil
}
