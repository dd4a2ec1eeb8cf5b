package network

import (
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

// tunnelKinds carry frames between hosts. Whatever the kind, a network on one host needs nothing but its bridge there: the number
// is kept for the network.
var tunnelKinds = []string{KindGENEVE, KindGRE, KindVXLAN}

// numberMax is the largest number of a segment of each kind that has numbers.
var numberMax = map[string]int{KindVLAN: vlanMax, KindGENEVE: 1<<24 - 1, KindGRE: 1<<32 - 1, KindVXLAN: 1<<24 - 1}

func (s *Service) checkProvider(r *NetworkRequest) error {
	p := &r.Provider
	if p.Kind == "" {
		p.Kind = defaultKind(r)
	}
	if r.External {
		if len(r.More) > 0 {
			return badProvider("An external network has one segment.")
		}
		return checkExternalProvider(p)
	}
	if err := s.checkInternalProvider(p); err != nil {
		return err
	}
	for i := range r.More {
		if err := s.checkInternalProvider(&r.More[i]); err != nil {
			return err
		}
	}
	return segmentsDiffer(append([]Provider{*p}, r.More...))
}

// segmentsDiffer refuses to have a segment twice.
func segmentsDiffer(all []Provider) error {
	for i, p := range all {
		if (p.Segment != 0 || p.Kind == KindFlat) && slices.Contains(all[:i], p) {
			return cloud.Invalidf("network", "segments", "Duplicate segment entry in request: %s %s %d.", p.Kind, p.Physical, p.Segment)
		}
	}
	return nil
}

// checkInternalProvider checks what is said of a segment of a network that is no way out, and fills in what is left out.
func (s *Service) checkInternalProvider(p *Provider) error {
	switch {
	case p.Kind == KindLocal && (p.Physical != "" || p.Segment != 0):
		return badProvider("A network of kind '%s' has neither a physical network nor a segment number.", KindLocal)
	case p.Kind == KindLocal:
		return nil
	case slices.Contains(tunnelKinds, p.Kind):
		return checkTunnel(*p)
	case p.Kind != KindFlat && p.Kind != KindVLAN:
		return badProvider("This cloud carries internal networks as '%s', and operators' networks as '%s', '%s' or one of %q; '%s' is not supported.",
			KindLocal, KindVLAN, KindFlat, tunnelKinds, p.Kind)
	case p.Physical == "" && p.Kind == KindVLAN && len(s.Config.Physical) == 1:
		p.Physical = s.Config.Physical[0]
	}
	return s.checkPhysical(*p)
}

func checkTunnel(p Provider) error {
	if p.Physical != "" {
		return badProvider("A network of kind '%s' is on no physical network.", p.Kind)
	}
	if p.Segment < 0 || p.Segment > numberMax[p.Kind] {
		return badProvider("The segment number %d is out of range: it must lie between 1 and %d.", p.Segment, numberMax[p.Kind])
	}
	return nil
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
