package testcloud

import (
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// tunnels are VPN services and connections that stand on nothing, and what stands for them.
func (l *leftovers) tunnels() {
	for _, v := range l.vpns {
		if v.RouterID != "" && l.routers[v.RouterID] == nil {
			l.add("VPN service %s is of router %s, which is gone", v.ID, v.RouterID)
		}
		for _, p := range v.OutsidePorts {
			if l.ports[p] == nil {
				l.add("VPN service %s has lost its port %s", v.ID, p)
			}
		}
	}
	for _, c := range l.connections {
		if l.vpns[c.ServiceID] == nil {
			l.add("VPN connection %s is of service %s, which is gone", c.ID, c.ServiceID)
		}
	}
	for _, p := range l.ports {
		if p.Owner == cloud.OwnerVPN && l.vpns[cloud.VPNServiceID(p.DeviceText)] == nil {
			l.add("port %s is of VPN service %s, which is gone", p.ID, p.DeviceText)
		}
	}
}

// vpnsOn are on the host of their routers alone.
func (l *leftovers) vpnsOn(h *simulated, id cloud.HostID, vpns []spec.VPNID) {
	for _, x := range vpns {
		v := l.vpns[cloud.VPNServiceID(x)]
		if v == nil || l.routers[v.RouterID] == nil || l.routers[v.RouterID].HostID != id {
			l.add("VPN %s on %s has no row there", x, h.name)
		}
	}
}
