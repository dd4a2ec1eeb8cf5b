package nova

import (
	"net/http"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// hypervisorID is a number before 2.53.
func hypervisorID(r *http.Request, h *compute.HostView) any {
	if atLeast(r, 53) {
		return h.ID
	}
	return h.Number
}

func hostState(h *compute.HostView) (state, status string) {
	state, status = "up", "enabled"
	if !h.Alive() {
		state = "down"
	}
	if !h.Enabled {
		status = "disabled"
	}
	return state, status
}

func hypervisorShort(r *http.Request, h *compute.HostView) map[string]any {
	state, status := hostState(h)
	return map[string]any{"id": hypervisorID(r, h), "hypervisor_hostname": h.Name, "state": state, "status": status}
}

func hypervisor(r *http.Request, h *compute.HostView) map[string]any {
	m := hypervisorShort(r, h)
	m["host_ip"], m["hypervisor_type"], m["hypervisor_version"] = hostIP(h), h.Hypervisor, versionNumber(h.HypervisorVersion)
	serviceID := any(h.Number)
	if atLeast(r, 53) {
		serviceID = serviceOf(h)
	}
	m["service"] = map[string]any{"host": h.Name, "id": serviceID, "disabled_reason": orNull(h.DisabledReason)}
	if atLeast(r, 88) {
		return m // and its uptime, which is asked of the host
	}
	for k, v := range statistics(h) {
		m[k] = v
	}
	info := map[string]any{"arch": h.Architecture, "model": h.CPUModel, "vendor": "", "features": []any{}, "topology": map[string]any{"cores": h.VCPUs, "threads": 1, "sockets": 1}}
	m["cpu_info"] = info
	if !atLeast(r, 28) {
		m["cpu_info"] = jsonText(info)
	}
	return m
}

func hostIP(h *compute.HostView) string {
	if h.Address == "" {
		return "127.0.0.1"
	}
	return h.Address
}

// statistics are the numbers shown before 2.88.
func statistics(h *compute.HostView) map[string]any {
	return map[string]any{
		"vcpus": h.VCPUs, "vcpus_used": h.UsedVCPUs, "memory_mb": h.MemoryMiB, "memory_mb_used": h.UsedMemoryMiB + h.ReservedMiB,
		"free_ram_mb": h.MemoryMiB - h.UsedMemoryMiB - h.ReservedMiB, "local_gb": h.DiskGiB, "local_gb_used": h.UsedDiskGiB,
		"free_disk_gb": h.DiskGiB - h.UsedDiskGiB, "disk_available_least": h.DiskGiB - h.UsedDiskGiB, "running_vms": h.Instances, "current_workload": 0,
	}
}

// versionNumber turns "7.2.17" into 7002017.
func versionNumber(text string) int {
	n := 0
	parts := strings.SplitN(text, ".", 3)
	for i := range 3 {
		part := 0
		if i < len(parts) {
			for _, c := range parts[i] {
				if c < '0' || c > '9' {
					break
				}
				part = part*10 + int(c-'0')
			}
		}
		n = n*1000 + part
	}
	return n
}

func (a *api) hosts(r *http.Request) ([]*compute.HostView, openstack.Page, error) {
	p := openstack.Page{}
	if atLeast(r, 33) {
		var err error
		if p, err = openstack.ParsePage(r, nil, pageMax); err != nil {
			return nil, p, err
		}
	}
	list, err := a.Compute.ListHosts(r.Context(), p.Query())
	if pattern := r.URL.Query().Get("hypervisor_hostname_pattern"); err == nil && pattern != "" && atLeast(r, 53) {
		list = slices.DeleteFunc(list, func(h *compute.HostView) bool { return !strings.Contains(h.Name, pattern) })
		if len(list) == 0 {
			return nil, p, cloud.Errorf(cloud.NotFound, "hypervisor", pattern, "No hypervisor matching '%s' could be found.", pattern)
		}
	}
	return list, p, err
}

func (a *api) listHypervisors(w http.ResponseWriter, r *http.Request) error {
	return a.writeHypervisors(w, r, "/os-hypervisors", func(*http.Request, []*compute.HostView) hostShape { return hypervisorShort })
}

func (a *api) listHypervisorsDetail(w http.ResponseWriter, r *http.Request) error {
	return a.writeHypervisors(w, r, "/os-hypervisors/detail", a.withUptimes)
}

// hostShape is how a list shows a host.
type hostShape = func(*http.Request, *compute.HostView) map[string]any

func (a *api) writeHypervisors(w http.ResponseWriter, r *http.Request, path string, shape func(*http.Request, []*compute.HostView) hostShape) error {
	list, p, err := a.hosts(r)
	if err != nil {
		return err
	}
	view := shape(r, list)
	servers, err := a.askedServers(r, list)
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, h := range list {
		m := view(r, h)
		if on := servers[h.ID]; on != nil {
			m["servers"] = on
		}
		out[i] = m
	}
	body := map[string]any{"hypervisors": out}
	if n := len(list); n > 0 {
		body = a.withNext(r, body, "hypervisors_links", path, p.Limit, n, string(list[n-1].ID))
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

func (a *api) hostByNumber(r *http.Request, id string) (*compute.HostView, error) {
	list, err := a.Compute.ListHosts(r.Context(), cloud.Query{})
	if err != nil {
		return nil, err
	}
	for _, h := range list {
		if string(h.ID) == id || jsonText(h.Number) == id && !atLeast(r, 53) || serviceOf(h) == id {
			return h, nil
		}
	}
	return nil, cloud.Errorf(cloud.NotFound, "hypervisor", id, "Compute host %s could not be found.", id)
}

func (a *api) showHypervisor(w http.ResponseWriter, r *http.Request) error {
	h, err := a.hostByNumber(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	servers, err := a.askedServers(r, []*compute.HostView{h})
	if err != nil {
		return err
	}
	m := a.withUptimes(r, []*compute.HostView{h})(r, h)
	if on := servers[h.ID]; on != nil {
		m["servers"] = on
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"hypervisor": m})
}

// askedServers lists the servers of hosts if the request wants them (from 2.53 on). From 2.75 on a host without any has
// an empty list.
func (a *api) askedServers(r *http.Request, hosts []*compute.HostView) (map[cloud.HostID][]any, error) {
	text := r.URL.Query().Get("with_servers")
	if text == "" || !atLeast(r, 53) {
		return nil, nil
	}
	on, err := openstack.ParseBool("with_servers", text)
	if err != nil || !on {
		return nil, err
	}
	servers, err := a.serversOn(r, hosts)
	if atLeast(r, 75) {
		for _, h := range hosts {
			if servers[h.ID] == nil {
				servers[h.ID] = []any{}
			}
		}
	}
	return servers, err
}

func (a *api) serversOn(r *http.Request, hosts []*compute.HostView) (map[cloud.HostID][]any, error) {
	ids := make([]cloud.HostID, len(hosts))
	for i, h := range hosts {
		ids[i] = h.ID
	}
	out := map[cloud.HostID][]any{}
	if len(ids) == 0 {
		return out, nil
	}
	list, err := a.Compute.ListInstances(r.Context(), compute.ListQuery{Query: cloud.Where(cloud.In("host_id", ids)), AllProjects: true})
	for _, in := range list {
		out[in.HostID] = append(out[in.HostID], map[string]any{"uuid": in.ID, "name": in.Name})
	}
	return out, err
}

// matching finds hosts by a part of their name, as two routes did before 2.53.
func (a *api) matching(r *http.Request) ([]*compute.HostView, error) {
	part := r.PathValue("id")
	list, err := a.Compute.ListHosts(r.Context(), cloud.Query{})
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(h *compute.HostView) bool { return !strings.Contains(h.Name, part) })
	if len(list) == 0 {
		return nil, cloud.Errorf(cloud.NotFound, "hypervisor", part, "No hypervisor matching '%s' could be found.", part)
	}
	return list, nil
}

func (a *api) searchHypervisors(w http.ResponseWriter, r *http.Request) error {
	list, err := a.matching(r)
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, h := range list {
		out[i] = hypervisorShort(r, h)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"hypervisors": out})
}

func (a *api) hypervisorServers(w http.ResponseWriter, r *http.Request) error {
	list, err := a.matching(r)
	if err != nil {
		return err
	}
	servers, err := a.serversOn(r, list)
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, h := range list {
		m := hypervisorShort(r, h)
		if on := servers[h.ID]; on != nil {
			m["servers"] = on
		}
		out[i] = m
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"hypervisors": out})
}

