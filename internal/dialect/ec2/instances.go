package ec2

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

func (a *api) instanceActions() []*action {
	return []*action{
		serve("DescribeInstances", a.describeInstances, "InstanceIds Filters MaxResults NextToken"),
		serve("DescribeInstanceStatus", a.describeInstanceStatus, "InstanceIds Filters MaxResults NextToken IncludeAllInstances"),
	}
}

// tombstone is how long an instance can be seen after its end.
const tombstone = time.Hour

// allInstances are the caller's instances, with those that ended lately.
func (a *api) allInstances(ctx context.Context, where ...cloud.Cond) ([]*compute.View, error) {
	lately := time.Now().Add(-tombstone)
	return a.Compute.ListViews(ctx, compute.ListQuery{Query: cloud.Where(where...), Which: compute.LivingAndDeleted, Keep: func(in *cloud.Instance) bool {
		return in.Phase != cloud.PhaseDeleted || in.TerminatedAt == nil || in.TerminatedAt.After(lately)
	}})
}

func viewID(v *compute.View) string    { return string(v.ID) }
func viewPlace(v *compute.View) string { return place(v.CreatedAt, v.ID) }

func (a *api) describeInstances(ctx context.Context, in *shape.DescribeInstancesRequest) (*shape.DescribeInstancesResult, error) {
	if err := idsOrPages(in.InstanceIds, in.MaxResults, "instancesSet"); err != nil {
		return nil, err
	}
	rows, next, err := a.chosenInstances(ctx, in.InstanceIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &shape.DescribeInstancesResult{Reservations: reservations(rows), NextToken: next}, nil
}

// chosenInstances are a page of the instances that ids name and filters let through.
func (a *api) chosenInstances(ctx context.Context, ids []string, filters []shape.Filter, max *int, token string) ([]*instanceRow, string, error) {
	var views []*compute.View
	var err error
	if len(ids) > 0 {
		views, err = find(ctx, instanceIDs, ids, a.allInstances, viewID)
	} else {
		views, err = a.allInstances(ctx)
	}
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(views, func(x, y *compute.View) int { return strings.Compare(viewPlace(x), viewPlace(y)) })
	if len(filters) == 0 { // what the page does not show need not be put together
		page, next, err := pageOf(views, max, token, viewPlace, 5)
		if err != nil {
			return nil, "", err
		}
		rows, err := a.instanceRows(ctx, page)
		return rows, next, err
	}
	rows, err := a.instanceRows(ctx, views)
	if err != nil {
		return nil, "", err
	}
	if rows, err = choose(rows, instanceFields, filters, (*instanceRow).tags); err != nil {
		return nil, "", err
	}
	return pageOf(rows, max, token, func(r *instanceRow) string { return viewPlace(r.view) }, 5)
}

// reservations puts instances together that one request made.
func reservations(rows []*instanceRow) []shape.Reservation {
	out, at := []shape.Reservation{}, map[string]int{}
	for _, r := range rows {
		i, there := at[r.view.ReservationID]
		if !there {
			i = len(out)
			at[r.view.ReservationID] = i
			out = append(out, r.reservation())
		}
		out[i].Instances = append(out[i].Instances, *r.shown)
	}
	return out
}

func (r *instanceRow) reservation() shape.Reservation {
	return shape.Reservation{ReservationId: batchIDs.of(r.view.ReservationID), OwnerId: r.owner, Groups: []shape.GroupIdentifier{}}
}

// describeInstanceStatus tells of running instances only, unless asked for all.
func (a *api) describeInstanceStatus(ctx context.Context, in *shape.DescribeInstanceStatusRequest) (*shape.DescribeInstanceStatusResult, error) {
	if err := idsOrPages(in.InstanceIds, in.MaxResults, "instancesSet"); err != nil {
		return nil, err
	}
	rows, _, err := a.chosenInstances(ctx, in.InstanceIds, nil, nil, "")
	if err != nil {
		return nil, err
	}
	if in.IncludeAllInstances == nil || !*in.IncludeAllInstances {
		rows = slices.DeleteFunc(rows, func(r *instanceRow) bool { return r.shown.State.Name != running.Name })
	}
	if rows, err = choose(rows, statusFields, in.Filters, nil); err != nil {
		return nil, err
	}
	rows, next, err := pageOf(rows, in.MaxResults, in.NextToken, func(r *instanceRow) string { return viewPlace(r.view) }, 5)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeInstanceStatusResult{NextToken: next}
	for _, r := range rows {
		out.InstanceStatuses = append(out.InstanceStatuses, r.status())
	}
	return out, nil
}

// status is whether the instance does what it should. What happens inside the guest is not looked at: that QEMU runs it is all
// that is known.
func (r *instanceRow) status() shape.InstanceStatus {
	word := r.statusWord()
	summary := &shape.InstanceStatusSummary{Status: word, Details: []shape.InstanceStatusDetails{}}
	if word == "ok" {
		summary.Details = append(summary.Details, shape.InstanceStatusDetails{Name: "reachability", Status: "passed"})
	}
	return shape.InstanceStatus{InstanceId: r.shown.InstanceId, AvailabilityZone: r.shown.Placement.AvailabilityZone, InstanceState: r.shown.State,
		InstanceStatus: summary, SystemStatus: summary}
}

func (r *instanceRow) statusWord() string {
	switch {
	case r.shown.State.Name != running.Name:
		return "not-applicable"
	case r.view.Observed.Power == cloud.PowerOn:
		return "ok"
	case r.view.Host != nil && !r.view.Host.Up:
		return "impaired"
	}
	return "initializing"
}
