package nova

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// Two actions, until 2.43, give one of a server's ports another address or take one away.

func addFixedIP(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Network cloud.NetworkID `json:"networkId"`
	}
	v, err := a.serverForAddress(r, args, &body)
	if err != nil {
		return err
	}
	for _, p := range v.Ports {
		if p.Port.NetworkID == body.Network && len(p.Subnets) > 0 {
			fixed := append(addressesOf(p.Port), network.AddressRequest{SubnetID: p.Subnets[0].ID})
			return accept(w, a.setAddresses(r, p.Port, fixed))
		}
	}
	return cloud.Invalidf("request", "networkId", "Instance %s has no port with an address on network %s.", v.ID, body.Network)
}

func removeFixedIP(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Address string `json:"address"`
	}
	v, err := a.serverForAddress(r, args, &body)
	if err != nil {
		return err
	}
	for _, p := range v.Ports {
		all := addressesOf(p.Port)
		kept := slices.DeleteFunc(slices.Clone(all), func(f network.AddressRequest) bool { return f.Address.String() == body.Address })
		if len(kept) < len(all) {
			return accept(w, a.setAddresses(r, p.Port, kept))
		}
	}
	return cloud.Invalidf("request", "address", "Fixed IP %s does not belong to instance %s.", body.Address, v.ID)
}

// serverForAddress reads the body of such an action and finds the server.
func (a *api) serverForAddress(r *http.Request, args json.RawMessage, body any) (*compute.View, error) {
	if err := untilAddresses(r); err != nil {
		return nil, err
	}
	if err := openstack.DecodeBytesStrict(args, body); err != nil {
		return nil, err
	}
	return a.Compute.Instance(r.Context(), serverID(r))
}

func addressesOf(p *cloud.Port) []network.AddressRequest {
	out := make([]network.AddressRequest, len(p.Addresses))
	for i, ip := range p.Addresses {
		out[i] = network.AddressRequest{SubnetID: ip.SubnetID, Address: ip.Address}
	}
	return out
}

func (a *api) setAddresses(r *http.Request, p *cloud.Port, fixed []network.AddressRequest) error {
	_, err := a.Networks.UpdatePort(r.Context(), p.ID, network.PortChange{Fixed: &fixed})
	return refused(err)
}
