package nova

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain maps and numbers always encode
	}
	return string(b)
}

func usageRange(r *http.Request) (start, end time.Time, err error) {
	end = time.Now().UTC()
	start = end.AddDate(0, 0, -28)
	q := r.URL.Query()
	if text := q.Get("start"); text != "" {
		if start, err = parseTime("start", text); err != nil {
			return
		}
	}
	if text := q.Get("end"); text != "" {
		if end, err = parseTime("end", text); err != nil {
			return
		}
	}
	if end.Before(start) {
		err = cloud.Invalidf("request", "start", "Invalid start time. The start time cannot occur after the end time.")
	}
	return
}

const microSeconds = "2006-01-02T15:04:05.000000"

// usageOf adds up one project's spans within [start, end).
func usageOf(project cloud.ProjectID, spans []compute.Span, start, end, now time.Time, detailed bool) map[string]any {
	var hours, vcpus, memory, disk float64
	list := []any{}
	for _, s := range spans {
		from, to := s.Start, end
		if from.Before(start) {
			from = start
		}
		if s.Ended && s.End.Before(to) {
			to = s.End
		}
		if to.After(now) {
			to = now
		}
		h := max(0, to.Sub(from).Hours())
		hours += h
		vcpus += h * float64(s.VCPUs)
		memory += h * float64(s.MemoryMiB)
		disk += h * float64(s.DiskGiB)
		list = append(list, spanView(s, h, now))
	}
	m := map[string]any{"tenant_id": project, "start": start.Format(microSeconds), "stop": end.Format(microSeconds),
		"total_hours": hours, "total_vcpus_usage": vcpus, "total_memory_mb_usage": memory, "total_local_gb_usage": disk}
	if detailed {
		m["server_usages"] = list
	}
	return m
}

func spanView(s compute.Span, hours float64, now time.Time) map[string]any {
	state, ended, uptime := "active", any(nil), now.Sub(s.Start)
	if s.Stopped {
		state = "stopped"
	}
	if s.Ended {
		state, ended, uptime = "terminated", s.End.UTC().Format(microSeconds), s.End.Sub(s.Start)
	}
	return map[string]any{"instance_id": s.Instance, "name": s.Name, "tenant_id": s.Project, "flavor": s.Flavor, "vcpus": s.VCPUs,
		"memory_mb": s.MemoryMiB, "local_gb": s.DiskGiB, "hours": hours, "started_at": s.Start.UTC().Format(microSeconds), "ended_at": ended,
		"state": state, "uptime": int64(uptime.Seconds())}
}

func (a *api) listUsage(w http.ResponseWriter, r *http.Request) error {
	start, end, err := usageRange(r)
	if err != nil {
		return err
	}
	spans, err := a.Compute.ListUsage(r.Context(), "", start, end)
	if err != nil {
		return err
	}
	byProject := map[cloud.ProjectID][]compute.Span{}
	var projects []cloud.ProjectID
	for _, s := range spans {
		if _, seen := byProject[s.Project]; !seen {
			projects = append(projects, s.Project)
		}
		byProject[s.Project] = append(byProject[s.Project], s)
	}
	slices.Sort(projects)
	out := []any{}
	for _, p := range projects {
		out = append(out, usageOf(p, byProject[p], start, end, time.Now().UTC(), r.URL.Query().Get("detailed") == "1"))
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"tenant_usages": out})
}

func (a *api) showUsage(w http.ResponseWriter, r *http.Request) error {
	start, end, err := usageRange(r)
	if err != nil {
		return err
	}
	project := cloud.ProjectID(r.PathValue("tenant"))
	spans, err := a.Compute.ListUsage(r.Context(), project, start, end)
	if err != nil {
		return err
	}
	if len(spans) == 0 {
		return openstack.WriteJSON(w, http.StatusOK, map[string]any{"tenant_usage": map[string]any{}})
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"tenant_usage": usageOf(project, spans, start, end, time.Now().UTC(), true)})
}
