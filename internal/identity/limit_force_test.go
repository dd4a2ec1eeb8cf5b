package identity

import (
	"maps"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

func TestWhichLimitIsInForce(t *testing.T) {
	w := newWorld(t, Options{})
	p, other := w.project("p", "").ID, w.project("other", "").ID
	force := func(p cloud.ProjectID, want map[string]int64) {
		t.Helper()
		if got := must[map[string]int64](t)(w.LimitsInForce(w.admin, "thing", "here", p)); !maps.Equal(got, want) {
			t.Errorf("in force are %v, want %v", got, want)
		}
	}
	force(p, nil)
	service := must[*CatalogService](t)(w.CreateCatalogService(w.admin, CatalogService{Type: "thing", Enabled: true})).ID
	for _, region := range []string{"here", "there"} {
		must[*Region](t)(w.CreateRegion(w.admin, Region{ID: region}))
	}
	on := func(region, resource string) cloud.LimitSubject {
		return cloud.LimitSubject{ServiceID: service, RegionID: region, Resource: resource}
	}
	register := func(region, resource string, n int64) {
		t.Helper()
		w.ok(w.CreateRegisteredLimits(w.admin, []*cloud.RegisteredLimit{{LimitSubject: on(region, resource), Default: n}}))
	}
	limit := func(region string, n int64) {
		t.Helper()
		w.ok(w.CreateLimits(w.admin, []*cloud.Limit{{LimitSubject: on(region, "a"), ProjectID: p, Value: n}}))
	}
	register("", "a", 1)
	register("there", "a", 9)
	register("", "b", 2)
	force(p, map[string]int64{"a": 1, "b": 2})
	register("here", "a", 3)
	force(p, map[string]int64{"a": 3, "b": 2})
	limit("there", 8)
	limit("", 4)
	force(p, map[string]int64{"a": 4, "b": 2})
	limit("here", 5)
	force(p, map[string]int64{"a": 5, "b": 2})
	force(other, map[string]int64{"a": 3, "b": 2})
}

// A limit outlives its region and its service, until an administrator deletes it.
func TestLimitsOutliveTheirSubject(t *testing.T) {
	w := newWorld(t, Options{})
	service := must[*CatalogService](t)(w.CreateCatalogService(w.admin, CatalogService{Type: "dns", Name: "d", Enabled: true})).ID
	must[*Region](t)(w.CreateRegion(w.admin, Region{ID: "here"}))
	w.ok(w.CreateRegisteredLimits(w.admin, []*cloud.RegisteredLimit{{LimitSubject: cloud.LimitSubject{ServiceID: service, RegionID: "here", Resource: "zones"}, Default: 1}}))
	count := func() int64 {
		return must[int64](t)(w.RegisteredLimits.Count(w.admin, cloud.Eq("service_id", service)))
	}
	w.ok(w.DeleteRegion(w.admin, "here"))
	if count() != 1 {
		t.Error("the limit went with its region")
	}
	w.ok(w.DeleteCatalogService(w.admin, service))
	if count() != 1 {
		t.Error("the limit went with its service")
	}
	all := must[[]*cloud.RegisteredLimit](t)(w.RegisteredLimits.List(w.admin, cloud.Where(cloud.Eq("service_id", service))))
	w.ok(w.DeleteRegisteredLimit(w.admin, all[0].ID))
}
