package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Provider is what an operator says about how a network is carried.
type Provider struct {
	Kind     string
	Physical string
	Segment  int
}

// publicPhysical is what external networks stand on when nothing is said.
const publicPhysical = "public"

// vlanMin and vlanMax bound the number that a frame's tag can carry for a network.
const vlanMin, vlanMax = 1, 4094

func (s *Service) checkProvider(r *NetworkRequest) error {
	p := &r.Provider
	if p.Kind == "" {
		p.Kind = defaultKind(r)
	}
	if r.External {
		return checkExternalProvider(p)
	}
	switch {
	case p.Kind == KindLocal && (p.Physical != "" || p.Segment != 0):
		return badProvider("A network of kind '%s' has neither a physical network nor a segment number.", KindLocal)
	case p.Kind == KindLocal:
		return nil
	case p.Kind != KindFlat && p.Kind != KindVLAN:
		return badProvider("This cloud carries internal networks as '%s', and operators' networks as '%s' or '%s'; '%s' is not supported.", KindLocal, KindVLAN, KindFlat, p.Kind)
	case p.Physical == "" && p.Kind == KindVLAN && len(s.Config.Physical) == 1:
		p.Physical = s.Config.Physical[0]
	}
	return s.checkPhysical(*p)
}

func defaultKind(r *NetworkRequest) string {
	if r.External {
		return KindFlat
	}
	return KindLocal
}

func checkExternalProvider(p *Provider) error {
	if p.Kind != KindFlat || p.Segment != 0 {
		return badProvider("This cloud carries external networks as '%s', without segment numbers; '%s' is not supported.", KindFlat, p.Kind)
	}
	if p.Physical == "" {
		p.Physical = publicPhysical
	}
	return nil
}

func (s *Service) checkPhysical(p Provider) error {
	switch {
	case p.Physical == "":
		return badProvider("A network of kind '%s' needs a physical network: one of %q.", p.Kind, s.Config.Physical)
	case !slices.Contains(s.Config.Physical, p.Physical):
		return badProvider("Unknown physical network '%s': the cloud's are %q.", p.Physical, s.Config.Physical)
	case p.Kind == KindFlat && p.Segment != 0:
		return badProvider("A network of kind '%s' has no segment number.", KindFlat)
	case p.Segment < 0 || p.Segment > vlanMax:
		return badProvider("The segment number %d is out of range: it must lie between %d and %d.", p.Segment, vlanMin, vlanMax)
	}
	return nil
}

func badProvider(format string, args ...any) error {
	return cloud.Invalidf("network", "provider:network_type", "Invalid input for operation: "+format, args...)
}

// takeSegment makes sure that an operator's network shares its place on a physical network with no other, and finds a free
// number if none is named.
func (s *Service) takeSegment(ctx context.Context, n *cloud.Network) error {
	if n.Physical == "" || n.Physical == publicPhysical {
		return nil
	}
	if err := s.Tx.Lock(ctx, "physical network/"+n.Physical); err != nil {
		return err
	}
	others, err := s.Networks.List(ctx, cloud.Where(cloud.Eq("physical", n.Physical), cloud.Eq("kind", n.Kind)))
	if err != nil {
		return err
	}
	taken := map[int]bool{}
	for _, o := range others {
		taken[o.Segment] = true
	}
	if n.Kind == KindVLAN && n.Segment == 0 {
		if n.Segment = firstFreeSegment(taken); n.Segment > vlanMax {
			return cloud.Errorf(cloud.NoCapacity, "network", "", "Unable to create the network. No segment number of physical network %s is free.", n.Physical)
		}
	}
	if taken[n.Segment] {
		return cloud.Errorf(cloud.InUse, "segment", n.Physical, "Unable to create the network. Segment %d of kind '%s' on physical network %s is in use.", n.Segment, n.Kind, n.Physical)
	}
	return nil
}

// firstFreeSegment is the least number from 1 that is not taken.
func firstFreeSegment(taken map[int]bool) int {
	n := 1
	for taken[n] {
		n++
	}
	return n
}
