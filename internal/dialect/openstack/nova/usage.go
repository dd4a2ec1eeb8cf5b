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

// usageQuery is what a request for usage is about. Pages, of so many servers each, came with 2.40.
type usageQuery struct {
	start, end time.Time
	page       openstack.Page
}

func readUsage(r *http.Request) (q usageQuery, err error) {
	if q.start, q.end, err = usageRange(r); err != nil || !atLeast(r, 40) {
		return q, err
	}
	if q.page, err = openstack.ParsePage(r, nil, pageMax); q.page.Limit == 0 {
		q.page.Limit = pageMax
	}
	return q, err
}

// usageSpans answers one page of spans of a project (empty: of all).
func (a *api) usageSpans(r *http.Request, project cloud.ProjectID, q usageQuery) ([]compute.Span, error) {
	if q.page.Empty {
		return nil, nil
	}
	list, err := a.Compute.ListUsage(r.Context(), project, q.start, q.end, cloud.Query{After: q.page.Marker, Limit: q.page.Limit})
	return list, noMarker(err, q.page)
}

// usagePage adds the link to the next page of servers.
func (a *api) usagePage(r *http.Request, body map[string]any, key, path string, q usageQuery, spans []compute.Span) map[string]any {
	if len(spans) == 0 {
		return body
	}
	return a.withNext(r, body, key, path, q.page.Limit, len(spans), spans[len(spans)-1].Instance)
}

func (a *api) listUsage(w http.ResponseWriter, r *http.Request) error {
	q, err := readUsage(r)
	if err != nil {
		return err
	}
	spans, err := a.usageSpans(r, "", q)
	if err != nil {
		return err
	}
	out, now, detailed := []any{}, time.Now().UTC(), r.URL.Query().Get("detailed") == "1"
	for rest := spans; len(rest) > 0; {
		project := rest[0].Project
		n := slices.IndexFunc(rest, func(s compute.Span) bool { return s.Project != project })
		if n < 0 {
			n = len(rest)
		}
		out = append(out, usageOf(project, rest[:n], q.start, q.end, now, detailed))
		rest = rest[n:]
	}
	body := map[string]any{"tenant_usages": out}
	return openstack.WriteJSON(w, http.StatusOK, a.usagePage(r, body, "tenant_usages_links", "/os-simple-tenant-usage", q, spans))
}

func (a *api) showUsage(w http.ResponseWriter, r *http.Request) error {
	q, err := readUsage(r)
	if err != nil {
		return err
	}
	project := cloud.ProjectID(r.PathValue("tenant"))
	spans, err := a.usageSpans(r, project, q)
	if err != nil {
		return err
	}
	shown := map[string]any{}
	if len(spans) > 0 {
		shown = usageOf(project, spans, q.start, q.end, time.Now().UTC(), true)
	}
	body := map[string]any{"tenant_usage": shown}
	return openstack.WriteJSON(w, http.StatusOK, a.usagePage(r, body, "tenant_usage_links", "/os-simple-tenant-usage/"+string(project), q, spans))
}
