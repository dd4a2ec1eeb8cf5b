package nova

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// serverColumns are the sort keys of the server list.
var serverColumns = openstack.SortColumns{
	"access_ip_v4": "access_v4", "access_ip_v6": "access_v6", "auto_disk_config": "grow_root", "availability_zone": "zone", "config_drive": "config_drive",
	"created_at": "created_at", "display_description": "description", "display_name": "name", "host": "host_id", "hostname": "hostname",
	"image_ref": "image_id", "instance_type_id": "flavor_id", "key_name": "key_name", "launch_index": "launch_index",
	"launched_at": "launched_at", "locked_by": "locked", "node": "host_id", "power_state": "observed_power", "progress": "progress",
	"project_id": "project_id", "ramdisk_id": "image_id", "kernel_id": "image_id", "root_device_name": "created_at", "task_state": "task",
	"terminated_at": "terminated_at", "updated_at": "updated_at", "user_id": "user_id", "uuid": "id", "vm_state": "phase", "locked": "locked",
}

func (a *api) listServers(w http.ResponseWriter, r *http.Request) error {
	q, p, err := a.serverQuery(r)
	if err != nil {
		return err
	}
	list, err := a.Compute.ListInstances(r.Context(), q)
	if err != nil {
		return noMarker(err, p)
	}
	viewer := a.viewer(r)
	body := map[string]any{"servers": openstack.Each(list, viewer.listed)}
	if n := len(list); n > 0 {
		body = a.withNext(r, body, "servers_links", "/servers", p.Limit, n, string(list[n-1].ID))
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

func (a *api) listServersDetail(w http.ResponseWriter, r *http.Request) error {
	q, p, err := a.serverQuery(r)
	if err != nil {
		return err
	}
	list, err := a.Compute.ListViews(r.Context(), q)
	if err != nil {
		return noMarker(err, p)
	}
	viewer := a.viewer(r)
	body := map[string]any{"servers": openstack.Each(list, func(o *openstack.Object, v *compute.View) { viewer.server(o, v, shapeListed) })}
	if n := len(list); n > 0 {
		body = a.withNext(r, body, "servers_links", "/servers/detail", p.Limit, n, string(list[n-1].ID))
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

// noMarker says in Nova's words that the row which a page should start behind is not there.
func noMarker(err error, p openstack.Page) error {
	if e, ok := cloud.AsError(err); ok && e.Kind == cloud.Invalid && e.Field == "marker" {
		return cloud.Invalidf(e.Resource, e.Field, "marker [%s] not found", p.Marker)
	}
	return err
}

// serverQuery reads filters, order and page. Newest first, as Nova does.
func (a *api) serverQuery(r *http.Request) (compute.ListQuery, openstack.Page, error) {
	p, err := openstack.ParsePage(r, serverColumns, pageMax)
	if err != nil {
		return compute.ListQuery{}, p, err
	}
	if len(p.Order) == 0 {
		p.Order = []cloud.Order{{Column: "created_at", Desc: true}}
	}
	if p.Limit == 0 {
		p.Limit = pageMax
	}
	q := compute.ListQuery{Query: p.Query()}
	if err := a.projectFilter(r, &q); err != nil {
		return q, p, err
	}
	if q.Address, err = addressFilter(r.URL.Query()); err != nil {
		return q, p, err
	}
	if err := whichServers(r, &q); err != nil {
		return q, p, err
	}
	q.Keep, err = filterServers(r, &q)
	return q, p, err
}

// addressFilter reads ip and ip6, patterns of which one fixed address must match each.
func addressFilter(values url.Values) (func(netip.Addr) bool, error) {
	var checks []func(netip.Addr) bool
	for _, key := range []string{"ip", "ip6"} {
		text := values.Get(key)
		if text == "" {
			continue
		}
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, notPattern(key, text)
		}
		six := key == "ip6"
		checks = append(checks, func(ip netip.Addr) bool { return ip.Is6() == six && re.MatchString(ip.String()) })
	}
	if checks == nil {
		return nil, nil
	}
	return func(ip netip.Addr) bool {
		return slices.ContainsFunc(checks, func(f func(netip.Addr) bool) bool { return f(ip) })
	}, nil
}

func notPattern(key, text string) error {
	return cloud.Invalidf("request", key, "Invalid input for query parameters %s. '%s' is not a regular expression.", key, text)
}

func (a *api) projectFilter(r *http.Request, q *compute.ListQuery) error {
	values := r.URL.Query()
	if text := values.Get("all_tenants"); values.Has("all_tenants") {
		all := true
		if text != "" {
			var err error
			if all, err = openstack.ParseBool("all_tenants", text); err != nil {
				return err
			}
		}
		q.AllProjects = all
	}
	project := values.Get("project_id")
	if project == "" {
		project = values.Get("tenant_id")
	}
	if project != "" && policy.May(r.Context(), "instance.list_of_project", policy.Target{}) && q.AllProjects {
		q.Project = cloud.ProjectID(project)
	}
	return nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func parseTime(field, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999", "2006-01-02 15:04:05.999999", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, cloud.Invalidf("request", field, "Invalid input for query parameters %s. '%s' is not a date-time.", field, text)
}

func (a *api) showServer(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"server": a.server(r, v, shapeShown)})
}

func (a *api) deleteServer(w http.ResponseWriter, r *http.Request) error {
	if err := a.Compute.DeleteInstance(r.Context(), serverID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
