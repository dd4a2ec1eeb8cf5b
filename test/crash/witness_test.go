package crash

import (
	"os"
	"strconv"
	"strings"

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

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

const witnessName = "witness"

// witness is a guest that runs all the time and is reachable from outside.
type witness struct {
	key                       cloudtest.Key
	pid                       int
	boot                      string
	uptime                    float64
	image, flavor, group, fip string
	subnet                    string
}

// startWitness boots the witness behind a router with a floating IP.
func (r *rig) startWitness() {
	w := &r.witness
	w.key = cloudtest.NewKey(r.t, r.cloud.Host.Dir)
	public, err := os.ReadFile(w.key.PublicFile)
	cloudtest.Check(r.t, err)
	_, err = keypairs.Create(r.ctx(), r.sdk.Compute, keypairs.CreateOpts{Name: witnessName, PublicKey: string(public)}).Extract()
	cloudtest.Check(r.t, err)
	r.witnessImage()
	disk := 1
	f, err := flavors.Create(r.ctx(), r.sdk.Compute, flavors.CreateOpts{Name: witnessName, RAM: 160, VCPUs: 1, Disk: &disk}).Extract()
	cloudtest.Check(r.t, err)
	g, err := groups.Create(r.ctx(), r.sdk.Network, groups.CreateOpts{Name: witnessName}).Extract()
	cloudtest.Check(r.t, err)
	_, err = rules.Create(r.ctx(), r.sdk.Network, rules.CreateOpts{Direction: rules.DirIngress, EtherType: rules.EtherType4,
		Protocol: rules.ProtocolTCP, PortRangeMin: 22, PortRangeMax: 22, SecGroupID: g.ID}).Extract()
	cloudtest.Check(r.t, err)
	_, err = servers.Create(r.ctx(), r.sdk.Compute, keypairs.CreateOptsExt{KeyName: witnessName, CreateOptsBuilder: servers.CreateOpts{Name: witnessName,
		ImageRef: w.image, FlavorRef: f.ID, SecurityGroups: []string{g.ID}, Networks: []servers.Network{{UUID: r.network}}}}, nil).Extract()
	cloudtest.Check(r.t, err)
	w.flavor, w.group = f.ID, g.ID
	r.awaitActive(witnessName)
	r.publish()
	pids := r.cloud.Host.QEMUs()
	if len(pids) != 1 {
		r.fail("processes of the witness: %v", pids)
	}
	w.pid = pids[0]
	guest := r.cloud.Host.SSH(r.t, r.address, w.key, nil)
	defer guest.Close()
	w.boot = guest.BootID()
}

func (r *rig) witnessImage() {
	i, err := images.Create(r.ctx(), r.sdk.Image, images.CreateOpts{Name: witnessName, DiskFormat: "qcow2", ContainerFormat: "bare"}).Extract()
	cloudtest.Check(r.t, err)
	f, err := os.Open(r.files.Image)
	cloudtest.Check(r.t, err)
	defer f.Close()
	cloudtest.Check(r.t, imagedata.Upload(r.ctx(), r.sdk.Image, i.ID, f).ExtractErr())
	r.witness.image = i.ID
}

// publish gives the witness a floating IP.
func (r *rig) publish() {
	pages, err := networks.List(r.sdk.Network, networks.ListOpts{Name: "public"}).AllPages(r.ctx())
	cloudtest.Check(r.t, err)
	public, err := networks.ExtractNetworks(pages)
	cloudtest.Check(r.t, err)
	router, err := routers.Create(r.ctx(), r.sdk.Network, routers.CreateOpts{Name: "edge", GatewayInfo: &routers.GatewayInfo{NetworkID: public[0].ID}}).Extract()
	cloudtest.Check(r.t, err)
	n, err := networks.Get(r.ctx(), r.sdk.Network, r.network).Extract()
	cloudtest.Check(r.t, err)
	r.witness.subnet = n.Subnets[0]
	_, err = routers.AddInterface(r.ctx(), r.sdk.Network, router.ID, routers.AddInterfaceOpts{SubnetID: r.witness.subnet}).Extract()
	cloudtest.Check(r.t, err)
	port := r.portOf(r.find(witnessName).ID)
	f, err := floatingips.Create(r.ctx(), r.sdk.Network, floatingips.CreateOpts{FloatingNetworkID: public[0].ID, PortID: port}).Extract()
	cloudtest.Check(r.t, err)
	r.router, r.address, r.witness.fip = router.ID, f.FloatingIP, f.ID
}

func (r *rig) portOf(server string) string {
	pages, err := ports.List(r.sdk.Network, ports.ListOpts{DeviceID: server}).AllPages(r.ctx())
	cloudtest.Check(r.t, err)
	all, err := ports.ExtractPorts(pages)
	cloudtest.Check(r.t, err)
	if len(all) != 1 {
		r.fail("ports of %s: %v", server, all)
	}
	return all[0].ID
}

// checkWitness: the same process, and now and then the same boot, a longer uptime and a network that carries.
func (r *rig) checkWitness(thorough bool) {
	r.t.Helper()
	if !cloudtest.Alive(r.witness.pid) {
		r.fail("the witness' QEMU has ended")
	}
	if s := r.find(witnessName); s == nil || s.Status != "ACTIVE" {
		r.fail("the witness is %+v", s)
	}
	if !thorough {
		return
	}
	g := r.cloud.Host.SSH(r.t, r.address, r.witness.key, nil)
	defer g.Close()
	if boot := g.BootID(); boot != r.witness.boot {
		r.fail("the witness has booted again")
	}
	up, err := strconv.ParseFloat(strings.Fields(g.Run("cat /proc/uptime"))[0], 64)
	cloudtest.Check(r.t, err)
	if up <= r.witness.uptime {
		r.fail("the witness' uptime is %v after %v", up, r.witness.uptime)
	}
	r.witness.uptime = up
}

func (r *rig) removeWitness() {
	w := r.witness
	cloudtest.Check(r.t, servers.Delete(r.ctx(), r.sdk.Compute, r.find(witnessName).ID).ExtractErr())
	r.eventually(func() error {
		if r.find(witnessName) != nil {
			return errStillThere
		}
		return nil
	})
	cloudtest.Check(r.t, floatingips.Delete(r.ctx(), r.sdk.Network, w.fip).ExtractErr())
	_, err := routers.RemoveInterface(r.ctx(), r.sdk.Network, r.router, routers.RemoveInterfaceOpts{SubnetID: w.subnet}).Extract()
	cloudtest.Check(r.t, err)
	cloudtest.Check(r.t, routers.Delete(r.ctx(), r.sdk.Network, r.router).ExtractErr())
	cloudtest.Check(r.t, networks.Delete(r.ctx(), r.sdk.Network, r.network).ExtractErr())
	cloudtest.Check(r.t, groups.Delete(r.ctx(), r.sdk.Network, w.group).ExtractErr())
	cloudtest.Check(r.t, keypairs.Delete(r.ctx(), r.sdk.Compute, witnessName, nil).ExtractErr())
	for _, f := range append(r.flavors[:], w.flavor) {
		cloudtest.Check(r.t, flavors.Delete(r.ctx(), r.sdk.Compute, f).ExtractErr())
	}
	for _, i := range []string{r.image, w.image} {
		cloudtest.Check(r.t, images.Delete(r.ctx(), r.sdk.Image, i).ExtractErr())
	}
}

type stillThere struct{}

func (stillThere) Error() string { return "the server is still shown" }

var errStillThere = stillThere{}
