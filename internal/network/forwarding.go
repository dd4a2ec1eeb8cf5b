package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// SetForwarding lets an instance forward for others, by letting its port send and get what is not its own, or no more.
func (s *Service) SetForwarding(ctx context.Context, id cloud.PortID, on bool) (p *cloud.Port, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if p, err = s.Port(ctx, id); err != nil || Forwards(p) == on {
			return err
		}
		pairs := slices.DeleteFunc(slices.Clone(p.AllowedPairs), isAnybody)
		if on {
			pairs = append(pairs, cloud.AddressPair{Address: everywhere(false)}, cloud.AddressPair{Address: everywhere(true)})
		}
		p, err = s.UpdatePort(ctx, id, PortChange{AllowedPairs: &pairs})
		return err
	})
	return p, err
}

func isAnybody(p cloud.AddressPair) bool { return p.MAC == "" && p.Address.Bits() == 0 }

// Forwards tells whether a port's instance forwards for others.
func Forwards(p *cloud.Port) bool {
	return !p.PortSecurity || slices.ContainsFunc(p.AllowedPairs, isAnybody)
}
