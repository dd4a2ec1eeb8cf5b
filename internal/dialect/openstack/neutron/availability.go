package neutron

import (
	"context"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// availabilities are networks, seen as addresses that are left.
func (a *api) availabilities() resource[cloud.Network, cloud.NetworkID] {
	type net = cloud.Network
	return resource[net, cloud.NetworkID]{one: "network_ip_availability", many: "network_ip_availabilities", path: "/v2.0/network-ip-availabilities",
		filters: filters[net]{"network_id": byText[net]("id"), "network_name": byText[net]("name"), "project_id": byText[net]("project_id"),
			"tenant_id": byText[net]("project_id")},
		sort: openstack.SortColumns{"network_id": "id", "network_name": "name", "project_id": "project_id", "tenant_id": "project_id"},
		list: a.net.ListNetworks, get: a.net.Network,
		id: func(n *net) cloud.NetworkID { return n.ID }, show: a.showAvailabilities}
}

func (a *api) availabilityRoutes(s *openstack.Service) {
	r := a.availabilities()
	s.Handle("GET "+r.path, a.listAvailabilities(r))
	s.Handle("GET "+r.path+"/{id}", func(w http.ResponseWriter, q *http.Request) error { return showOne(a, w, q, r) })
}

func (a *api) showAvailabilities(ctx context.Context, networks []*cloud.Network) ([]object, error) {
	return a.availabilitiesOf(ctx, networks, nil)
}

// availabilitiesOf shows the subnets that keep lets pass, all for nil.
func (a *api) availabilitiesOf(ctx context.Context, networks []*cloud.Network, keep func(*cloud.Subnet) bool) ([]object, error) {
	by, err := a.net.Availabilities(ctx, networks)
	if err != nil {
		return nil, err
	}
	shown := make([]object, len(networks))
	for i, n := range networks {
		total, used, subnets := new(big.Int), int64(0), []object{}
		for _, v := range by[n.ID] {
			if keep != nil && !keep(v.Subnet) {
				continue
			}
			total.Add(total, v.Total)
			used += v.Used
			subnets = append(subnets, showAvailability(v))
		}
		shown[i] = object{"network_id": n.ID, "network_name": n.Name, "tenant_id": n.ProjectID, "project_id": n.ProjectID,
			"total_ips": total, "used_ips": used, "subnet_ip_availability": subnets}
	}
	return shown, nil
}

func showAvailability(v network.Availability) object {
	return object{"subnet_id": v.Subnet.ID, "subnet_name": v.Subnet.Name, "cidr": v.Subnet.Prefix.String(), "ip_version": version(v.Subnet),
		"total_ips": v.Total, "used_ips": v.Used}
}

// listAvailabilities answers the list, in which ip_version chooses subnets and not networks.
func (a *api) listAvailabilities(r resource[cloud.Network, cloud.NetworkID]) openstack.Handler {
	return func(w http.ResponseWriter, q *http.Request) error {
		own := r
		own.filters = maps.Clone(r.filters)
		own.filters["ip_version"] = func([]string) ([][]cloud.Cond, func(*cloud.Network) bool, error) { return nil, nil, nil }
		if wanted := q.URL.Query()["ip_version"]; len(wanted) > 0 {
			own.show = func(ctx context.Context, networks []*cloud.Network) ([]object, error) {
				return a.availabilitiesOf(ctx, networks, func(sub *cloud.Subnet) bool { return slices.Contains(wanted, strconv.Itoa(version(sub))) })
			}
		}
		return listAll(a, w, q, own)
	}
}
