package testcloud_test

import (
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// TestPassingAddress proves that an instance in a routing domain has a public address from the moment it is made, loses it when it is
// stopped, has one again before it is started, also after the daemon was killed, and that nothing is left of it in the end.
func TestPassingAddress(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	n, s := c.Tenant(t), c.Services()
	r, err := s.Network.EnsureDefaultDomain(n.Context(), n.Project)
	if err != nil {
		t.Fatal(err)
	}
	subnets, err := s.Network.ListSubnets(n.Context(), cloud.Where(cloud.Eq("router_id", r.ID)))
	if err != nil || len(subnets) == 0 {
		t.Fatalf("%d subnets, %v", len(subnets), err)
	}
	request := n.Request("i")
	request.NICs = []cloud.NICRequest{{NetworkID: subnets[0].NetworkID}}
	in := n.Create(request)
	public := func() (address netip.Addr) {
		t.Helper()
		views, err := c.Services().Network.InstancePorts(n.Context(), []cloud.InstanceID{in.ID})
		if err != nil || len(views[in.ID]) != 1 {
			t.Fatalf("%d ports, %v", len(views[in.ID]), err)
		}
		for _, f := range views[in.ID][0].Floating {
			address = f.Address
		}
		return address
	}
	if !public().IsValid() {
		t.Error("it has no public address at first")
	}
	c.Settle(t)
	if err := c.Services().Compute.StopInstance(n.Context(), in.ID); err != nil {
		t.Fatal(err)
	}
	c.Settle(t)
	if a := public(); a.IsValid() {
		t.Errorf("stopped it has %s", a)
	}
	c.Restart()
	if err := c.Services().Compute.StartInstance(n.Context(), in.ID); err != nil {
		t.Fatal(err)
	}
	if !public().IsValid() {
		t.Error("started it has no public address")
	}
	c.Settle(t)
	c.Check(t)
	if err := c.Services().Compute.DeleteInstance(n.Context(), in.ID); err != nil {
		t.Fatal(err)
	}
	c.Settle(t)
	c.Check(t)
}
