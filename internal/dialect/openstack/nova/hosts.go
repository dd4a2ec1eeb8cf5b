package nova

import (
	"net/http"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// hostProxies are os-hosts, which ended with 2.42 in favour of services and hypervisors.
func (a *api) hostProxies() {
	a.ended("GET /os-hosts", 42, a.listHosts)
	a.ended("GET /os-hosts/{host}", 42, a.showHost)
	a.ended("PUT /os-hosts/{host}", 42, a.updateHost)
	for _, verb := range []string{"startup", "shutdown", "reboot"} {
		a.ended("GET /os-hosts/{host}/"+verb, 42, a.powerHost)
	}
	a.handle("GET /os-instance_usage_audit_log", a.auditLog)
	a.handle("GET /os-instance_usage_audit_log/{before}", a.auditLogBefore)
}

func (a *api) listHosts(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Compute.ListHosts(r.Context(), cloud.Query{})
	if err != nil {
		return err
	}
	q := r.URL.Query()
	out := []any{}
	for _, h := range list {
		if (q.Get("zone") == "" || q.Get("zone") == h.Zone) && (q.Get("service") == "" || q.Get("service") == "compute") {
			out = append(out, map[string]any{"host_name": h.Name, "service": "compute", "zone": h.Zone})
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"hosts": out})
}

// namedHost finds a host by its name.
func (a *api) namedHost(r *http.Request) (*compute.HostView, error) {
	name := r.PathValue("host")
	h, err := a.Compute.Host(r.Context(), name)
	if cloud.Is(err, cloud.NotFound) {
		return nil, cloud.Errorf(cloud.NotFound, "host", name, "Compute host %s could not be found.", name)
	}
	return h, err
}

// showHost answers what there is, what is used now, and each project's part of it.
func (a *api) showHost(w http.ResponseWriter, r *http.Request) error {
	h, err := a.namedHost(r)
	if err != nil {
		return err
	}
	row := func(project string, cpus, memory, disk int) map[string]any {
		return map[string]any{"resource": map[string]any{"host": h.Name, "project": project, "cpu": cpus, "memory_mb": memory, "disk_gb": disk}}
	}
	out := []any{row("(total)", h.VCPUs, h.MemoryMiB, h.DiskGiB), row("(used_now)", h.UsedVCPUs, h.UsedMemoryMiB+h.ReservedMiB, h.UsedDiskGiB)}
	list, err := a.Compute.ListInstances(r.Context(), compute.ListQuery{Query: cloud.Where(cloud.Eq("host_id", h.ID)), AllProjects: true})
	if err != nil {
		return err
	}
	type size struct{ cpus, memory, disk int }
	sums, all := map[cloud.ProjectID]size{}, size{}
	var projects []cloud.ProjectID
	for _, in := range list {
		s, seen := sums[in.ProjectID]
		if !seen {
			projects = append(projects, in.ProjectID)
		}
		f := in.Flavor
		sums[in.ProjectID] = size{s.cpus + f.VCPUs, s.memory + f.MemoryMiB, s.disk + in.LocalGiB()}
		all = size{all.cpus + f.VCPUs, all.memory + f.MemoryMiB, all.disk + in.LocalGiB()}
	}
	out = append(out, row("(used_max)", all.cpus, all.memory, all.disk))
	for _, p := range projects {
		out = append(out, row(string(p), sums[p].cpus, sums[p].memory, sums[p].disk))
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"host": out})
}

// updateHost enables or disables a host. A host of ours has no maintenance mode of the hypervisor's.
func (a *api) updateHost(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Status      *string `json:"status"`
		Maintenance *string `json:"maintenance_mode"`
	}
	if err := a.mayManageHosts(r); err != nil {
		return err
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	for field, v := range map[string]*string{"status": body.Status, "maintenance_mode": body.Maintenance} {
		if v != nil && *v != "enable" && *v != "disable" {
			return cloud.Invalidf("request", field, "Invalid input for field/attribute %s. Value: %s. '%s' is not one of ['enable', 'disable']", field, *v, *v)
		}
	}
	if body.Status == nil && body.Maintenance == nil {
		return cloud.Invalidf("request", "status", "Invalid input: status or maintenance_mode is needed.")
	}
	h, err := a.namedHost(r)
	if err != nil {
		return err
	}
	if body.Maintenance != nil {
		return openstack.NotImplemented("The hypervisor has no maintenance mode.")
	}
	on := *body.Status == "enable"
	if _, err := a.Compute.ChangeHost(r.Context(), h.ID, func(h *cloud.Host) { h.Enabled = on }); err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"host": h.Name, "status": *body.Status + "d"})
}

// mayManageHosts lets those be told first who may not change a host, whatever the body.
func (a *api) mayManageHosts(r *http.Request) error {
	_, err := a.Compute.ListHosts(r.Context(), cloud.Query{Limit: 1})
	return err
}

// powerHost never worked with QEMU: a machine is not switched on or off by its own agent.
func (a *api) powerHost(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.namedHost(r); err != nil {
		return err
	}
	return openstack.NotImplemented("Virt driver does not implement host power actions.")
}

func (a *api) auditLog(w http.ResponseWriter, r *http.Request) error {
	return a.writeAuditLog(w, r, "instance_usage_audit_logs", time.Now().UTC())
}

func (a *api) auditLogBefore(w http.ResponseWriter, r *http.Request) error {
	before, err := parseTime("before", r.PathValue("before"))
	if err != nil {
		return cloud.Invalidf("request", "before", "Invalid timestamp for date %s", r.PathValue("before"))
	}
	return a.writeAuditLog(w, r, "instance_usage_audit_log", before)
}

// writeAuditLog answers for the month that ended before the time given. Usage here is a ledger and no periodic job
// collects it, so no host has run one.
func (a *api) writeAuditLog(w http.ResponseWriter, r *http.Request, key string, before time.Time) error {
	list, err := a.Compute.ListHosts(r.Context(), cloud.Query{})
	if err != nil {
		return err
	}
	names := make([]string, len(list))
	for i, h := range list {
		names[i] = h.Name
	}
	end := time.Date(before.Year(), before.Month(), 1, 0, 0, 0, 0, time.UTC)
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{key: map[string]any{
		"period_beginning": end.AddDate(0, -1, 0).Format("2006-01-02 15:04:05"), "period_ending": end.Format("2006-01-02 15:04:05"),
		"num_hosts": len(list), "num_hosts_done": 0, "num_hosts_running": 0, "num_hosts_not_run": len(list), "hosts_not_run": names,
		"total_instances": 0, "total_errors": 0, "overall_status": "No audits are run: usage is recorded as it happens.", "log": map[string]any{}}})
}
