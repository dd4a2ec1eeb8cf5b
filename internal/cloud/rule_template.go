package cloud

import "net/netip"

// OwnGroup in a RuleTemplate stands for the group that a rule is made in.
const OwnGroup SecurityGroupID = "own"

// RuleTemplate is a rule that new security groups begin with. It has no project.
type RuleTemplate struct {
	ID RuleTemplateID `json:"id"`
	Meta
	Description string `json:"description,omitempty"`
	// ForDefault: the default groups of projects get it. ForOthers: all other groups do.
	ForDefault bool `json:"for_default,omitempty"`
	ForOthers  bool `json:"for_others,omitempty"`

	Direction       string          `json:"direction"`
	IPv6            bool            `json:"ipv6,omitempty"`
	Protocol        string          `json:"protocol,omitempty"`
	PortMin         *int            `json:"port_min,omitempty"`
	PortMax         *int            `json:"port_max,omitempty"`
	RemotePrefix    netip.Prefix    `json:"remote_prefix,omitzero"`
	RemoteGroup     SecurityGroupID `json:"remote_group,omitempty"`
	RemoteAddresses AddressGroupID  `json:"remote_addresses,omitempty"`
	// Key makes equal templates collide.
	Key string `json:"key"`
}
