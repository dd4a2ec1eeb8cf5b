package neutron

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// portIn is a port in a request.
type portIn struct {
	owner
	tagsIn
	Name         text                                        `json:"name"`
	Description  text                                        `json:"description"`
	NetworkID    text                                        `json:"network_id"`
	AdminUp      boolean                                     `json:"admin_state_up"`
	MAC          text                                        `json:"mac_address"`
	Fixed        openstack.Optional[[]fixedIP]               `json:"fixed_ips"`
	DeviceID     text                                        `json:"device_id"`
	DeviceOwner  text                                        `json:"device_owner"`
	Groups       openstack.Optional[[]cloud.SecurityGroupID] `json:"security_groups"`
	Pairs        openstack.Optional[[]pairIn]                `json:"allowed_address_pairs"`
	Options      openstack.Optional[[]optionIn]              `json:"extra_dhcp_opts"`
	PortSecurity boolean                                     `json:"port_security_enabled"`
	DNSName      text                                        `json:"dns_name"`
	DNSDomain    text                                        `json:"dns_domain"`
	QoS          text                                        `json:"qos_policy_id"`
	VNICType     text                                        `json:"binding:vnic_type"`
	Host         text                                        `json:"binding:host_id"`
	Profile      openstack.Optional[map[string]any]          `json:"binding:profile"`
	Trusted      boolean                                     `json:"trusted"`
}

type pairIn struct {
	MAC     string `json:"mac_address"`
	Address string `json:"ip_address"`
}

type optionIn struct {
	Name    string  `json:"opt_name"`
	Value   *string `json:"opt_value"` // null on update: the option goes
	Version integer `json:"ip_version"`
}

// fixed are the address requests; nil if the request does not speak of addresses.
func (in portIn) fixed() (*[]network.AddressRequest, error) {
	if !in.Fixed.Set || in.Fixed.Null {
		return nil, nil
	}
	requests, err := parseFixed("fixed_ips", in.Fixed.Value)
	return &requests, err
}

func parseFixed(field string, fixed []fixedIP) ([]network.AddressRequest, error) {
	requests := make([]network.AddressRequest, len(fixed))
	for i, f := range fixed {
		requests[i].SubnetID = cloud.SubnetID(f.SubnetID)
		if f.Address == "" {
			continue
		}
		address, err := parseAddr(field, f.Address)
		if err != nil {
			return nil, err
		}
		requests[i].Address = address
	}
	return requests, nil
}

func (in portIn) pairs() ([]cloud.AddressPair, error) {
	pairs := make([]cloud.AddressPair, len(in.Pairs.Value))
	for i, p := range in.Pairs.Value {
		prefix, err := parsePrefix("allowed_address_pairs", p.Address)
		if err != nil {
			return nil, err
		}
		pairs[i] = cloud.AddressPair{MAC: p.MAC, Address: prefix.Masked()}
	}
	return network.NormalPairs(pairs)
}

func (in portIn) options() []cloud.DHCPOption {
	var options []cloud.DHCPOption
	for _, o := range in.Options.Value {
		if o.Value == nil {
			continue
		}
		version := 4
		if o.Version.Value != 0 {
			version = int(o.Version.Value)
		}
		options = append(options, cloud.DHCPOption{Name: o.Name, Value: *o.Value, Version: version})
	}
	return options
}

// groups is nil if the request does not speak of groups.
func (in portIn) groups() *[]cloud.SecurityGroupID {
	if !in.Groups.Set || in.Groups.Null {
		return nil
	}
	return &in.Groups.Value
}

func (in portIn) host() *cloud.HostID {
	if !in.Host.Set {
		return nil
	}
	host := cloud.HostID(in.Host.Value)
	return &host
}

// checkGroups refuses a list that names a group twice.
func (in portIn) checkGroups() error {
	for i, id := range in.Groups.Value {
		if slices.Contains(in.Groups.Value[:i], id) {
			return cloud.Invalidf("request", "body", "Invalid input for security_groups. Reason: Duplicate items in the list: '%s'.", id)
		}
	}
	return nil
}

