package testcloud

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// As is a context of the present daemon with a caller; it ends when the daemon dies.
func (c *Cloud) As(p *cloud.Principal) context.Context {
	l := c.current()
	return cloud.WithPrincipal(l.ctx, p)
}

// Admin is As for the cloud's own administrator.
func (c *Cloud) Admin() context.Context { return c.As(cloud.System()) }

// Tenant is a project with one member.
type Tenant struct {
	c       *Cloud
	t       testing.TB
	Project cloud.ProjectID
	User    cloud.UserID
	Net     cloud.NetworkID
	Image   cloud.ImageID
}

// Tenant makes a project with a network of its own and an image to boot from.
func (c *Cloud) Tenant(t testing.TB) *Tenant {
	t.Helper()
	return c.TenantOf(t, cloud.ProjectID(cloud.NewID()), cloud.UserID(cloud.NewID()))
}

// TenantOf is Tenant for a project and a user that have ids already.
func (c *Cloud) TenantOf(t testing.TB, project cloud.ProjectID, user cloud.UserID) *Tenant {
	t.Helper()
	n := &Tenant{c: c, t: t, Project: project, User: user}
	n.Net = n.Network("net", netip.MustParsePrefix("10.0.0.0/16"))
	n.Image = n.MakeImage("tiny")
	return n
}

// Context is the member's, with the present daemon.
func (n *Tenant) Context() context.Context {
	return n.c.As(&cloud.Principal{UserID: n.User, ProjectID: n.Project, Roles: []string{"member", "reader"}})
}

func (n *Tenant) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatalf("testcloud: %v", err)
	}
}

// Network makes a network with one subnet.
func (n *Tenant) Network(name string, prefix netip.Prefix) cloud.NetworkID {
	n.t.Helper()
	s := n.c.Services().Network
	made, err := s.CreateNetwork(n.Context(), network.NetworkRequest{Name: name})
	n.must(err)
	_, err = s.CreateSubnet(n.Context(), network.SubnetRequest{NetworkID: made.ID, Name: name, Prefix: prefix})
	n.must(err)
	return made.ID
}

// MakeImage makes an active raw image of 4 KiB.
func (n *Tenant) MakeImage(name string) cloud.ImageID {
	n.t.Helper()
	s := n.c.Services().Image
	i, err := s.Create(n.Context(), image.CreateRequest{Name: name, Format: "raw", Container: "bare", Visibility: cloud.VisibilityPrivate})
	n.must(err)
	n.must(s.Upload(n.Context(), i.ID, bytes.NewReader(append([]byte("not a boot sector"), make([]byte, 4096)...))))
	return i.ID
}

// Request asks for one small instance on the tenant's network, of the smallest flavor (1 vCPU, 256 MiB, 1 GiB).
func (n *Tenant) Request(name string) compute.CreateRequest {
	return compute.CreateRequest{Name: name, Flavor: "1", Image: n.Image, NICs: []cloud.NICRequest{{NetworkID: n.Net}}}
}

// Create makes an instance as asked and waits until it runs.
func (n *Tenant) Create(r compute.CreateRequest) *cloud.Instance {
	n.t.Helper()
	made, err := n.c.Services().Compute.CreateInstance(n.Context(), r)
	n.must(err)
	n.c.Settle(n.t)
	in := n.c.Instance(n.t, made[0].ID)
	if in.Phase != cloud.PhaseReady {
		n.t.Fatalf("testcloud: instance %s is %s: %+v", in.ID, in.Phase, in.Fault)
	}
	return in
}

// Volume makes an empty volume and waits until it is there.
func (n *Tenant) Volume(sizeGiB int) *cloud.Volume {
	n.t.Helper()
	v, err := n.c.Services().Volume.CreateVolume(n.Context(), cloud.VolumeRequest{SizeGiB: sizeGiB})
	n.must(err)
	n.must(n.c.Services().Volume.WaitVolume(n.Context(), v.ID))
	return v
}

// Instance reads a row.
func (c *Cloud) Instance(t testing.TB, id cloud.InstanceID) *cloud.Instance {
	t.Helper()
	in, err := c.Store.Instances.Get(context.Background(), id)
	if err != nil {
		t.Fatalf("testcloud: %v", err)
	}
	return in
}

