package crash

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/snapshots"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/volumeattach"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

const victimName = "victim"

// prepare makes what every round uses: a small image that never boots, a network, two flavors.
func (r *rig) prepare() {
	i, err := images.Create(r.ctx(), r.sdk.Image, images.CreateOpts{Name: "small", DiskFormat: "raw", ContainerFormat: "bare"}).Extract()
	cloudtest.Check(r.t, err)
	cloudtest.Check(r.t, imagedata.Upload(r.ctx(), r.sdk.Image, i.ID, strings.NewReader(strings.Repeat("nubo", 256<<10))).ExtractErr())
	n, err := networks.Create(r.ctx(), r.sdk.Network, networks.CreateOpts{Name: "n"}).Extract()
	cloudtest.Check(r.t, err)
	_, err = subnets.Create(r.ctx(), r.sdk.Network, subnets.CreateOpts{NetworkID: n.ID, CIDR: "10.20.0.0/24", IPVersion: 4}).Extract()
	cloudtest.Check(r.t, err)
	r.image, r.network = i.ID, n.ID
	disk := 1
	for k := range r.flavors {
		f, err := flavors.Create(r.ctx(), r.sdk.Compute, flavors.CreateOpts{Name: fmt.Sprintf("k%d", k), RAM: 64 + 16*k, VCPUs: 1, Disk: &disk}).Extract()
		cloudtest.Check(r.t, err)
		r.flavors[k] = f.ID
	}
}

// The verbs below run while the daemon is killed: their errors mean nothing, rest looks at what came of them.

func (r *rig) create() {
	_, _ = servers.Create(r.ctx(), r.sdk.Compute, servers.CreateOpts{Name: victimName, ImageRef: r.image, FlavorRef: r.flavors[0],
		Networks: []servers.Network{{UUID: r.network}}}, nil).Extract()
}

func (r *rig) attach() {
	_, _ = volumeattach.Create(r.ctx(), r.sdk.Compute, r.victim, volumeattach.CreateOpts{VolumeID: r.volume}).Extract()
}

// snapshot takes turns between the server and its volume.
func (r *rig) snapshot() {
	if r.random.IntN(2) == 0 {
		_, _ = servers.CreateImage(r.ctx(), r.sdk.Compute, r.victim, servers.CreateImageOpts{Name: "copy"}).ExtractImageID()
		return
	}
	_, _ = snapshots.Create(r.ctx(), r.sdk.Volume, snapshots.CreateOpts{VolumeID: r.volume, Force: true}).Extract()
}

func (r *rig) resize() {
	other := r.flavors[0]
	if r.flavor == other {
		other = r.flavors[1]
	}
	_ = servers.Resize(r.ctx(), r.sdk.Compute, r.victim, servers.ResizeOpts{FlavorRef: other}).ExtractErr()
}

func (r *rig) delete() { _ = servers.Delete(r.ctx(), r.sdk.Compute, r.victim).ExtractErr() }

// ready makes sure that there is what the verb needs: nothing for create, a running victim and
// a free volume for the others.
func (r *rig) ready(verb string) {
	r.t.Helper()
	if verb == "create" {
		return
	}
	s := r.find(victimName)
	if s != nil && s.Status == "ERROR" {
		r.clear()
		s = nil
	}
	if s == nil {
		r.create()
		r.awaitActive(victimName)
	}
	s = r.find(victimName)
	switch s.Status {
	case "VERIFY_RESIZE":
		cloudtest.Check(r.t, servers.ConfirmResize(r.ctx(), r.sdk.Compute, s.ID).ExtractErr())
	case "SHUTOFF":
		cloudtest.Check(r.t, servers.Start(r.ctx(), r.sdk.Compute, s.ID).ExtractErr())
	}
	r.awaitActive(victimName)
	r.victim = s.ID
	if f, ok := s.Flavor["original_name"].(string); ok && f == "k0" {
		r.flavor = r.flavors[0]
	} else {
		r.flavor = r.flavors[1]
	}
	r.readyVolume(verb)
}

func (r *rig) readyVolume(verb string) {
	if verb != "attach" && r.volume != "" {
		return
	}
	v, err := volumes.Create(r.ctx(), r.sdk.Volume, volumes.CreateOpts{Size: 1}, nil).Extract()
	cloudtest.Check(r.t, err)
	r.volume = v.ID
	r.eventually(func() error {
		v, err := volumes.Get(r.ctx(), r.sdk.Volume, r.volume).Extract()
		if err == nil && v.Status != "available" {
			err = fmt.Errorf("volume is %s", v.Status)
		}
		return err
	})
}

func (r *rig) awaitActive(name string) {
	r.t.Helper()
	r.eventually(func() error {
		s := r.find(name)
		if s == nil {
			return errors.New("there is no server " + name)
		}
		if s.Status == "ERROR" {
			r.fail("server %s is in ERROR: %s", name, s.Fault.Message)
		}
		if s.Status != "ACTIVE" || s.TaskState != "" {
			return fmt.Errorf("server %s is %s, task %q", name, s.Status, s.TaskState)
		}
		return nil
	})
}

// clear deletes everything but the witness and what it stands on.
func (r *rig) clear() {
	r.t.Helper()
	r.eventually(func() error {
		left := 0
		for _, s := range r.servers() {
			if s.Name != witnessName {
				left++
				_ = servers.Delete(r.ctx(), r.sdk.Compute, s.ID).ExtractErr() // asked again until it is gone
			}
		}
		if left > 0 {
			return fmt.Errorf("%d servers are left", left)
		}
		return nil
	})
	r.eventually(r.clearSnapshots)
	r.eventually(r.clearVolumes)
	r.eventually(r.clearImages)
	r.victim, r.volume = "", ""
}

func (r *rig) clearSnapshots() error {
	pages, err := snapshots.List(r.sdk.Volume, snapshots.ListOpts{}).AllPages(r.ctx())
	if err != nil {
		return err
	}
	all, err := snapshots.ExtractSnapshots(pages)
	for _, s := range all {
		err = errors.Join(err, fmt.Errorf("snapshot %s is %s", s.ID, s.Status))
		_ = snapshots.Delete(r.ctx(), r.sdk.Volume, s.ID).ExtractErr()
	}
	return err
}

func (r *rig) clearVolumes() error {
	pages, err := volumes.List(r.sdk.Volume, volumes.ListOpts{}).AllPages(r.ctx())
	if err != nil {
		return err
	}
	all, err := volumes.ExtractVolumes(pages)
	for _, v := range all {
		err = errors.Join(err, fmt.Errorf("volume %s is %s", v.ID, v.Status))
		_ = volumes.Delete(r.ctx(), r.sdk.Volume, v.ID, nil).ExtractErr()
	}
	return err
}

func (r *rig) clearImages() error {
	pages, err := images.List(r.sdk.Image, images.ListOpts{Name: "copy"}).AllPages(r.ctx())
	if err != nil {
		return err
	}
	all, err := images.ExtractImages(pages)
	for _, i := range all {
		err = errors.Join(err, fmt.Errorf("image %s is %s", i.Name, i.Status))
		if e := images.Delete(r.ctx(), r.sdk.Image, i.ID).ExtractErr(); e != nil && !gophercloud.ResponseCodeIs(e, 404) {
			err = errors.Join(err, e)
		}
	}
	return err
}