func (a *api) hypervisorStatistics(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Compute.ListHosts(r.Context(), cloud.Query{})
	if err != nil {
		return err
	}
	sum := map[string]int{"count": len(list)}
	for _, h := range list {
		for k, v := range statistics(h) {
			sum[k] += v.(int)
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"hypervisor_statistics": sum})
}

// serviceOf is the id of a host's nova-compute: its own, with one digit changed so that the two cannot be mixed up.
func serviceOf(h *compute.HostView) string {
	id := []byte(h.ID)
	if len(id) < 15 {
		return string(id)
	}
	id[14] = '5'
	return string(id)
}

func service(r *http.Request, h *compute.HostView) map[string]any {
	state, status := hostState(h)
	m := map[string]any{"binary": "nova-compute", "host": h.Name, "zone": h.Zone, "status": status, "state": state,
		"updated_at": h.SeenAt.UTC().Format("2006-01-02T15:04:05.000000"), "disabled_reason": orNull(h.DisabledReason), "id": h.Number}
	if atLeast(r, 11) {
		m["forced_down"] = h.ForcedDown
	}
	if atLeast(r, 53) {
		m["id"] = serviceOf(h)
	}
	return m
}

func (a *api) listServices(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Compute.ListHosts(r.Context(), cloud.Query{})
	if err != nil {
		return err
	}
	q := r.URL.Query()
	out := a.controlServices(r, q)
	for _, h := range list {
		if (q.Get("host") == "" || q.Get("host") == h.Name) && (q.Get("binary") == "" || q.Get("binary") == "nova-compute") {
			out = append(out, service(r, h))
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"services": out})
}

