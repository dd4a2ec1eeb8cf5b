package isolation

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/keypairs"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// site is a cloud with two networks and guests on them that let everything in, so that only
// what the cloud itself forbids is forbidden.
type site struct {
	t      *testing.T
	cloud  *cloudtest.Cloud
	sdk    *cloudtest.SDK
	key    cloudtest.Key
	image  string
	flavor string
	group  string
	public string
}

// place is a network with its one IPv4 subnet.
type place struct{ network, subnet string }

// guest is a server, how to reach it, and who it is on its network.
type guest struct {
	*cloudtest.Guest
	name, id, address, mac, port string
}

func (s *site) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), cloudtest.Patience(20*time.Second))
	s.t.Cleanup(cancel)
	return ctx
}

func newSite(t *testing.T) *site {
	t.Helper()
	files := cloudtest.Need(t, "qemu-system-x86_64", "nft", "ip")
	c := cloudtest.Start(t, files, cloudtest.Settings{"check_seconds": 2, "acceleration": "tcg", "shutdown_seconds": 1})
	s := &site{t: t, cloud: c, sdk: c.SDK(t), key: cloudtest.NewKey(t, c.Host.Dir)}
	public, err := os.ReadFile(s.key.PublicFile)
	s.check(err)
	_, err = keypairs.Create(s.ctx(), s.sdk.Compute, keypairs.CreateOpts{Name: "k", PublicKey: string(public)}).Extract()
	s.check(err)
	i, err := images.Create(s.ctx(), s.sdk.Image, images.CreateOpts{Name: "minimal", DiskFormat: "qcow2", ContainerFormat: "bare"}).Extract()
	s.check(err)
	f, err := os.Open(files.Image)
	s.check(err)
	defer f.Close()
	s.check(imagedata.Upload(s.ctx(), s.sdk.Image, i.ID, f).ExtractErr())
	disk := 1
	size, err := flavors.Create(s.ctx(), s.sdk.Compute, flavors.CreateOpts{Name: "small", RAM: 160, VCPUs: 1, Disk: &disk}).Extract()
	s.check(err)
	pages, err := networks.List(s.sdk.Network, networks.ListOpts{Name: "public"}).AllPages(s.ctx())
	s.check(err)
	all, err := networks.ExtractNetworks(pages)
	s.check(err)
	s.image, s.flavor, s.public, s.group = i.ID, size.ID, all[0].ID, s.openGroup()
	return s
}

func (s *site) check(err error) {
	s.t.Helper()
	cloudtest.Check(s.t, err)
}

// openGroup lets everything in.
func (s *site) openGroup() string {
	g, err := groups.Create(s.ctx(), s.sdk.Network, groups.CreateOpts{Name: "open"}).Extract()
	s.check(err)
	for _, family := range []rules.RuleEtherType{rules.EtherType4, rules.EtherType6} {
		_, err = rules.Create(s.ctx(), s.sdk.Network, rules.CreateOpts{Direction: rules.DirIngress, EtherType: family, SecGroupID: g.ID}).Extract()
		s.check(err)
	}
	return g.ID
}

func (s *site) place(name, prefix string) place {
	n, err := networks.Create(s.ctx(), s.sdk.Network, networks.CreateOpts{Name: name}).Extract()
	s.check(err)
	sub, err := subnets.Create(s.ctx(), s.sdk.Network, subnets.CreateOpts{NetworkID: n.ID, CIDR: prefix, IPVersion: 4}).Extract()
	s.check(err)
	return place{n.ID, sub.ID}
}

// router stands between a network and the outside.
func (s *site) router(p place) string {
	r, err := routers.Create(s.ctx(), s.sdk.Network, routers.CreateOpts{GatewayInfo: &routers.GatewayInfo{NetworkID: s.public}}).Extract()
	s.check(err)
	_, err = routers.AddInterface(s.ctx(), s.sdk.Network, r.ID, routers.AddInterfaceOpts{SubnetID: p.subnet}).Extract()
	s.check(err)
	return r.ID
}

// boot creates a server with a port of its own.
func (s *site) boot(name string, p place) *guest {
	port := s.port(p)
	made, err := servers.Create(s.ctx(), s.sdk.Compute, keypairs.CreateOptsExt{KeyName: "k", CreateOptsBuilder: servers.CreateOpts{Name: name, ImageRef: s.image,
		FlavorRef: s.flavor, Networks: []servers.Network{{Port: port.ID}}}}, nil).Extract()
	s.check(err)
	cloudtest.Eventually(s.t, cloudtest.Patience(20*time.Second), func() error {
		now, err := servers.Get(s.ctx(), s.sdk.Compute, made.ID).Extract()
		if err == nil && now.Status != "ACTIVE" {
			err = fmt.Errorf("server %s is %s: %s", name, now.Status, now.Fault.Message)
		}
		return err
	})
	return &guest{name: name, id: made.ID, address: port.FixedIPs[0].IPAddress, mac: port.MACAddress, port: port.ID}
}

func (s *site) port(p place) *ports.Port {
	port, err := ports.Create(s.ctx(), s.sdk.Network, ports.CreateOpts{NetworkID: p.network, SecurityGroups: &[]string{s.group}}).Extract()
	s.check(err)
	return port
}

// login reaches a guest by a floating IP.
func (s *site) login(g *guest) {
	f, err := floatingips.Create(s.ctx(), s.sdk.Network, floatingips.CreateOpts{FloatingNetworkID: s.public, PortID: g.port}).Extract()
	s.check(err)
	g.Guest = s.cloud.Host.SSH(s.t, f.FloatingIP, s.key, nil)
}

// releaseFloating takes the floating IPs of a network's guests away: routers keep an interface that one needs.
func (s *site) releaseFloating(p place) {
	s.t.Helper()
	pages, err := ports.List(s.sdk.Network, ports.ListOpts{NetworkID: p.network}).AllPages(s.ctx())
	s.check(err)
	all, err := ports.ExtractPorts(pages)
	s.check(err)
	for _, port := range all {
		pages, err := floatingips.List(s.sdk.Network, floatingips.ListOpts{PortID: port.ID}).AllPages(s.ctx())
		s.check(err)
		found, err := floatingips.ExtractFloatingIPs(pages)
		s.check(err)
		for _, f := range found {
			s.check(floatingips.Delete(s.ctx(), s.sdk.Network, f.ID).ExtractErr())
		}
	}
}
