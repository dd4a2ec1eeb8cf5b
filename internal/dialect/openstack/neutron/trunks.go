package neutron

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// trunkStatuses are a trunk's statuses as this API calls them.
var trunkStatuses = map[cloud.TrunkStatus]string{cloud.TrunkDown: "DOWN", cloud.TrunkBuilding: "BUILD", cloud.TrunkActive: "ACTIVE"}

func (a *api) trunks() resource[cloud.Trunk, cloud.TrunkID] {
	tags := func(t *cloud.Trunk) []string { return t.Tags }
	return resource[cloud.Trunk, cloud.TrunkID]{one: "trunk", many: "trunks", path: "/v2.0/trunks",
		filters: tagFilters(tags, common(filters[cloud.Trunk]{"port_id": byText[cloud.Trunk]("port_id"),
			"admin_state_up": byBool[cloud.Trunk]("admin_up"), "status": byShown(func(t *cloud.Trunk) string { return trunkStatuses[t.Status] })})),
		sort: namedSort(openstack.SortColumns{"port_id": "port_id", "admin_state_up": "admin_up", "status": "status"}),
		list: a.net.ListTrunks, get: a.net.Trunk, remove: a.net.DeleteTrunk,
		id: func(t *cloud.Trunk) cloud.TrunkID { return t.ID }, show: a.showTrunks, tags: tags,
		setTags: func(ctx context.Context, id cloud.TrunkID, tags []string) error {
			_, err := a.net.UpdateTrunk(ctx, id, network.TrunkChange{Tags: &tags})
			return err
		}}
}

func (a *api) trunkRoutes(s *openstack.Service) {
	r := a.trunks()
	routes(a, s, r)
	s.Handle("POST "+r.path, creates(a, r, a.createTrunk))
	s.Handle("PUT "+r.path+"/{id}", updates(a, r, a.updateTrunk))
	s.Handle("GET "+r.path+"/{id}/get_subports", a.listSubports)
	s.Handle("PUT "+r.path+"/{id}/add_subports", a.addSubports)
	s.Handle("PUT "+r.path+"/{id}/remove_subports", a.removeSubports)
}

func (a *api) showTrunks(ctx context.Context, trunks []*cloud.Trunk) ([]object, error) {
	branches, err := a.net.BranchesByTrunk(ctx, trunks)
	shown := make([]object, len(trunks))
	for i, t := range trunks {
		shown[i] = object{"id": t.ID, "name": t.Name, "description": t.Description, "tenant_id": t.ProjectID, "project_id": t.ProjectID,
			"port_id": t.PortID, "admin_state_up": t.AdminUp, "status": trunkStatuses[t.Status], "sub_ports": showSubports(branches[t.ID]),
			"tags": tagsShown(t.Tags)}.with(stamps(&t.Meta, t.Revisions))
	}
	return shown, err
}

func showSubports(ports []*cloud.Port) []object {
	shown := make([]object, len(ports))
	for i, p := range ports {
		shown[i] = object{"port_id": p.ID, "segmentation_id": p.TrunkTag, "segmentation_type": segmentationVLAN}
	}
	return shown
}

// showTrunkDetails is what a port shows of the trunk that it carries.
func showTrunkDetails(t *cloud.Trunk, branches []*cloud.Port) object {
	subports := showSubports(branches)
	for i, p := range branches {
		subports[i]["mac_address"] = p.MAC
	}
	return object{"trunk_details": object{"trunk_id": t.ID, "sub_ports": subports}}
}

// withTrunks adds to shown ports the trunks that they carry.
func (a *api) withTrunks(ctx context.Context, ports []*cloud.Port, shown []object) error {
	trunks, err := a.net.TrunksByPort(ctx, ports)
	if err != nil || len(trunks) == 0 {
		return err
	}
	branches, err := a.net.BranchesByTrunk(ctx, slices.Collect(maps.Values(trunks)))
	for i, p := range ports {
		if t := trunks[p.ID]; t != nil {
			shown[i].with(showTrunkDetails(t, branches[t.ID]))
		}
	}
	return err
}

// trunkIn is a trunk in a request.
type trunkIn struct {
	owner
	tagsIn
	Name        text                             `json:"name"`
	Description text                             `json:"description"`
	AdminUp     boolean                          `json:"admin_state_up"`
	PortID      text                             `json:"port_id"`
	Subports    openstack.Optional[[]*subportIn] `json:"sub_ports"`
}

// subportIn is a port for a trunk to carry.
type subportIn struct {
	PortID text    `json:"port_id"`
	Type   text    `json:"segmentation_type"`
	ID     integer `json:"segmentation_id"`
}