// updateService takes the id from 2.53 on; before, the path names the verb and the body the host.
func (a *api) updateService(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Host       string  `json:"host"`
		Binary     string  `json:"binary"`
		Status     *string `json:"status"`
		Reason     *string `json:"disabled_reason"`
		ForcedDown *bool   `json:"forced_down"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	word := r.PathValue("id")
	if atLeast(r, 53) {
		return a.changeService(w, r, word, body.Status, body.Reason, body.ForcedDown)
	}
	h, err := a.Compute.Host(r.Context(), body.Host)
	if err != nil {
		return err
	}
	verbs := map[string]string{"enable": "enabled", "disable": "disabled", "disable-log-reason": "disabled"}
	if st, ok := verbs[word]; ok {
		return a.changeService(w, r, string(h.ID), &st, body.Reason, nil)
	}
	if word == "force-down" {
		return a.changeService(w, r, string(h.ID), nil, nil, body.ForcedDown)
	}
	return cloud.NotFoundf("action", word)
}

func (a *api) changeService(w http.ResponseWriter, r *http.Request, id string, status, reason *string, down *bool) error {
	h, err := a.hostByNumber(r, id)
	if err != nil {
		return err
	}
	if status != nil && *status != "enabled" && *status != "disabled" {
		return cloud.Invalidf("request", "status", "Invalid input for field/attribute status. '%s' is not one of ['enabled', 'disabled']", *status)
	}
	changed, err := a.Compute.ChangeHost(r.Context(), h.ID, func(h *cloud.Host) {
		if status != nil {
			h.Enabled, h.DisabledReason = *status == "enabled", deref(reason)
		}
		if down != nil {
			h.ForcedDown = *down
		}
	})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"service": service(r, &compute.HostView{Host: changed})})
}

// deleteService: the service of a host goes with the host, which belongs to the cloud as long as it is configured.
func (a *api) deleteService(_ http.ResponseWriter, r *http.Request) error {
	if err := a.mayManageHosts(r); err != nil {
		return err
	}
	h, err := a.hostByNumber(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	if h.Instances > 0 {
		return cloud.Errorf(cloud.InUse, "host", h.ID, "Unable to delete compute service that is hosting instances. Migrate or delete the instances first.")
	}
	return cloud.Errorf(cloud.InUse, "host", h.ID, "Unable to delete the compute service of %s: the host is still configured to be part of this cloud.", h.Name)
}

func (a *api) listZones(w http.ResponseWriter, r *http.Request) error {
	return a.writeZones(w, r, false)
}

func (a *api) listZonesDetail(w http.ResponseWriter, r *http.Request) error {
	return a.writeZones(w, r, true)
}

func (a *api) writeZones(w http.ResponseWriter, r *http.Request, detail bool) error {
	zones, err := a.Compute.ListZones(r.Context(), detail)
	if err != nil {
		return err
	}
	out := make([]any, len(zones))
	for i, z := range zones {
		m := map[string]any{"zoneName": z.Name, "zoneState": map[string]any{"available": z.Up}, "hosts": nil}
		if detail {
			hosts := map[string]any{}
			for _, h := range z.Hosts {
				hosts[h.Name] = map[string]any{"nova-compute": map[string]any{"active": h.Enabled, "available": h.Up,
					"updated_at": h.SeenAt.UTC().Format("2006-01-02T15:04:05.000000")}}
			}
			m["hosts"] = hosts
		}
		out[i] = m
	}
	if detail {
		out = a.withControlZone(out)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"availabilityZoneInfo": out})
}
