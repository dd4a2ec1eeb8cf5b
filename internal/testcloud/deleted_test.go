package testcloud_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

func idsOf(list []*cloud.Instance) (out []cloud.InstanceID) {
	for _, in := range list {
		out = append(out, in.ID)
	}
	return out
}

// A deleted instance is found by those who follow changes, by administrators who ask for what was deleted, and as the row
// that a page starts behind, until it is forgotten.
func TestDeletedInstancesAreKept(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	n := c.Tenant(t)
	s := c.Services().Compute
	first, second := n.Create(n.Request("first")), n.Create(n.Request("second"))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.DeleteInstance(n.Context(), second.ID))
	c.Settle(t)

	if _, err := s.Instance(n.Context(), second.ID); !cloud.Is(err, cloud.NotFound) {
		t.Errorf("the deleted instance: %v", err)
	}
	newest := []cloud.Order{{Column: "created_at", Desc: true}}
	both, err := s.ListInstances(n.Context(), compute.ListQuery{Which: compute.LivingAndDeleted, Query: cloud.Query{Order: newest}})
	must(err)
	if !slices.Equal(idsOf(both), []cloud.InstanceID{second.ID, first.ID}) || both[0].Phase != cloud.PhaseDeleted || both[0].TerminatedAt == nil {
		t.Errorf("both: %v", idsOf(both))
	}
	behind, err := s.ListInstances(n.Context(), compute.ListQuery{Query: cloud.Query{Order: newest, After: string(second.ID)}})
	must(err)
	if !slices.Equal(idsOf(behind), []cloud.InstanceID{first.ID}) {
		t.Errorf("behind the deleted one: %v", idsOf(behind))
	}
	if _, err := s.ListInstances(n.Context(), compute.ListQuery{Which: compute.Deleted}); !cloud.Is(err, cloud.Forbidden) {
		t.Errorf("a member lists what was deleted: %v", err)
	}
	gone, err := s.ListInstances(c.Admin(), compute.ListQuery{Which: compute.Deleted, AllProjects: true})
	must(err)
	if !slices.Equal(idsOf(gone), []cloud.InstanceID{second.ID}) {
		t.Errorf("deleted: %v", idsOf(gone))
	}

	kept, err := s.TrimDeleted(c.Admin(), time.Now().Add(-time.Hour))
	must(err)
	forgotten, err := s.TrimDeleted(c.Admin(), time.Now().Add(time.Hour))
	must(err)
	if kept != 0 || forgotten != 1 {
		t.Errorf("%d and then %d instances were forgotten", kept, forgotten)
	}
	if left := c.Leftovers(); len(left) > 0 {
		t.Error(left)
	}
}

// Ended Operations are forgotten when they are old; what is under way is not.
func TestEndedOperationsAreForgotten(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	n := c.Tenant(t)
	in := n.Create(n.Request("one"))
	count := func() int64 {
		all, err := c.Store.Operations.Count(c.Admin())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := count()
	if n, err := c.Services().Engine.Trim(c.Admin(), time.Now().Add(-time.Hour)); err != nil || n != 0 || count() != before {
		t.Errorf("%d young ones were forgotten: %v", n, err)
	}
	if n, err := c.Services().Engine.Trim(c.Admin(), time.Now().Add(time.Hour)); err != nil || int64(n) != before || count() != 0 {
		t.Errorf("%d of %d were forgotten: %v", n, before, err)
	}
	if list, err := c.Services().Compute.ListActions(n.Context(), in.ID, cloud.Query{}); err != nil || len(list) != 0 {
		t.Errorf("the actions of the instance: %d, %v", len(list), err)
	}
}
