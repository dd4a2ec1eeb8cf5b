package neutron

import (
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// deviceOwners are our owners of ports as this API calls them.
var deviceOwners = map[cloud.PortOwner]string{
	cloud.OwnerInstance:        "compute:nova",
	cloud.OwnerRouterInterface: "network:router_interface",
	cloud.OwnerRouterCopy:      "network:router_interface_distributed",
	cloud.OwnerRouterExit:      "network:router_centralized_snat",
	cloud.OwnerRouterGateway:   "network:router_gateway",
	cloud.OwnerFloatingIP:      "network:floatingip",
	cloud.OwnerService:         "network:dhcp",
	cloud.OwnerTrunk:           "trunk:subport",
	cloud.OwnerVPN:             "network:vpn_router_gw",
	cloud.OwnerNATGateway:      "network:nat_gateway",
	cloud.OwnerRouterLink:      "network:router_link",
}

// deviceOwner and deviceID say what a port is for.
func deviceOwner(p *cloud.Port) string {
	if p.Owner == cloud.OwnerNone {
		return p.OwnerText
	}
	return deviceOwners[p.Owner]
}

func deviceID(p *cloud.Port) string {
	switch {
	case p.InstanceID != "":
		return string(p.InstanceID)
	case p.RouterID != "":
		return string(p.RouterID)
	}
	return p.DeviceText
}

// reserved tells whether a client's words claim that a port is the cloud's own.
func reserved(deviceOwner string) bool { return strings.HasPrefix(deviceOwner, "network:") }

// ownerFilter finds ports by device owner: by our owner, or by what a client wrote.
func ownerFilter(values []string) ([][]cloud.Cond, func(*cloud.Port) bool, error) {
	out := [][]cloud.Cond{{cloud.Eq("owner", ""), cloud.In("owner_text", values)}}
	var ours []string
	for _, v := range values {
		for o, name := range deviceOwners {
			if name == v {
				ours = append(ours, string(o))
			}
		}
	}
	if len(ours) > 0 {
		out = append(out, []cloud.Cond{cloud.In("owner", ours)})
	}
	return out, nil, nil
}

// deviceFilter finds ports by device: an instance, a router, or what a client wrote.
func deviceFilter(values []string) ([][]cloud.Cond, func(*cloud.Port) bool, error) {
	none := cloud.Eq("instance_id", "")
	named := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
	return [][]cloud.Cond{{cloud.In("instance_id", named)}, {none, cloud.In("router_id", named)},
		{none, cloud.Eq("router_id", ""), cloud.In("device_text", values)}}, nil, nil
}

// serviceTypeRead and serviceTypeShown turn a subnet's service type into our
// word for the owner and back; what is not ours stays as it is.
func serviceTypeRead(t string) string {
	if t == "compute:" {
		return string(cloud.OwnerInstance)
	}
	for o, name := range deviceOwners {
		if name == t {
			return string(o)
		}
	}
	return t
}

func serviceTypeShown(t string) string {
	if name, ok := deviceOwners[cloud.PortOwner(t)]; ok {
		return name
	}
	return t
}

// portStatus is what a port does now.
func portStatus(p *cloud.Port) string {
	switch {
	case p.Owner == cloud.OwnerFloatingIP:
		return "N/A"
	case p.Up && p.AdminUp:
		return "ACTIVE"
	}
	return "DOWN"
}

// floatingStatus is ACTIVE while a floating IP leads somewhere.
func floatingStatus(f *cloud.FloatingIP) string {
	if f.RouterID != "" && !f.Unserved {
		return "ACTIVE"
	}
	return "DOWN"
}

// etherType is a rule's IP version.
func etherType(ipv6 bool) string {
	if ipv6 {
		return "IPv6"
	}
	return "IPv4"
}
