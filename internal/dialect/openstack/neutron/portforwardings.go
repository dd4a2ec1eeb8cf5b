package neutron

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

const forwardingPath = "/v2.0/floatingips/{floatingip}/port_forwardings"

func (a *api) forwardingRoutes(s *openstack.Service) {
	s.Handle("GET "+forwardingPath, a.listForwardings)
	s.Handle("POST "+forwardingPath, a.createForwarding)
	s.Handle("GET "+forwardingPath+"/{id}", a.showForwarding)
	s.Handle("PUT "+forwardingPath+"/{id}", a.updateForwarding)
	s.Handle("DELETE "+forwardingPath+"/{id}", a.deleteForwarding)
}

// forwardingOf are the floating IP and the forwarding that a request names.
func forwardingOf(r *http.Request) (cloud.FloatingIPID, cloud.PortForwardingID) {
	return cloud.FloatingIPID(r.PathValue("floatingip")), cloud.PortForwardingID(r.PathValue("id"))
}

// showPortForwarding shows single ports as numbers, and ranges always.
func showPortForwarding(p cloud.PortForwarding) object {
	o := object{"id": p.ID, "description": p.Description, "protocol": p.Protocol, "internal_port_id": p.PortID,
		"internal_ip_address": p.Address.String(), "external_port_range": showRange(p.External), "internal_port_range": showRange(p.Internal)}
	if p.External.Len() == 1 {
		o["external_port"] = p.External.First
	}
	if p.Internal.Len() == 1 {
		o["internal_port"] = p.Internal.First
	}
	return o
}

func showRange(r cloud.PortRange) string { return fmt.Sprintf("%d:%d", r.First, r.Last) }

func showForwardings(all []cloud.PortForwarding) []object {
	shown := make([]object, len(all))
	for i, p := range all {
		shown[i] = showPortForwarding(p)
	}
	return shown
}

// forwardingsWithin are forwardings as their floating IP shows them: without words, and with a range only where it is one.
func forwardingsWithin(all []cloud.PortForwarding) []object {
	shown := showForwardings(all)
	for i, p := range all {
		delete(shown[i], "description")
		if p.External.Len() == 1 {
			delete(shown[i], "external_port_range")
		}
		if p.Internal.Len() == 1 {
			delete(shown[i], "internal_port_range")
		}
	}
	return shown
}

// forwardingIn is a forwarding in a request: each side is a port or a range.
type forwardingIn struct {
	owner
	Description   text    `json:"description"`
	Protocol      text    `json:"protocol"`
	PortID        text    `json:"internal_port_id"`
	Address       text    `json:"internal_ip_address"`
	ExternalPort  integer `json:"external_port"`
	ExternalRange text    `json:"external_port_range"`
	InternalPort  integer `json:"internal_port"`
	InternalRange text    `json:"internal_port_range"`
}

func (in forwardingIn) change() (c network.PortForwardingChange, err error) {
	c = network.PortForwardingChange{Description: textPtr(in.Description), PortID: (*cloud.PortID)(textPtr(in.PortID))}
	if in.Protocol.Set {
		protocol := strings.ToLower(in.Protocol.Value)
		c.Protocol = &protocol
	}
	if c.External, err = portRange("external", in.ExternalPort, in.ExternalRange); err != nil {
		return c, err
	}
	if c.Internal, err = portRange("internal", in.InternalPort, in.InternalRange); err != nil {
		return c, err
	}
	if in.Address.Set {
		address, err := optionalAddr("internal_ip_address", in.Address)
		c.Address = &address
		return c, err
	}
	return c, nil
}

func portRange(side string, port integer, ports text) (*cloud.PortRange, error) {
	switch {
	case port.Set && ports.Set:
		return nil, cloud.Invalidf("request", "body", "Invalid input: give %[1]s_port or %[1]s_port_range, not both.", side)
	case port.Set:
		return &cloud.PortRange{First: int(port.Value), Last: int(port.Value)}, nil
	case !ports.Set:
		return nil, nil
	}
	low, high, found := strings.Cut(ports.Value, ":")
	if !found {
		high = low
	}
	first, err1 := strconv.Atoi(low)
	last, err2 := strconv.Atoi(high)
	if err1 != nil || err2 != nil {
		return nil, cloud.Invalidf("request", "body", "Invalid input for %s_port_range. Reason: '%s' is not a range of ports.", side, ports.Value)
	}
	return &cloud.PortRange{First: first, Last: last}, nil
}

func (a *api) listForwardings(w http.ResponseWriter, r *http.Request) error {
	id, _ := forwardingOf(r)
	f, err := a.net.FloatingIP(r.Context(), id)
	if err != nil {
		return err
	}
	shown := []object{}
	for _, o := range showForwardings(f.Forwardings) {
		if shownAs(o, r) {
			shown = append(shown, o)
		}
	}
	return a.writeParts(w, r, "port_forwardings", shown)
}

func writeForwarding(w http.ResponseWriter, status int, p cloud.PortForwarding, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, status, object{"port_forwarding": showPortForwarding(p)})
}

func decodeForwarding(r *http.Request) (network.PortForwardingChange, error) {
	in, err := decodeOne[forwardingIn](r, "port_forwarding")
	if err != nil {
		return network.PortForwardingChange{}, err
	}
	return in.change()
}

func (a *api) createForwarding(w http.ResponseWriter, r *http.Request) error {
	c, err := decodeForwarding(r)
	if err != nil {
		return err
	}
	id, _ := forwardingOf(r)
	p, err := a.net.CreatePortForwarding(r.Context(), id, c)
	return writeForwarding(w, http.StatusCreated, p, err)
}

func (a *api) showForwarding(w http.ResponseWriter, r *http.Request) error {
	id, forwarding := forwardingOf(r)
	p, err := a.net.PortForwarding(r.Context(), id, forwarding)
	return writeForwarding(w, http.StatusOK, p, err)
}

func (a *api) updateForwarding(w http.ResponseWriter, r *http.Request) error {
	c, err := decodeForwarding(r)
	if err != nil {
		return err
	}
	id, forwarding := forwardingOf(r)
	p, err := a.net.UpdatePortForwarding(r.Context(), id, forwarding, c)
	return writeForwarding(w, http.StatusOK, p, err)
}

func (a *api) deleteForwarding(w http.ResponseWriter, r *http.Request) error {
	id, forwarding := forwardingOf(r)
	if err := a.net.DeletePortForwarding(r.Context(), id, forwarding); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
