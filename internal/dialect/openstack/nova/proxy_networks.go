package nova

import (
	"encoding/json"
	"net/http"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func networkID(r *http.Request) cloud.NetworkID { return cloud.NetworkID(r.PathValue("id")) }

// networkView has the keys of the network service that Compute once had inside; it filled in id and label only
// for networks of another service.
func networkView(n *cloud.Network) map[string]any {
	m := map[string]any{"id": n.ID, "label": n.Name}
	for _, key := range []string{"bridge", "vpn_public_port", "dhcp_start", "bridge_interface", "share_address", "updated_at", "cidr_v6", "deleted_at",
		"gateway", "rxtx_base", "priority", "project_id", "vpn_private_address", "deleted", "vlan", "broadcast", "netmask", "injected", "cidr",
		"vpn_public_address", "multi_host", "enable_dhcp", "dns2", "created_at", "host", "mtu", "gateway_v6", "netmask_v6", "dhcp_server", "dns1"} {
		m[key] = nil
	}
	return m
}

func tenantNetworkView(n *cloud.Network) map[string]any {
	return map[string]any{"id": n.ID, "label": n.Name, "cidr": "None"}
}

func (a *api) listNetworks(w http.ResponseWriter, r *http.Request) error {
	return a.writeNetworks(w, r, networkView)
}

func (a *api) listTenantNetworks(w http.ResponseWriter, r *http.Request) error {
	return a.writeNetworks(w, r, tenantNetworkView)
}

func (a *api) writeNetworks(w http.ResponseWriter, r *http.Request, view func(*cloud.Network) map[string]any) error {
	list, err := a.Networks.ListNetworks(r.Context(), cloud.Query{})
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, n := range list {
		out[i] = view(n)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"networks": out})
}

func (a *api) showNetwork(w http.ResponseWriter, r *http.Request) error {
	return a.writeNetwork(w, r, networkView)
}

func (a *api) showTenantNetwork(w http.ResponseWriter, r *http.Request) error {
	return a.writeNetwork(w, r, tenantNetworkView)
}

func (a *api) writeNetwork(w http.ResponseWriter, r *http.Request, view func(*cloud.Network) map[string]any) error {
	n, err := a.Networks.Network(r.Context(), networkID(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"network": view(n)})
}

func external(n *cloud.Network) bool { return n.External }

func (a *api) listPools(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Networks.ListNetworks(r.Context(), cloud.Query{}, external)
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, n := range list {
		out[i] = map[string]any{"name": n.Name}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"floating_ip_pools": out})
}

// pool finds an external network by id or name, or the first one.
func (a *api) pool(r *http.Request, word string) (*cloud.Network, error) {
	list, err := a.Networks.ListNetworks(r.Context(), cloud.Query{}, external, func(n *cloud.Network) bool {
		return word == "" || n.Name == word || string(n.ID) == word
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, cloud.Errorf(cloud.NotFound, "floating IP pool", word, "Floating IP pool not found.")
	}
	return list[0], nil
}

// floatingViews shows floating IPs with the names of their pools and the servers they lead to.
func (a *api) floatingViews(r *http.Request, list []*cloud.FloatingIP) ([]any, error) {
	ports, err := a.Networks.TargetPorts(r.Context(), list)
	if err != nil {
		return nil, err
	}
	pools := map[cloud.NetworkID]string{}
	networks, err := a.Networks.ListNetworks(r.Context(), cloud.Query{}, external)
	if err != nil {
		return nil, err
	}
	for _, n := range networks {
		pools[n.ID] = n.Name
	}
	out := make([]any, len(list))
	for i, f := range list {
		m := map[string]any{"id": f.ID, "ip": f.Address.String(), "pool": orNull(pools[f.NetworkID]), "instance_id": nil, "fixed_ip": nil}
		if f.TargetAddress.IsValid() {
			m["fixed_ip"] = f.TargetAddress.String()
		}
		if p := ports[f.TargetPort]; p != nil {
			m["instance_id"] = orNull(string(p.InstanceID))
		}
		out[i] = m
	}
	return out, nil
}

func (a *api) writeFloatingIP(w http.ResponseWriter, r *http.Request, f *cloud.FloatingIP) error {
	views, err := a.floatingViews(r, []*cloud.FloatingIP{f})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"floating_ip": views[0]})
}

func ownFloating(r *http.Request) func(*cloud.FloatingIP) bool {
	own := cloud.PrincipalOf(r.Context()).ProjectID
	return func(f *cloud.FloatingIP) bool { return f.ProjectID == own }
}

