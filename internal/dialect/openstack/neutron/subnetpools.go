package neutron

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) pools() resource[cloud.SubnetPool, cloud.SubnetPoolID] {
	tags := func(p *cloud.SubnetPool) []string { return p.Tags }
	return resource[cloud.SubnetPool, cloud.SubnetPoolID]{one: "subnetpool", many: "subnetpools", path: "/v2.0/subnetpools",
		filters: tagFilters(tags, common(filters[cloud.SubnetPool]{"shared": byBool[cloud.SubnetPool]("shared"),
			"is_default": byBool[cloud.SubnetPool]("default"), "default_prefixlen": byInt[cloud.SubnetPool]("default_bits"),
			"min_prefixlen": byInt[cloud.SubnetPool]("min_bits"), "max_prefixlen": byInt[cloud.SubnetPool]("max_bits"),
			"address_scope_id": byText[cloud.SubnetPool]("scope_id"),
			"default_quota": byShown(func(p *cloud.SubnetPool) string {
				if p.ProjectQuota == nil {
					return ""
				}
				return strconv.FormatInt(*p.ProjectQuota, 10)
			}),
			"ip_version": byVersion[cloud.SubnetPool]})),
		sort: namedSort(openstack.SortColumns{"default_prefixlen": "default_bits", "min_prefixlen": "min_bits", "max_prefixlen": "max_bits",
			"address_scope_id": "scope_id", "default_quota": "quota", "ip_version": "ipv6", "is_default": "default", "shared": "shared"}),
		list: a.net.ListSubnetPools, get: a.net.SubnetPool, remove: a.net.DeleteSubnetPool,
		id: func(p *cloud.SubnetPool) cloud.SubnetPoolID { return p.ID }, show: a.showPools, tags: tags,
		setTags: func(ctx context.Context, id cloud.SubnetPoolID, tags []string) error {
			_, err := a.net.UpdateSubnetPool(ctx, id, network.SubnetPoolChange{Tags: &tags})
			return err
		}}
}

func (a *api) poolRoutes(s *openstack.Service) {
	r := a.pools()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createPool))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updatePool))
	s.Handle("PUT "+r.path+"/{id}/add_prefixes", a.changePrefixes(func(c *network.SubnetPoolChange, p []netip.Prefix) { c.AddPrefixes = p }))
	s.Handle("PUT "+r.path+"/{id}/remove_prefixes", a.changePrefixes(func(c *network.SubnetPoolChange, p []netip.Prefix) { c.RemovePrefixes = p }))
}

func (a *api) showPools(ctx context.Context, pools []*cloud.SubnetPool) ([]object, error) {
	with, err := a.net.SharedWithCaller(ctx, cloud.ShareSubnetPool, cloud.UseShared)
	shown := make([]object, len(pools))
	for i, p := range pools {
		shown[i] = object{"id": p.ID, "name": p.Name, "description": p.Description, "tenant_id": p.ProjectID, "project_id": p.ProjectID,
			"prefixes": showPrefixes(p.Prefixes), "default_prefixlen": strconv.Itoa(p.DefaultBits), "min_prefixlen": strconv.Itoa(p.MinBits), "max_prefixlen": strconv.Itoa(p.MaxBits),
			"default_quota": p.ProjectQuota, "ip_version": versionShown(p.Prefixes[0].Addr().Is6()), "address_scope_id": orNull(p.ScopeID), "shared": p.Shared || with[string(p.ID)], "is_default": p.Default,
			"tags": tagsShown(p.Tags)}.with(stamps(&p.Meta, p.Revisions))
	}
	return shown, err
}

func showPrefixes(prefixes []netip.Prefix) []string {
	shown := make([]string, len(prefixes))
	for i, p := range prefixes {
		shown[i] = p.String()
	}
	return shown
}

// poolIn is a subnet pool in a request.
type poolIn struct {
	owner
	tagsIn
	Name        text                         `json:"name"`
	Description text                         `json:"description"`
	Prefixes    openstack.Optional[[]string] `json:"prefixes"`
	DefaultBits integer                      `json:"default_prefixlen"`
	MinBits     integer                      `json:"min_prefixlen"`
	MaxBits     integer                      `json:"max_prefixlen"`
	Quota       integer                      `json:"default_quota"`
	Shared      boolean                      `json:"shared"`
	Default     boolean                      `json:"is_default"`
	Scope       text                         `json:"address_scope_id"`
}

func parsePrefixes(field string, in []string) ([]netip.Prefix, error) {
	prefixes := make([]netip.Prefix, len(in))
	for i, s := range in {
		var err error
		if prefixes[i], err = parsePrefix(field, s); err != nil {
			return nil, err
		}
	}
	return prefixes, nil
}

// quota is nil for none.
func (in poolIn) quota() *int64 {
	if !in.Quota.Set || in.Quota.Null {
		return nil
	}
	n := int64(in.Quota.Value)
	return &n
}

func (a *api) createPool(ctx context.Context, in poolIn) (*cloud.SubnetPool, error) {
	prefixes, err := parsePrefixes("prefixes", in.Prefixes.Value)
	if err != nil {
		return nil, err
	}
	return a.net.CreateSubnetPool(ctx, network.SubnetPoolRequest{ProjectID: in.project(), Name: in.Name.Value, Description: in.Description.Value,
		Prefixes: prefixes, DefaultBits: intPtr(in.DefaultBits), MinBits: intPtr(in.MinBits), MaxBits: intPtr(in.MaxBits), ProjectQuota: in.quota(),
		Shared: bool(in.Shared.Value), Default: bool(in.Default.Value), ScopeID: cloud.AddressScopeID(in.Scope.Value)})
}

func (a *api) updatePool(ctx context.Context, id cloud.SubnetPoolID, in poolIn) (*cloud.SubnetPool, error) {
	if in.Shared.Set {
		return nil, readOnly("shared")
	}
	prefixes, err := parsePrefixes("prefixes", in.Prefixes.Value)
	if err != nil {
		return nil, err
	}
	c := network.SubnetPoolChange{Name: textPtr(in.Name), Description: textPtr(in.Description), DefaultBits: intPtr(in.DefaultBits),
		MinBits: intPtr(in.MinBits), MaxBits: intPtr(in.MaxBits), Default: boolPtr(in.Default)}
	if in.Prefixes.Set {
		c.Prefixes = &prefixes
	}
	if in.Scope.Set {
		scope := cloud.AddressScopeID(in.Scope.Value)
		c.ScopeID = &scope
	}
	if in.Quota.Set {
		quota := in.quota()
		c.ProjectQuota = &quota
	}
	return a.net.UpdateSubnetPool(ctx, id, c)
}

// changePrefixes answers the two requests that change nothing but the prefixes, with what they are now.
func (a *api) changePrefixes(put func(*network.SubnetPoolChange, []netip.Prefix)) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var in struct {
			Prefixes []string `json:"prefixes"`
		}
		if err := openstack.Decode(r, &in); err != nil {
			return err
		}
		prefixes, err := parsePrefixes("prefixes", in.Prefixes)
		if err != nil {
			return err
		}
		var c network.SubnetPoolChange
		put(&c, prefixes)
		p, err := a.net.UpdateSubnetPool(r.Context(), cloud.SubnetPoolID(r.PathValue("id")), c)
		if err != nil {
			return err
		}
		return openstack.WriteJSON(w, http.StatusOK, object{"prefixes": showPrefixes(p.Prefixes)})
	}
}
