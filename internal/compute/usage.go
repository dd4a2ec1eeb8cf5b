package compute

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// bill writes a line of the ledger about an instance, in the caller's transaction.
func (s *Service) bill(ctx context.Context, in *cloud.Instance, kind cloud.UsageKind) error {
	f := in.Flavor
	return s.Usage.Insert(ctx, &cloud.UsageEvent{
		ID: cloud.UsageID(cloud.NewID()), Kind: kind, At: s.Now(), ProjectID: in.ProjectID, UserID: in.UserID,
		Subject: string(in.ID), Name: in.Name, HostID: in.HostID, Flavor: f.Name, ImageID: in.ImageID,
		VCPUs: f.VCPUs, MemoryMiB: f.MemoryMiB, DiskGiB: f.DiskGiB + f.EphemeralGiB,
	})
}

// Span is the time an instance had one size, as the ledger tells it.
type Span struct {
	Project                   cloud.ProjectID
	Instance, Name, Flavor    string
	VCPUs, MemoryMiB, DiskGiB int
	Start, End                time.Time // End is zero while it goes on
	Ended, Stopped            bool
}

// ListUsage answers the spans of all instances of a project (empty: of all) that overlap [start, end), by project and
// instance. It is a pure function of the ledger. Of page, extent and marker count; the marker is an instance.
func (s *Service) ListUsage(ctx context.Context, project cloud.ProjectID, start, end time.Time, page cloud.Query) ([]Span, error) {
	if err := policy.Authorize(ctx, "usage.get", policy.Target{Resource: "usage", ProjectID: project}); err != nil {
		return nil, err
	}
	q := cloud.Query{Where: []cloud.Cond{{Column: "at", Op: cloud.OpLt, Value: end}}, Order: []cloud.Order{{Column: "at"}}}
	if project != "" {
		q.Where = append(q.Where, cloud.Eq("project_id", project))
	}
	events, err := s.Usage.List(ctx, q, func(e *cloud.UsageEvent) bool { return instanceKinds[e.Kind] })
	if err != nil {
		return nil, err
	}
	all := within(spans(events), start, end)
	slices.SortFunc(all, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Instance, b.Instance))
	})
	shown, found := cloud.PageOf(all, page, func(s Span) string { return s.Instance })
	if !found {
		return nil, cloud.Invalidf("usage", "marker", "Instance %s used nothing in this time.", page.After)
	}
	return shown, nil
}

var instanceKinds = map[cloud.UsageKind]bool{cloud.UsageInstanceStarted: true, cloud.UsageInstanceResized: true,
	cloud.UsageInstanceStopped: true, cloud.UsageInstanceRemoved: true}

// spans joins events of one instance, in order of time, into one span per life with its last size.
func spans(events []*cloud.UsageEvent) []Span {
	var out []Span
	open := map[string]int{}
	for _, e := range events {
		i, known := open[e.Subject]
		if !known {
			i = len(out)
			open[e.Subject] = i
			out = append(out, Span{Project: e.ProjectID, Instance: e.Subject, Start: e.At})
		}
		sp := &out[i]
		if sp.Ended {
			continue // removed twice: a failed create, then its delete
		}
		sp.Name, sp.Flavor, sp.VCPUs, sp.MemoryMiB, sp.DiskGiB = e.Name, e.Flavor, e.VCPUs, e.MemoryMiB, e.DiskGiB
		sp.Stopped = e.Kind == cloud.UsageInstanceStopped
		if e.Kind == cloud.UsageInstanceRemoved {
			sp.End, sp.Ended = e.At, true
		}
	}
	return out
}

func within(all []Span, start, end time.Time) []Span {
	return slices.DeleteFunc(all, func(s Span) bool {
		return s.Ended && !s.End.After(start) || !s.Start.Before(end)
	})
}