// settleMax is far longer than anything simulated takes.
const settleMax = time.Minute

// Open are the Operations that have not ended.
func (c *Cloud) Open() ([]*cloud.Operation, error) {
	return c.Store.Operations.List(context.Background(), cloud.Where(cloud.In("state", []string{"pending", "running", "unwinding"})))
}

// Settle waits until every Operation has ended, or the daemon is dead.
func (c *Cloud) Settle(t testing.TB) {
	t.Helper()
	var open []*cloud.Operation
	err := poll(func() bool {
		var err error
		open, err = c.Open()
		return err == nil && len(open) == 0 || c.Dead()
	}, settleMax)
	if err != nil {
		for _, op := range open {
			t.Errorf("operation %s %s on %s: %s, done %d, attempts %d, %+v", op.ID, op.Kind, op.Subject, op.State, op.Done, op.Attempts, op.Fault)
		}
		t.Fatalf("testcloud: operations %v", err)
	}
}

// DeleteAll deletes everything of the tenant but its network and image, and waits for it. What cannot be
// deleted fails the test: deleting always works.
func (n *Tenant) DeleteAll() {
	n.t.Helper()
	s, ctx, look := n.c.Services(), n.Context(), context.Background()
	mine := cloud.Where(cloud.Eq("project_id", string(n.Project)))
	instances, err := n.c.Store.Instances.List(look, mine)
	n.must(err)
	for _, in := range instances {
		n.must(s.Compute.DeleteInstance(ctx, in.ID))
	}
	n.c.Settle(n.t)
	n.deleteGroups()
	snapshots, err := n.c.Store.Snapshots.List(look, mine)
	n.must(err)
	for _, sn := range snapshots {
		n.must(s.Volume.DeleteSnapshot(ctx, sn.ID, false))
	}
	backups, err := n.c.Store.Backups.List(look, mine)
	n.must(err)
	for _, b := range backups {
		n.must(s.Volume.DeleteBackup(ctx, b.ID, false))
	}
	volumes, err := n.c.Store.Volumes.List(look, mine)
	n.must(err)
	for _, v := range volumes {
		n.must(s.Volume.Delete(ctx, volume.DeleteRequest{ID: v.ID}))
	}
	images, err := n.c.Store.Images.List(look, mine)
	n.must(err)
	for _, i := range images {
		if i.ID != n.Image {
			n.must(s.Image.Delete(ctx, i.ID))
		}
	}
	n.c.Settle(n.t)
}

// deleteGroups deletes the groups of volumes with all that belongs to them.
func (n *Tenant) deleteGroups() {
	n.t.Helper()
	s, ctx, look := n.c.Services().Volume, n.Context(), context.Background()
	mine := cloud.Where(cloud.Eq("project_id", string(n.Project)))
	taken, err := n.c.Store.GroupSnapshots.List(look, mine)
	n.must(err)
	for _, g := range taken {
		n.must(s.DeleteGroupSnapshot(ctx, g.ID))
	}
	n.c.Settle(n.t)
	groups, err := n.c.Store.VolumeGroups.List(look, mine)
	n.must(err)
	for _, g := range groups {
		n.must(s.DeleteGroup(ctx, g.ID, true))
	}
	n.c.Settle(n.t)
}

// Leave deletes the tenant's network and image too.
func (n *Tenant) Leave() {
	n.t.Helper()
	n.must(n.c.Services().Network.DeleteNetwork(n.Context(), n.Net))
	n.must(n.c.Services().Image.Delete(n.Context(), n.Image))
}

// Check runs the self-check of every host once.
func (c *Cloud) Check(t testing.TB) {
	t.Helper()
	f := c.Services().Fleet
	for _, id := range f.IDs() {
		a, err := f.Agent(c.Admin(), id)
		if err == nil {
			err = f.Check(c.Admin(), id, a)
		}
		if err != nil {
			t.Errorf("testcloud: self-check of host %s: %v", id, err)
		}
	}
}

// For is the tenant for another test of the same cloud.
func (n *Tenant) For(t testing.TB) *Tenant {
	other := *n
	other.t = t
	return &other
}
