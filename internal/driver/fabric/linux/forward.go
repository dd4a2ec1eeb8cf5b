package linux

import (
	"fmt"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// forwardRules lead ports of external addresses inside.
func forwardRules(forwards []spec.PortForward) []string {
	rules := make([]string, len(forwards))
	for i, p := range forwards {
		rules[i] = fmt.Sprintf("ip daddr %s meta l4proto %d th dport %s dnat to %s%s", p.External, p.Protocol, portsText(p.ExternalPorts), p.Internal, innerPorts(p))
	}
	return rules
}

func portsText(r spec.PortRange) string {
	if r.First == r.Last {
		return fmt.Sprint(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// innerPorts says which port each external one becomes. A range alone would let the kernel take any port of it.
func innerPorts(p spec.PortForward) string {
	switch {
	case p.InternalPorts == p.ExternalPorts:
		return ""
	case p.InternalPorts.First == p.InternalPorts.Last:
		return fmt.Sprintf(":%d", p.InternalPorts.First)
	}
	pairs := make([]string, 0, p.ExternalPorts.Last-p.ExternalPorts.First+1)
	for port := p.ExternalPorts.First; port <= p.ExternalPorts.Last; port++ {
		pairs = append(pairs, fmt.Sprintf("%d : %d", port, p.InternalPorts.First+port-p.ExternalPorts.First))
	}
	return ":th dport map { " + strings.Join(pairs, ", ") + " }"
}

func checkForward(p spec.PortForward) error {
	outer, inner := p.ExternalPorts.Last-p.ExternalPorts.First, p.InternalPorts.Last-p.InternalPorts.First
	for _, r := range []spec.PortRange{p.ExternalPorts, p.InternalPorts} {
		if r.First < 1 || r.Last > 65535 || r.Last < r.First {
			return fmt.Errorf("forwarding of ports %d to %d: %w", r.First, r.Last, spec.ErrInvalid)
		}
	}
	if !p.External.Is4() || !p.Internal.Is4() || !hasPorts(p.Protocol) || inner != 0 && inner != outer {
		return fmt.Errorf("forwarding from %s to %s: %w", p.External, p.Internal, spec.ErrInvalid)
	}
	return nil
}

// carries tells whether a tracked connection came through a forwarding.
func carries(p spec.PortForward, k flow) bool {
	return k.destination == p.External && k.protocol == p.Protocol && p.ExternalPorts.First <= k.destinationPort && k.destinationPort <= p.ExternalPorts.Last
}
