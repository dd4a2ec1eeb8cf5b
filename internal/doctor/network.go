package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/charon"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/vlan"
)

// attempt is a Feature and how to try it.
type attempt struct {
	Feature
	try func(ctx context.Context) error
}

var attempts = []attempt{
	{Feature{Name: "bridge", Use: "every network is one", Do: "modprobe bridge"},
		func(context.Context) error { return addLink(&netlink.Bridge{LinkAttrs: named("d0")}) }},
	{Feature{Name: "veth", Use: "it joins networks and routers", Do: "modprobe veth"},
		func(context.Context) error { return addLink(&netlink.Veth{LinkAttrs: named("d1"), PeerName: "d2"}) }},
	{Feature{Name: "tun", Use: "guests' network cards are taps", Do: "modprobe tun; mknod /dev/net/tun c 10 200"},
		func(context.Context) error { return addTap("d3") }},
	{Feature{Name: "nftables for bridges", Use: "security groups and anti-spoofing", Do: "use a kernel with CONFIG_NF_TABLES_BRIDGE"},
		func(ctx context.Context) error {
			return nft.Check(ctx, nil, "table bridge d { chain c { type filter hook forward priority 0; meta mark set 1; }; }")
		}},
	{Feature{Name: "NAT", Use: "floating IPs and the way out", Do: "use a kernel with CONFIG_NFT_MASQ and CONFIG_NFT_NAT"},
		func(ctx context.Context) error {
			return nft.Check(ctx, nil, "table inet d { chain c { type nat hook postrouting priority 100; masquerade; }; }")
		}},
	{Feature{Name: "connection tracking", Use: "security groups are stateful", Do: "modprobe nf_conntrack"},
		func(ctx context.Context) error {
			return nft.Check(ctx, nil, "table inet d { chain c { type filter hook prerouting priority -150; ct state established accept; }; }")
		}},
	{Feature{Name: "br_netfilter or nf_conntrack_bridge", Use: "security groups see connections of bridged packets through one of the two", Do: "modprobe br_netfilter"},
		bridgeTracking},
	{Feature{Name: "BPF at network links", Use: "trunks hand over tagged frames with it", Optional: true, Do: "use a kernel with CONFIG_NET_CLS_BPF and CONFIG_NET_SCH_INGRESS"},
		func(context.Context) error { return joinLinks("d5", "d6") }},
	{Feature{Name: "policy routing with realms", Use: "routing domains have several tables of routes, and translate by the route taken", Optional: true,
		Do: "use a kernel with CONFIG_IP_MULTIPLE_TABLES, CONFIG_IPV6_MULTIPLE_TABLES and CONFIG_NETFILTER_XT_MATCH_REALM"},
		routeByTables},
	{Feature{Name: "strongSwan", Use: "VPN tunnels end in it", Optional: true, Do: "apt-get install " + strings.Join(charon.Packages, " ")},
		func(context.Context) error { _, err := charon.Program(); return err }},
	{Feature{Name: "ESP in the kernel", Use: "VPN tunnels are faster with it; without, strongSwan does its work", Optional: true, Do: "modprobe esp4 esp6, or a kernel with CONFIG_INET_ESP"},
		func(context.Context) error { return linux.TryESP() }},
	{Feature{Name: "vxlan", Use: "networks over several hosts", Optional: true, Do: "modprobe vxlan"},
		func(context.Context) error {
			return addLink(&netlink.Vxlan{LinkAttrs: named("d4"), VxlanId: 1, Port: 4789, Learning: true})
		}},
}

// errDone ends the throw-away namespace: it never gets a name.
var errDone = errors.New("done")

// gatherNetwork tries what networks need in a namespace that is gone afterwards.
func gatherNetwork(ctx context.Context, f *Facts, public netip.Prefix) {
	f.Firewalls = dropping(ctx)
	f.Clashes, _ = linux.Clashes(f.StateDir, public) // without addresses there is no clash
	f.PublicNetwork = public.String()
	err := netns.Create(fmt.Sprintf("nubo-doctor-%d", os.Getpid()), func() error {
		for _, a := range attempts {
			feature := a.Feature
			if err := a.try(ctx); err != nil {
				feature.Error = err.Error()
			}
			f.Features = append(f.Features, feature)
		}
		return errDone
	})
	namespaces := Feature{Name: "network namespaces", Use: "every network and router has one", Do: "use a kernel with CONFIG_NET_NS, and be root outside of containers"}
	if !errors.Is(err, errDone) {
		namespaces.Error = err.Error()
	}
	f.Features = append([]Feature{namespaces}, f.Features...)
}

func named(name string) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name = name
	return a
}

func addLink(l netlink.Link) error { return netlink.LinkAdd(l) }

// joinLinks has the kernel hand frames from one link to another.
func joinLinks(from, to string) error {
	if err := addLink(&netlink.Veth{LinkAttrs: named(from), PeerName: to}); err != nil {
		return err
	}
	a, err := netlink.LinkByName(from)
	if err != nil {
		return err
	}
	b, err := netlink.LinkByName(to)
	if err != nil {
		return err
	}
	return vlan.Join(a, b, vlan.TagMin)
}

// routeByTables has links choose tables, and a rule read which route was taken.
func routeByTables(ctx context.Context) error {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		r := netlink.NewRule()
		r.Family, r.IifName, r.Table = family, "lo", 1000
		if err := netlink.RuleAdd(r); err != nil {
			return err
		}
	}
	return nft.Check(ctx, nil, "table ip d { chain c { type filter hook forward priority 0; rt classid 1 accept; }; }")
}

// addTap makes a tap that goes when its descriptor is closed.
func addTap(name string) error {
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
	return unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
}

// bridgeTracking loads the module as the driver would: harmless if it is there.
func bridgeTracking(ctx context.Context) error {
	const setting = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	if _, err := os.Stat(setting); err == nil {
		return nil
	}
	_ = exec.CommandContext(ctx, "modprobe", "br_netfilter").Run() // the next look tells
	if _, err := os.Stat(setting); err == nil {
		return nil
	}
	return nft.Check(ctx, nil, "table bridge d { chain c { ct state new accept; }; }")
}

// dropping lists chains of the host that drop forwarded packets and have no exception for our links.
func dropping(ctx context.Context) []string {
	var found []string
	for _, family := range []string{"ip", "ip6"} {
		chain, err := nft.List(ctx, nil, "chain", family, "filter", "FORWARD")
		if err == nil && drops(chain) {
			found = append(found, "the chain "+family+" filter FORWARD")
		}
	}
	return found
}

// drops reads what nft prints of a chain.
func drops(chain string) bool {
	return strings.Contains(chain, "policy drop") && !strings.Contains(chain, `"nbu*"`)
}
