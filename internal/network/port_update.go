package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// PortChange changes what is not nil.
type PortChange struct {
	Name, Description     *string
	AdminUp               *bool
	MAC                   *string // empty: make a new one
	Fixed                 *[]AddressRequest
	PortSecurity          *bool
	Groups                *[]cloud.SecurityGroupID
	AllowedPairs          *[]cloud.AddressPair
	DHCPOptions           *[]cloud.DHCPOption
	DNSName, DNSDomain    *string
	QoS                   *cloud.QoSPolicyID
	Tags                  *[]string
	OwnerText, DeviceText *string
	OwnerReserved         bool
	HostID                *cloud.HostID
	VNICType              *string
	Profile               *map[string]any
	Trusted               **bool
	Forwards              *bool
	// DeleteWithInstance is of a port that an instance has.
	DeleteWithInstance *bool
}

// UpdatePort changes a port.
func (s *Service) UpdatePort(ctx context.Context, id cloud.PortID, c PortChange) (p *cloud.Port, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		var n *cloud.Network
		if p, n, err = s.ownPort(ctx, id, "port.update"); err != nil {
			return err
		}
		if err := authorizePortChange(ctx, n, p, c); err != nil {
			return err
		}
		if err := checkKeepsGroups(p, c); err != nil {
			return err
		}
		applyPortChange(p, c)
		if err := s.changeGroups(ctx, n, p, c); err != nil {
			return err
		}
		if err := s.changePortQoS(ctx, p, n, c.QoS); err != nil {
			return err
		}
		if err := s.changeMAC(ctx, p, c); err != nil {
			return err
		}
		if c.Fixed != nil {
			if err := s.changeAddresses(ctx, p, *c.Fixed); err != nil {
				return err
			}
		}
		if err := checkPort(p); err != nil {
			return err
		}
		if err := s.savePort(ctx, p); err != nil || c.QoS == nil {
			return err
		}
		return s.repromise(ctx, p)
	})
	return p, err
}

func authorizePortChange(ctx context.Context, n *cloud.Network, p *cloud.Port, c PortChange) error {
	if err := authorizeAll(ctx, map[policy.Action]bool{"port.bind": c.HostID != nil || c.Profile != nil || c.Trusted != nil}, portTarget(p)); err != nil {
		return err
	}
	t := policy.Target{Resource: "port", ProjectID: n.ProjectID}
	address := changes(c.MAC, p.MAC) || namesNewAddress(p, c.Fixed)
	return authorizeAll(ctx, map[policy.Action]bool{"port.address": address, "port.owner": c.OwnerReserved,
		"port.security": changes(c.PortSecurity, p.PortSecurity) || changes(c.Forwards, p.Forwards) || c.AllowedPairs != nil}, t)
}

// namesNewAddress tells whether a change asks for a certain address that the port does not have.
func namesNewAddress(p *cloud.Port, fixed *[]AddressRequest) bool {
	if fixed == nil {
		return false
	}
	return slices.ContainsFunc(*fixed, func(f AddressRequest) bool {
		return f.Address.IsValid() && !slices.ContainsFunc(p.Addresses, func(a cloud.PortAddress) bool { return a.Address == f.Address })
	})
}

func applyPortChange(p *cloud.Port, c PortChange) {
	apply(&p.Name, c.Name)
	apply(&p.Description, c.Description)
	apply(&p.AdminUp, c.AdminUp)
	apply(&p.PortSecurity, c.PortSecurity)
	apply(&p.AllowedPairs, c.AllowedPairs)
	apply(&p.DHCPOptions, c.DHCPOptions)
	apply(&p.DNSName, c.DNSName)
	apply(&p.DNSDomain, c.DNSDomain)
	apply(&p.Tags, c.Tags)
	apply(&p.VNICType, c.VNICType)
	apply(&p.Profile, c.Profile)
	apply(&p.Trusted, c.Trusted)
	apply(&p.Forwards, c.Forwards)
	if p.Owner == cloud.OwnerInstance {
		apply(&p.DeleteWithInstance, c.DeleteWithInstance)
	}
	if p.Owner == cloud.OwnerNone { // what we own, clients do not rename
		apply(&p.OwnerText, c.OwnerText)
		apply(&p.DeviceText, c.DeviceText)
		apply(&p.HostID, c.HostID)
	}
}

// checkKeepsGroups refuses to switch the filter off under groups that the port stays in.
func checkKeepsGroups(p *cloud.Port, c PortChange) error {
	if c.PortSecurity == nil || *c.PortSecurity || c.Groups != nil || len(p.SecurityGroups) == 0 {
		return nil
	}
	return cloud.Errorf(cloud.InUse, "port in security groups", p.ID,
		"Port %s has security groups associated. Cannot disable port security until they are removed from it.", p.ID)
}

