package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// planQoS is what a policy asks of the host; nil policies ask nothing.
func planQoS(p *cloud.QoSPolicy) (q spec.QoS) {
	if p == nil {
		return q
	}
	for _, r := range p.Rules {
		limit := &q.Out
		if r.Direction == "ingress" {
			limit = &q.In
		}
		switch r.Kind {
		case cloud.QoSBandwidthLimit:
			limit.Bits, limit.BurstBits = int64(r.Rate)*1000, int64(r.Burst)*1000
		case cloud.QoSPacketLimit:
			limit.Packets, limit.BurstPackets = int64(r.Rate)*1000, int64(r.Burst)*1000
		case cloud.QoSMark:
			q.Mark = new(int)
			*q.Mark = r.Mark
		}
	}
	return q
}

// limits are those of the floating IPs and of the router's own address outside.
func (r routerRows) limits(g *spec.RouterGateway) []spec.AddressLimits {
	var limits []spec.AddressLimits
	add := func(a netip.Addr, id cloud.QoSPolicyID) {
		if q := planQoS(r.qos[id]); a.Is4() && (q.In != spec.Limit{} || q.Out != spec.Limit{}) {
			limits = append(limits, spec.AddressLimits{Address: a, In: q.In, Out: q.Out})
		}
	}
	for _, p := range g.Addresses {
		add(p.Addr(), r.router.Gateway.QoS)
	}
	for _, f := range r.floating {
		add(f.Address, f.QoS)
	}
	slices.SortFunc(limits, func(a, b spec.AddressLimits) int { return a.Address.Compare(b.Address) })
	return limits
}

func (s *Service) routerQoS(ctx context.Context, rows *routerRows) (map[cloud.QoSPolicyID]*cloud.QoSPolicy, error) {
	named := map[cloud.QoSPolicyID]bool{}
	if rows.router.Gateway != nil {
		named[rows.router.Gateway.QoS] = true
	}
	for _, f := range rows.floating {
		named[f.QoS] = true
	}
	return s.qosByID(ctx, named)
}
