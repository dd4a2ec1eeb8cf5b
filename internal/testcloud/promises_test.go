package testcloud_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// promised is a tenant with a network on a physical network, where each host can promise 1000 kbit/s and 10 thousand packets/s.
type promised struct {
	*testcloud.Tenant
	t   *testing.T
	c   *testcloud.Cloud
	net cloud.NetworkID
}

func promisingHosts(hosts int) testcloud.Options {
	return testcloud.Options{Hosts: hosts, Config: func(c *config.Config) {
		c.PhysicalNetworks, c.PacketRateKpps = []config.PhysicalNetwork{{Name: "wire", EgressKbps: 1000, IngressKbps: 1000}}, 10
	}}
}

func newPromised(t *testing.T, c *testcloud.Cloud) *promised {
	p := &promised{Tenant: c.Tenant(t), t: t, c: c}
	s := c.Services().Network
	n, err := s.CreateNetwork(c.Admin(), network.NetworkRequest{ProjectID: p.Project, Shared: true, Provider: network.Provider{Kind: network.KindVLAN, Segment: 5}})
	p.must(err)
	_, err = s.CreateSubnet(c.Admin(), network.SubnetRequest{NetworkID: n.ID, Prefix: netip.MustParsePrefix("10.7.0.0/16")})
	p.must(err)
	p.net = n.ID
	return p
}

func (p *promised) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// policy promises kbit/s to instances, and packets.
func (p *promised) policy(kbps, kpps int) cloud.QoSPolicyID {
	s, ingress, any := p.c.Services().Network, "ingress", "any"
	q, err := s.CreateQoSPolicy(p.c.Admin(), network.QoSPolicyRequest{ProjectID: p.Project, Shared: true})
	p.must(err)
	_, err = s.CreateQoSRule(p.c.Admin(), q.ID, cloud.QoSMinimumBandwidth, network.QoSRuleChange{Direction: &ingress, Rate: &kbps})
	p.must(err)
	_, err = s.CreateQoSRule(p.c.Admin(), q.ID, cloud.QoSMinimumPackets, network.QoSRuleChange{Direction: &any, Rate: &kpps})
	p.must(err)
	return q.ID
}

func (p *promised) port(q cloud.QoSPolicyID) cloud.PortID {
	made, err := p.c.Services().Network.CreatePort(p.Context(), network.PortRequest{NetworkID: p.net, QoS: q})
	p.must(err)
	return made.ID
}

func (p *promised) request(port cloud.PortID) compute.CreateRequest {
	r := p.Request("one")
	r.NICs = []cloud.NICRequest{{PortID: port}}
	return r
}

// kept is what the host of an instance keeps of its traffic: kbit/s, and thousand packets/s.
func (p *promised) kept(id cloud.InstanceID) string {
	held := map[cloud.QoSKind]int{}
	for _, made := range p.c.Instance(p.t, id).Promises {
		held[made.Kind] += made.Rate
	}
	return fmt.Sprint(held[cloud.QoSMinimumBandwidth], " ", held[cloud.QoSMinimumPackets])
}

func (p *promised) keeps(id cloud.InstanceID, want string) {
	p.t.Helper()
	if got := p.kept(id); got != want {
		p.t.Errorf("the host keeps %s, want %s", got, want)
	}
}

// Of ten instances that ask at once for 400 of 1000 kbit/s, each of two hosts takes two.
func TestPromisesAreNotGivenTwice(t *testing.T) {
	onBoth(t, promisingHosts(2), func(t *testing.T, c *testcloud.Cloud) {
		p := newPromised(t, c)
		q := p.policy(400, 1)
		ports := make([]cloud.PortID, 10)
		for i := range ports {
			ports[i] = p.port(q)
		}
		errs := together(len(ports), func(i int) error {
			_, err := c.Services().Compute.CreateInstance(p.Context(), p.request(ports[i]))
			return err
		})
		counted(t, errs, 4, cloud.NoCapacity)
		for _, err := range errs {
			if err != nil && !strings.Contains(err.Error(), "too little bandwidth") {
				t.Errorf("the refusal does not say what is lacking: %v", err)
			}
		}
		sound(t, c, 4)
	})
}

// A port's changed policy changes what its host keeps, if the host can; a kind that was not asked for is not kept.
func TestPromisesFollowThePolicy(t *testing.T) {
	c := testcloud.New(t, promisingHosts(1))
	p := newPromised(t, c)
	small, large, huge := p.policy(200, 2), p.policy(700, 7), p.policy(1001, 1)
	port := p.port(small)
	in := p.Create(p.request(port))
	p.keeps(in.ID, "200 2")
	change := func(q cloud.QoSPolicyID) error {
		_, err := c.Services().Network.UpdatePort(p.Context(), port, network.PortChange{QoS: &q})
		return err
	}
	p.must(change(large))
	p.keeps(in.ID, "700 7")
	if err := change(huge); !cloud.Is(err, cloud.NoCapacity) {
		t.Errorf("more than the host has: %v", err)
	}
	p.keeps(in.ID, "700 7")
	unasked, err := c.Services().Compute.AttachPort(p.Context(), in.ID, cloud.NICRequest{PortID: p.port("")})
	p.must(err)
	c.Settle(t)
	if _, err := c.Services().Network.UpdatePort(p.Context(), unasked.ID, network.PortChange{QoS: &small}); err != nil {
		t.Error(err)
	}
	p.keeps(in.ID, "700 7")
	p.must(change(""))
	p.keeps(in.ID, "0 0")
}

// What a port asks is kept from plugging to unplugging, and the rules it rests on stay.
func TestPromisesOfPluggedPorts(t *testing.T) {
	c := testcloud.New(t, promisingHosts(1))
	p := newPromised(t, c)
	in := p.Create(p.Request("one"))
	q := p.policy(600, 1)
	first, second := p.port(q), p.port(q)
	_, err := c.Services().Compute.AttachPort(p.Context(), in.ID, cloud.NICRequest{PortID: first})
	p.must(err)
	c.Settle(t)
	p.keeps(in.ID, "600 1")
	if _, err := c.Services().Compute.AttachPort(p.Context(), in.ID, cloud.NICRequest{PortID: second}); !cloud.Is(err, cloud.NoCapacity) {
		t.Errorf("the second port was taken: %v", err)
	}
	rules, err := c.Store.QoSPolicies.Get(context.Background(), q)
	p.must(err)
	if err := c.Services().Network.DeleteQoSRule(c.Admin(), q, rules.Rules[0].ID, rules.Rules[0].Kind); !cloud.Is(err, cloud.InUse) {
		t.Errorf("a rule that an instance relies on was deleted: %v", err)
	}
	p.must(c.Services().Compute.DetachPort(p.Context(), in.ID, first))
	c.Settle(t)
	p.keeps(in.ID, "0 0")
	p.must(c.Services().Network.DeleteQoSRule(c.Admin(), q, rules.Rules[0].ID, rules.Rules[0].Kind))
}
