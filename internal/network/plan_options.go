package network

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// told is what a routing domain tells its guests by DHCP, besides what any network tells.
type told struct {
	domain string       // the first of its domains
	dns    []netip.Addr // empty: ours
	noDNS  bool
	extra  []spec.DHCPOption
}

// toldOn is what guests on a network are told by its routing domain: nothing, if it has none.
func (s *Service) toldOn(ctx context.Context, n *cloud.Network) (told, error) {
	if n.RouterID == "" {
		return told{}, nil
	}
	r, err := s.Routers.Get(ctx, n.RouterID)
	if cloud.Is(err, cloud.NotFound) {
		return told{}, nil // it goes in this moment, and the network with it
	}
	if err != nil || r.Domain.Options == "" {
		return told{noDNS: err == nil && !r.Domain.Resolver}, err
	}
	d, err := s.OptionSets.Get(ctx, r.Domain.Options)
	if err != nil {
		return told{}, err
	}
	return planTold(d, r.Domain.Resolver), nil
}

// toldTo is what the guest behind a port is told by its routing domain.
func (s *Service) toldTo(ctx context.Context, p *cloud.Port) (told, error) {
	n, err := s.Networks.Get(ctx, p.NetworkID)
	if err != nil {
		return told{}, err
	}
	return s.toldOn(ctx, n)
}

// The numbers of DHCPv4 options, and of those of DHCPv6 that say the same.
const (
	optionNTP, optionNetBIOS, optionNetBIOSNode = 42, 44, 46
	optionSearch                                = 119
	optionNTPv6                                 = 56
)

// planTold makes a domain's words of its set of options. A set without DNS servers, and without ours, tells of none.
func planTold(d *cloud.DHCPOptionSet, resolver bool) told {
	t := told{noDNS: !resolver || len(d.DNS) == 0 && !d.OwnDNS, dns: d.DNS}
	domains := strings.Fields(d.Domain)
	if len(domains) > 0 {
		t.domain = domains[0]
	}
	if len(domains) > 1 {
		t.extra = append(t.extra, spec.DHCPOption{Name: strconv.Itoa(optionSearch), Value: strings.Join(domains, ","), Version: 4})
	}
	t.add(optionNTP, 4, d.NTP)
	t.add(optionNTPv6, 6, d.NTP)
	t.add(optionNetBIOS, 4, d.NetBIOS)
	if d.NetBIOSNode != 0 {
		t.extra = append(t.extra, spec.DHCPOption{Name: strconv.Itoa(optionNetBIOSNode), Value: strconv.Itoa(d.NetBIOSNode), Version: 4})
	}
	return t
}

// add tells of servers of one family.
func (t *told) add(number, version int, servers []netip.Addr) {
	var texts []string
	for _, a := range servers {
		if a.Is4() == (version == 4) {
			texts = append(texts, a.String())
		}
	}
	if len(texts) > 0 {
		t.extra = append(t.extra, spec.DHCPOption{Name: strconv.Itoa(number), Value: strings.Join(texts, ","), Version: version})
	}
}

// options are a port's own with what its domain tells: its own hold where both say something.
func (t told) options(own []spec.DHCPOption) []spec.DHCPOption {
	for _, o := range t.extra {
		if !slices.ContainsFunc(own, func(p spec.DHCPOption) bool { return p.Name == o.Name && p.Version == o.Version }) {
			own = append(slices.Clip(own), o)
		}
	}
	return own
}

func (t told) host(h spec.NetworkHost) spec.NetworkHost {
	h.Options = t.options(h.Options)
	return h
}
