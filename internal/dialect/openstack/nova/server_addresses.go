package nova

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// shownAddress is an address of a server, under the name of its network.
type shownAddress struct {
	network, kind, mac string
	ip                 netip.Addr
}

// addresses lists fixed and floating addresses, network by network.
func addresses(v *compute.View) []shownAddress {
	var out []shownAddress
	for _, p := range v.Ports {
		for _, addr := range p.Port.Addresses {
			out = append(out, shownAddress{p.NetworkName, "fixed", p.Port.MAC, addr.Address})
		}
		for _, f := range p.Floating {
			out = append(out, shownAddress{p.NetworkName, "floating", p.Port.MAC, f.Address})
		}
	}
	slices.SortStableFunc(out, func(a, b shownAddress) int { return cmp.Compare(a.network, b.network) })
	return out
}

// appendNetworks appends the object of all networks' addresses; full: with kind and MAC.
func appendNetworks(b []byte, list []shownAddress, full bool) []byte {
	b = append(b, '{')
	for i := 0; i < len(list); {
		if i > 0 {
			b = append(b, ',')
		}
		n := i + 1
		for n < len(list) && list[n].network == list[i].network {
			n++
		}
		b = append(openstack.AppendString(b, list[i].network), ':')
		b = appendAddresses(b, list[i:n], full)
		i = n
	}
	return append(b, '}')
}

func appendAddresses(b []byte, list []shownAddress, full bool) []byte {
	b = append(b, '[')
	for i, a := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if full {
			b = openstack.AppendString(append(b, `"OS-EXT-IPS-MAC:mac_addr":`...), a.mac)
			b = append(openstack.AppendString(append(b, `,"OS-EXT-IPS:type":`...), a.kind), ',')
		}
		b = append(a.ip.AppendTo(append(b, `"addr":"`...)), `","version":`...)
		b = append(b, a.version(), '}')
	}
	return append(b, ']')
}

func (a shownAddress) version() byte {
	if a.ip.Is6() {
		return '6'
	}
	return '4'
}

func (a *api) listAddresses(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	var body openstack.Object
	body.Append("addresses", func(b []byte) []byte { return appendNetworks(b, addresses(v), false) })
	return openstack.WriteJSON(w, http.StatusOK, &body)
}

func (a *api) showAddresses(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	name := r.PathValue("network")
	list := slices.DeleteFunc(addresses(v), func(a shownAddress) bool { return a.network != name })
	if len(list) == 0 {
		return cloud.NotFoundf("network", name)
	}
	var body openstack.Object
	body.Append(name, func(b []byte) []byte { return appendAddresses(b, list, false) })
	return openstack.WriteJSON(w, http.StatusOK, &body)
}