// The kinds of segmentation: a tag that the request names, or the one of the port's network.
const (
	segmentationVLAN    = "vlan"
	segmentationInherit = "inherit"
)

func (a *api) createTrunk(ctx context.Context, in trunkIn) (*cloud.Trunk, error) {
	if in.PortID.Value == "" {
		return nil, notSpecified("port_id")
	}
	branches, err := branchesIn(in.Subports.Value)
	if err != nil {
		return nil, err
	}
	return a.net.CreateTrunk(ctx, network.TrunkRequest{ProjectID: in.project(), Name: in.Name.Value, Description: in.Description.Value,
		AdminUp: boolPtr(in.AdminUp), PortID: cloud.PortID(in.PortID.Value), Branches: branches})
}

func branchesIn(in []*subportIn) ([]network.BranchRequest, error) {
	branches := make([]network.BranchRequest, len(in))
	for i, p := range in {
		if p == nil || p.PortID.Value == "" {
			return nil, cloud.Invalidf("trunk", "sub_ports", "Invalid subport details: missing port_id")
		}
		b := network.BranchRequest{PortID: cloud.PortID(p.PortID.Value), Tag: int(p.ID.Value), Inherit: p.Type.Value == segmentationInherit}
		switch {
		case b.Inherit:
		case !p.ID.Set || p.Type.Value == "":
			return nil, cloud.Invalidf("trunk", "sub_ports", "Invalid subport details '%s': missing segmentation information. "+
				"Must specify both segmentation_id and segmentation_type", p.PortID.Value)
		case p.Type.Value != segmentationVLAN:
			return nil, cloud.Invalidf("trunk", "sub_ports", "Unknown segmentation type '%s': only vlan and inherit are supported", p.Type.Value)
		}
		branches[i] = b
	}
	return branches, nil
}

func (a *api) updateTrunk(ctx context.Context, id cloud.TrunkID, in trunkIn) (*cloud.Trunk, error) {
	for name, set := range map[string]bool{"port_id": in.PortID.Set, "sub_ports": in.Subports.Set, "project_id": in.ProjectID.Set || in.TenantID.Set} {
		if set {
			return nil, readOnly(name)
		}
	}
	return a.net.UpdateTrunk(ctx, id, network.TrunkChange{Name: textPtr(in.Name), Description: textPtr(in.Description), AdminUp: boolPtr(in.AdminUp)})
}

// listSubports answers the ports that a trunk carries, alone.
func (a *api) listSubports(w http.ResponseWriter, r *http.Request) error {
	t, err := a.net.Trunk(r.Context(), cloud.TrunkID(r.PathValue("id")))
	if err != nil {
		return err
	}
	branches, err := a.net.BranchesByTrunk(r.Context(), []*cloud.Trunk{t})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"sub_ports": showSubports(branches[t.ID])})
}

func (a *api) addSubports(w http.ResponseWriter, r *http.Request) error {
	in, err := subportsIn(r)
	if err != nil {
		return err
	}
	branches, err := branchesIn(in)
	if err != nil {
		return err
	}
	t, err := a.net.AddBranches(r.Context(), cloud.TrunkID(r.PathValue("id")), branches)
	return a.answerTrunk(w, r, t, err)
}

func (a *api) removeSubports(w http.ResponseWriter, r *http.Request) error {
	in, err := subportsIn(r)
	if err != nil {
		return err
	}
	ports := make([]cloud.PortID, len(in))
	for i, p := range in {
		if p == nil || p.PortID.Value == "" {
			return cloud.Invalidf("trunk", "sub_ports", "Invalid subport details: missing port_id")
		}
		ports[i] = cloud.PortID(p.PortID.Value)
	}
	t, err := a.net.RemoveBranches(r.Context(), cloud.TrunkID(r.PathValue("id")), ports)
	return a.answerTrunk(w, r, t, err)
}

// subportsIn reads a body that is a list of ports alone.
func subportsIn(r *http.Request) ([]*subportIn, error) {
	raw, err := openstack.ReadBody(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		Subports *[]*subportIn `json:"sub_ports"`
	}
	if err := strict(raw, &in); err != nil {
		return nil, err
	}
	if in.Subports == nil {
		return nil, cloud.Invalidf("request", "body", "Unable to find 'sub_ports' in request body")
	}
	return *in.Subports, nil
}

// answerTrunk shows a trunk without a key around it, as the requests about its ports do.
func (a *api) answerTrunk(w http.ResponseWriter, r *http.Request, t *cloud.Trunk, err error) error {
	if err != nil {
		return err
	}
	shown, err := a.showTrunks(r.Context(), []*cloud.Trunk{t})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, shown[0])
}