func (s *Service) changeGroups(ctx context.Context, n *cloud.Network, p *cloud.Port, c PortChange) error {
	if c.Groups == nil {
		return nil
	}
	groups, err := s.portGroups(ctx, n, p, c.Groups)
	p.SecurityGroups = groups
	return err
}

func (s *Service) changePortQoS(ctx context.Context, p *cloud.Port, n *cloud.Network, change *cloud.QoSPolicyID) error {
	if !changes(change, p.QoS) {
		return nil
	}
	if err := s.changeQoS(ctx, &p.QoS, change); err != nil {
		return err
	}
	return s.checkPromisable(ctx, p, n)
}

func (s *Service) changeMAC(ctx context.Context, p *cloud.Port, c PortChange) (err error) {
	if c.MAC == nil || *c.MAC == p.MAC {
		return nil
	}
	if p.Up {
		return cloud.Errorf(cloud.InUse, "port", p.ID, "Unable to complete operation on port %s, port is already bound: its MAC address cannot change.", p.ID)
	}
	if *c.MAC == "" {
		p.MAC, err = s.newMAC(ctx, p.NetworkID)
	} else {
		p.MAC, err = s.takeMAC(ctx, p.NetworkID, *c.MAC)
	}
	if err == nil && p.Owner != cloud.OwnerNone {
		err = fitsCard(p)
	}
	if err != nil {
		return err
	}
	return s.remakeAutomatic(ctx, p)
}

// remakeAutomatic gives a port with a new MAC the addresses it will make for itself.
func (s *Service) remakeAutomatic(ctx context.Context, p *cloud.Port) error {
	subnets, err := s.subnetsOf(ctx, p.NetworkID)
	if err != nil {
		return err
	}
	var requests []AddressRequest
	for _, a := range p.Addresses {
		r := AddressRequest{SubnetID: a.SubnetID, Address: a.Address}
		if i := slices.IndexFunc(subnets, func(sub *cloud.Subnet) bool { return sub.ID == a.SubnetID }); i >= 0 && isAutomatic(subnets[i]) {
			r.Address = eui64(subnets[i].Prefix, p.MAC)
		}
		requests = append(requests, r)
	}
	return s.changeAddresses(ctx, p, requests)
}

// changeAddresses makes a port hold what is asked, keeping what it already has of that.
func (s *Service) changeAddresses(ctx context.Context, p *cloud.Port, requests []AddressRequest) error {
	kept, left, wanted := matchAddresses(p.Addresses, requests)
	if len(left) == 0 && len(wanted) == 0 {
		return nil
	}
	if whose, ours := ownerWords[p.Owner]; ours {
		return cloud.Errorf(cloud.WrongState, "port", p.ID, "The addresses of port %s belong to a %s and change with it.", p.ID, whose)
	}
	if err := s.release(ctx, left); err != nil {
		return err
	}
	added, err := s.takeAll(ctx, p, wanted)
	if err != nil {
		return err
	}
	p.Addresses = append(kept, added...)
	if err := s.nudgeRoutesTo(ctx, p.ID); err != nil {
		return err
	}
	lost := func(gone netip.Addr) bool {
		return slices.ContainsFunc(left, func(a cloud.PortAddress) bool { return a.Address == gone })
	}
	if err := s.detachForwardings(ctx, p.ID, lost); err != nil {
		return err
	}
	return s.detachFloating(ctx, p.ID, func(f *cloud.FloatingIP) bool { return lost(f.TargetAddress) })
}

// matchAddresses pairs requests with addresses held: what stays, what goes, what is still to be found.
func matchAddresses(held []cloud.PortAddress, requests []AddressRequest) (kept, left []cloud.PortAddress, wanted []AddressRequest) {
	left = slices.Clone(held)
	take := func(fits func(cloud.PortAddress) bool) bool {
		i := slices.IndexFunc(left, fits)
		if i < 0 {
			return false
		}
		kept, left = append(kept, left[i]), slices.Delete(left, i, i+1)
		return true
	}
	var open []AddressRequest
	for _, r := range requests { // certain addresses first, or an open request could eat one
		if !r.Address.IsValid() {
			open = append(open, r)
		} else if !take(func(a cloud.PortAddress) bool { return a.Address == r.Address }) {
			wanted = append(wanted, r)
		}
	}
	for _, r := range open {
		if !take(func(a cloud.PortAddress) bool { return a.SubnetID == r.SubnetID }) {
			wanted = append(wanted, r)
		}
	}
	return kept, left, wanted
}
