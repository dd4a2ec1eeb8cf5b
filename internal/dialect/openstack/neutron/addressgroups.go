package neutron

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) addressGroups() resource[cloud.AddressGroup, cloud.AddressGroupID] {
	return resource[cloud.AddressGroup, cloud.AddressGroupID]{one: "address_group", many: "address_groups", path: "/v2.0/address-groups",
		filters: common(filters[cloud.AddressGroup]{"shared": byBool[cloud.AddressGroup]("shared")}),
		sort:    namedSort(nil),
		list:    a.net.ListAddressGroups, get: a.net.AddressGroup, remove: a.net.DeleteAddressGroup,
		id: func(g *cloud.AddressGroup) cloud.AddressGroupID { return g.ID }, show: a.showAddressGroups}
}

func (a *api) addressGroupRoutes(s *openstack.Service) {
	r := a.addressGroups()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createAddressGroup))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateAddressGroup))
	s.Handle("PUT "+r.path+"/{id}/add_addresses", a.changeAddresses(func(c *network.AddressGroupChange, p []netip.Prefix) { c.Add = p }))
	s.Handle("PUT "+r.path+"/{id}/remove_addresses", a.changeAddresses(func(c *network.AddressGroupChange, p []netip.Prefix) { c.Remove = p }))
}

func (a *api) showAddressGroups(ctx context.Context, groups []*cloud.AddressGroup) ([]object, error) {
	with, err := a.net.SharedWithCaller(ctx, cloud.ShareAddressGroup, cloud.UseShared)
	shown := make([]object, len(groups))
	for i, g := range groups {
		shown[i] = object{"id": g.ID, "name": g.Name, "description": g.Description, "tenant_id": g.ProjectID, "project_id": g.ProjectID,
			"addresses": showPrefixes(g.Prefixes), "shared": g.Shared || with[string(g.ID)]}.with(stamps(&g.Meta, g.Revisions))
	}
	return shown, err
}

// addressGroupIn is an address group in a request.
type addressGroupIn struct {
	owner
	Name        text                         `json:"name"`
	Description text                         `json:"description" max:"1024"`
	Addresses   openstack.Optional[[]string] `json:"addresses"`
}

func (a *api) createAddressGroup(ctx context.Context, in addressGroupIn) (*cloud.AddressGroup, error) {
	prefixes, err := parseCIDRs(in.Addresses.Value)
	if err != nil {
		return nil, err
	}
	return a.net.CreateAddressGroup(ctx, network.AddressGroupRequest{ProjectID: in.project(), Name: in.Name.Value,
		Description: in.Description.Value, Prefixes: prefixes})
}

func (a *api) updateAddressGroup(ctx context.Context, id cloud.AddressGroupID, in addressGroupIn) (*cloud.AddressGroup, error) {
	if in.Addresses.Set {
		return nil, readOnly("addresses: use add_addresses and remove_addresses")
	}
	return a.net.UpdateAddressGroup(ctx, id, network.AddressGroupChange{Name: textPtr(in.Name), Description: textPtr(in.Description)})
}

// changeAddresses answers the two requests that change the list; their body is the addresses alone.
func (a *api) changeAddresses(put func(*network.AddressGroupChange, []netip.Prefix)) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		prefixes, err := addressesIn(r)
		if err != nil {
			return err
		}
		var c network.AddressGroupChange
		put(&c, prefixes)
		g, err := a.net.UpdateAddressGroup(r.Context(), cloud.AddressGroupID(r.PathValue("id")), c)
		if err != nil {
			return err
		}
		return answer(w, r, http.StatusOK, a.addressGroups(), []*cloud.AddressGroup{g}, false)
	}
}

// addressesIn reads a body that is a list of addresses alone.
func addressesIn(r *http.Request) ([]netip.Prefix, error) {
	raw, err := openstack.ReadBody(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		Addresses *[]string `json:"addresses"`
	}
	if err := strict(raw, &in); err != nil {
		return nil, err
	}
	if in.Addresses == nil {
		return nil, cloud.Invalidf("request", "addresses", "Unable to find 'addresses' in request body")
	}
	return parsePrefixes("addresses", *in.Addresses)
}

// parseCIDRs reads the addresses of a new group. A bare address is none here, though it may be added and removed later.
func parseCIDRs(in []string) ([]netip.Prefix, error) {
	for _, s := range in {
		if !strings.Contains(s, "/") {
			return nil, cloud.Invalidf("request", "addresses", "Invalid input for addresses. Reason: '%s' is not a CIDR; a single address ends in /32 or /128.", s)
		}
	}
	return parsePrefixes("addresses", in)
}