func (a *api) createPort(ctx context.Context, in portIn) (*cloud.Port, error) {
	if err := in.checkGroups(); err != nil {
		return nil, err
	}
	fixed, err := in.fixed()
	if err != nil {
		return nil, err
	}
	pairs, err := in.pairs()
	if err != nil {
		return nil, err
	}
	return a.net.CreatePort(ctx, network.PortRequest{ProjectID: in.project(), NetworkID: cloud.NetworkID(in.NetworkID.Value), Name: in.Name.Value,
		Description: in.Description.Value, AdminUp: boolPtr(in.AdminUp), MAC: in.MAC.Value, Fixed: fixed, PortSecurity: boolPtr(in.PortSecurity),
		Groups: in.groups(), AllowedPairs: pairs, DHCPOptions: in.options(), DNSName: in.DNSName.Value, DNSDomain: in.DNSDomain.Value, QoS: cloud.QoSPolicyID(in.QoS.Value), OwnerText: in.DeviceOwner.Value,
		DeviceText: in.DeviceID.Value, OwnerReserved: reserved(in.DeviceOwner.Value), HostID: in.host(), VNICType: in.VNICType.Value,
		Profile: in.Profile.Value, Trusted: boolPtr(in.Trusted)})
}

func (a *api) updatePort(ctx context.Context, id cloud.PortID, in portIn) (*cloud.Port, error) {
	if in.NetworkID.Set {
		return nil, readOnly("network_id")
	}
	if err := in.checkGroups(); err != nil {
		return nil, err
	}
	c := network.PortChange{Name: textPtr(in.Name), Description: textPtr(in.Description), AdminUp: boolPtr(in.AdminUp), MAC: textPtr(in.MAC),
		PortSecurity: boolPtr(in.PortSecurity), Groups: in.groups(), DNSName: textPtr(in.DNSName), DNSDomain: textPtr(in.DNSDomain), QoS: qosPtr(in.QoS), OwnerText: textPtr(in.DeviceOwner),
		DeviceText: textPtr(in.DeviceID), OwnerReserved: reserved(in.DeviceOwner.Value), HostID: in.host(), VNICType: textPtr(in.VNICType)}
	if in.Trusted.Set {
		trusted := boolPtr(in.Trusted) // null: nobody says any more
		c.Trusted = &trusted
	}
	var err error
	if c.Fixed, err = in.fixed(); err != nil {
		return nil, err
	}
	if in.Pairs.Set {
		pairs, err := in.pairs()
		if err != nil {
			return nil, err
		}
		c.AllowedPairs = &pairs
	}
	if in.Options.Set {
		return a.updateWithOptions(ctx, id, c, in)
	}
	if in.Profile.Set {
		c.Profile = &in.Profile.Value
	}
	return a.net.UpdatePort(ctx, id, c)
}

// updateWithOptions merges DHCP options: this API's list changes those it names and leaves the others.
func (a *api) updateWithOptions(ctx context.Context, id cloud.PortID, c network.PortChange, in portIn) (p *cloud.Port, err error) {
	err = a.net.Together(ctx, func(ctx context.Context) error {
		current, err := a.net.Port(ctx, id)
		if err != nil {
			return err
		}
		options := in.options()
		for _, have := range current.DHCPOptions {
			if !in.namesOption(have) {
				options = append(options, have)
			}
		}
		c.DHCPOptions = &options
		if in.Profile.Set {
			c.Profile = &in.Profile.Value
		}
		p, err = a.net.UpdatePort(ctx, id, c)
		return err
	})
	return p, err
}

func (in portIn) namesOption(have cloud.DHCPOption) bool {
	for _, o := range in.Options.Value {
		if o.Name == have.Name && (o.Version.Value == 0 || int(o.Version.Value) == have.Version) {
			return true
		}
	}
	return false
}
