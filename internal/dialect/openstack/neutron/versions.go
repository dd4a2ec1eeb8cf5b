package neutron

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// versions is the list that clients discover the API by.
func (a *api) versions(w http.ResponseWriter, r *http.Request) error {
	link := object{"rel": "self", "href": openstack.BaseURL(r) + a.prefix + "/v2.0/"}
	return openstack.WriteJSON(w, http.StatusOK, object{"versions": []object{{"id": "v2.0", "status": "CURRENT", "links": []object{link}}}})
}

// resources lists the collections below the version.
func (a *api) resources(w http.ResponseWriter, r *http.Request) error {
	var shown []object
	for _, c := range [][2]string{{"network", "networks"}, {"subnet", "subnets"}, {"subnetpool", "subnetpools"}, {"address-scope", "address-scopes"}, {"rbac-policy", "rbac-policies"}, {"network-ip-availability", "network-ip-availabilities"}, {"port", "ports"}, {"router", "routers"}, {"floatingip", "floatingips"},
		{"security-group", "security-groups"}, {"security-group-rule", "security-group-rules"}, {"quota", "quotas"}, {"extension", "extensions"},
		{"availability_zone", "availability_zones"}, {"service-provider", "service-providers"}, {"agent", "agents"}} {
		link := object{"rel": "self", "href": openstack.BaseURL(r) + a.prefix + "/v2.0/" + c[1]}
		shown = append(shown, object{"name": c[0], "collection": c[1], "links": []object{link}})
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"resources": shown})
}