func (a *api) listFloatingIPs(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Networks.ListFloatingIPs(r.Context(), cloud.Query{}, ownFloating(r))
	if err != nil {
		return err
	}
	views, err := a.floatingViews(r, list)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"floating_ips": views})
}

func (a *api) showFloatingIP(w http.ResponseWriter, r *http.Request) error {
	f, err := a.Networks.FloatingIP(r.Context(), cloud.FloatingIPID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return a.writeFloatingIP(w, r, f)
}

func (a *api) createFloatingIP(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Pool string `json:"pool"`
	}
	b, err := openstack.ReadBody(r)
	if err != nil {
		return err
	}
	if len(b) > 0 { // without a body, any pool will do
		if err := openstack.DecodeBytes(b, &body); err != nil {
			return err
		}
	}
	n, err := a.pool(r, body.Pool)
	if err != nil {
		return err
	}
	f, err := a.Networks.CreateFloatingIP(r.Context(), network.FloatingIPRequest{NetworkID: n.ID})
	if err != nil {
		return err
	}
	return a.writeFloatingIP(w, r, f)
}

func (a *api) deleteFloatingIP(w http.ResponseWriter, r *http.Request) error {
	return accept(w, a.Networks.DeleteFloatingIP(r.Context(), cloud.FloatingIPID(r.PathValue("id"))))
}

// floatingByAddress finds the caller's floating IP.
func (a *api) floatingByAddress(r *http.Request, address string) (*cloud.FloatingIP, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return nil, cloud.Invalidf("request", "address", "Invalid input for field/attribute address. '%s' is not an address.", address)
	}
	list, err := a.Networks.ListFloatingIPs(r.Context(), cloud.Query{}, ownFloating(r), func(f *cloud.FloatingIP) bool { return f.Address == ip })
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, cloud.Errorf(cloud.NotFound, "floating IP", address, "Floating IP not found for address %s.", address)
	}
	return list[0], nil
}

func addFloatingIP(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Address string `json:"address"`
		Fixed   string `json:"fixed_address"`
	}
	if err := untilAddresses(r); err != nil {
		return err
	}
	if err := openstack.DecodeBytesStrict(args, &body); err != nil {
		return err
	}
	f, err := a.floatingByAddress(r, body.Address)
	if err != nil {
		return err
	}
	target, err := a.fixedAddress(r, body.Fixed)
	if err != nil {
		return err
	}
	_, err = a.Networks.UpdateFloatingIP(r.Context(), f.ID, network.FloatingIPChange{Target: &target})
	return accept(w, refused(err))
}

// untilAddresses hides the actions on addresses from 2.44 on.
func untilAddresses(r *http.Request) error {
	if atLeast(r, 44) {
		return cloud.Invalidf("request", "body", "There is no such action in this version of the API.")
	}
	return nil
}

// fixedAddress finds the server's port with the address, or the first one with an IPv4 address.
func (a *api) fixedAddress(r *http.Request, fixed string) (network.TargetRequest, error) {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return network.TargetRequest{}, err
	}
	for _, p := range v.Ports {
		for _, ip := range p.Port.Addresses {
			if ip.Address.Is4() && (fixed == "" || ip.Address.String() == fixed) {
				return network.TargetRequest{PortID: p.Port.ID, Address: ip.Address}, nil
			}
		}
	}
	return network.TargetRequest{}, cloud.Invalidf("request", "fixed_address", "Unable to associate floating IP: the instance has no such fixed IPv4 address.")
}

func removeFloatingIP(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Address string `json:"address"`
	}
	if err := untilAddresses(r); err != nil {
		return err
	}
	if err := openstack.DecodeBytesStrict(args, &body); err != nil {
		return err
	}
	f, err := a.floatingByAddress(r, body.Address)
	if err != nil {
		return err
	}
	ports, err := a.Networks.TargetPorts(r.Context(), []*cloud.FloatingIP{f})
	if err != nil {
		return err
	}
	if p := ports[f.TargetPort]; p == nil || p.InstanceID != serverID(r) {
		return cloud.Errorf(cloud.WrongState, "floating IP", body.Address, "Floating IP %s is not associated with instance %s.", body.Address, serverID(r))
	}
	_, err = a.Networks.UpdateFloatingIP(r.Context(), f.ID, network.FloatingIPChange{Target: &network.TargetRequest{}})
	return accept(w, err)
}
