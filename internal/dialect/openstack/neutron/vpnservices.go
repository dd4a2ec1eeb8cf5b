package neutron

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) vpnServices() resource[cloud.VPNService, cloud.VPNServiceID] {
	type service = cloud.VPNService
	return resource[service, cloud.VPNServiceID]{one: "vpnservice", many: "vpnservices", path: "/v2.0/vpn/vpnservices",
		filters: common(filters[service]{"router_id": byText[service]("router_id"), "subnet_id": byText[service]("subnet_id"),
			"admin_state_up": byBool[service]("admin_up"), "status": byShown(vpnServiceStatus), "revision_number": nil}),
		sort: namedSort(openstack.SortColumns{"router_id": "router_id", "subnet_id": "subnet_id", "admin_state_up": "admin_up", "description": "description"}),
		list: a.net.ListVPNServices, get: a.net.VPNService, remove: a.net.DeleteVPNService,
		id: func(v *service) cloud.VPNServiceID { return v.ID }, show: a.showVPNServices}
}

func (a *api) vpnServiceRoutes(s *openstack.Service) {
	r := a.vpnServices()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createVPNService))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateVPNService))
}

func (a *api) showVPNServices(ctx context.Context, services []*cloud.VPNService) ([]object, error) {
	addresses, err := a.net.VPNAddresses(ctx, services)
	shown := make([]object, len(services))
	for i, v := range services {
		shown[i] = object{"id": v.ID, "name": v.Name, "description": v.Description, "tenant_id": v.ProjectID, "project_id": v.ProjectID,
			"router_id": orNull(v.RouterID), "subnet_id": orNull(v.SubnetID), "admin_state_up": v.AdminUp, "status": vpnServiceStatus(v),
			"status_reason": orNull(v.Reason), "external_v4_ip": nil, "external_v6_ip": nil, "flavor_id": nil}
		for _, p := range addresses[v.ID] {
			showOutside(shown[i], p)
		}
	}
	return shown, err
}

// showOutside shows the first address of each family that a service has outside.
func showOutside(shown object, p *cloud.Port) {
	for _, at := range p.Addresses {
		name := "external_v6_ip"
		if at.Address.Is4() {
			name = "external_v4_ip"
		}
		if shown[name] == nil {
			shown[name] = at.Address
		}
	}
}

// The states of services and connections.
const (
	vpnActive  = "ACTIVE"
	vpnDown    = "DOWN"
	vpnPending = "PENDING_CREATE"
	vpnError   = "ERROR"
)

func vpnServiceStatus(v *cloud.VPNService) string {
	return vpnStatus(v.Up && v.AdminUp, v.ChangedAt, v.Reason)
}

// vpnStatus is what a host said: nothing yet, that it works, that it does not, or why it cannot.
func vpnStatus(up bool, at time.Time, cannot string) string {
	switch {
	case up:
		return vpnActive
	case at.IsZero():
		return vpnPending
	case cannot != "":
		return vpnError
	}
	return vpnDown
}

// vpnServiceIn is a VPN service in a request.
type vpnServiceIn struct {
	owner
	Name        text           `json:"name"`
	Description text           `json:"description"`
	RouterID    cloud.RouterID `json:"router_id"`
	SubnetID    text           `json:"subnet_id"`
	AdminUp     boolean        `json:"admin_state_up"`
	FlavorID    text           `json:"flavor_id"`
}

func (a *api) createVPNService(ctx context.Context, in vpnServiceIn) (*cloud.VPNService, error) {
	if in.RouterID == "" {
		return nil, notSpecified("router_id")
	}
	if in.FlavorID.Value != "" {
		return nil, cloud.Invalidf("VPN service", "flavor_id", "There are no flavors of VPN services here.")
	}
	return a.net.CreateVPNService(ctx, network.VPNServiceRequest{ProjectID: in.project(), Name: in.Name.Value, Description: in.Description.Value,
		RouterID: in.RouterID, SubnetID: cloud.SubnetID(in.SubnetID.Value), AdminUp: boolPtr(in.AdminUp)})
}

func (a *api) updateVPNService(ctx context.Context, id cloud.VPNServiceID, in vpnServiceIn) (*cloud.VPNService, error) {
	switch {
	case in.RouterID != "":
		return nil, readOnly("router_id")
	case in.SubnetID.Set:
		return nil, readOnly("subnet_id")
	case in.FlavorID.Set:
		return nil, readOnly("flavor_id")
	}
	return a.net.UpdateVPNService(ctx, id, network.VPNServiceChange{Name: textPtr(in.Name), Description: textPtr(in.Description), AdminUp: boolPtr(in.AdminUp)})
}
