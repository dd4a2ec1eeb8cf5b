package storetest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
)

// Each comparison selects what the same comparison in Go selects.
func comparisons(t *testing.T, s *store.Store) {
	base := time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)
	insertInstances(t, s, 60, func(n int, i *cloud.Instance) {
		i.Flavor.VCPUs = n % 7
		i.Locked = n%2 == 0
		i.HostID = cloud.HostID(fmt.Sprint("h", n%3))
		i.CreatedAt = base.Add(time.Duration(n) * time.Microsecond)
		if n%4 == 0 {
			at := base.Add(time.Duration(n) * time.Hour)
			i.LaunchedAt = &at
		}
	})
	at := base.Add(30 * time.Microsecond)
	for _, c := range []struct {
		cond cloud.Cond
		want func(i *cloud.Instance) bool
	}{
		{cloud.Eq("vcpus", 3), func(i *cloud.Instance) bool { return i.Flavor.VCPUs == 3 }},
		{cloud.Cond{Column: "vcpus", Op: cloud.OpNe, Value: int64(3)}, func(i *cloud.Instance) bool { return i.Flavor.VCPUs != 3 }},
		{cloud.Cond{Column: "vcpus", Op: cloud.OpLt, Value: 3}, func(i *cloud.Instance) bool { return i.Flavor.VCPUs < 3 }},
		{cloud.Cond{Column: "vcpus", Op: cloud.OpLe, Value: uint8(3)}, func(i *cloud.Instance) bool { return i.Flavor.VCPUs <= 3 }},
		{cloud.Cond{Column: "vcpus", Op: cloud.OpGt, Value: 3}, func(i *cloud.Instance) bool { return i.Flavor.VCPUs > 3 }},
		{cloud.Cond{Column: "vcpus", Op: cloud.OpGe, Value: 3}, func(i *cloud.Instance) bool { return i.Flavor.VCPUs >= 3 }},
		{cloud.In("vcpus", []int{1, 2, 99}), func(i *cloud.Instance) bool { return i.Flavor.VCPUs == 1 || i.Flavor.VCPUs == 2 }},
		{cloud.In("host_id", []cloud.HostID{"h1", "h2"}), func(i *cloud.Instance) bool { return i.HostID != "h0" }},
		{cloud.In("host_id", []string{}), func(i *cloud.Instance) bool { return false }},
		{cloud.In("host_id", []string(nil)), func(i *cloud.Instance) bool { return false }},
		{cloud.Eq("host_id", nil), func(i *cloud.Instance) bool { return false }},
		{cloud.Eq("user_id", ""), func(i *cloud.Instance) bool { return true }},
		{cloud.Eq("locked", true), func(i *cloud.Instance) bool { return i.Locked }},
		{cloud.In("locked", []bool{false}), func(i *cloud.Instance) bool { return !i.Locked }},
		{cloud.Eq("phase", cloud.PhaseReady), func(i *cloud.Instance) bool { return true }},
		{cloud.Cond{Column: "created_at", Op: cloud.OpGe, Value: at}, func(i *cloud.Instance) bool { return !i.CreatedAt.Before(at) }},
		{cloud.Eq("created_at", &at), func(i *cloud.Instance) bool { return i.CreatedAt.Equal(at) }},
		{cloud.Eq("launched_at", time.Time{}), func(i *cloud.Instance) bool { return i.LaunchedAt == nil }},
		{cloud.Cond{Column: "launched_at", Op: cloud.OpGt, Value: base.Add(9 * time.Hour)},
			func(i *cloud.Instance) bool { return i.LaunchedAt != nil && i.LaunchedAt.After(base.Add(9*time.Hour)) }},
		{cloud.Cond{Column: "name", Op: cloud.OpPrefix, Value: "name-i0001"}, func(i *cloud.Instance) bool { return strings.HasPrefix(i.Name, "name-i0001") }},
		{cloud.Cond{Column: "name", Op: cloud.OpContains, Value: "05"}, func(i *cloud.Instance) bool { return strings.Contains(i.Name, "05") }},
		{cloud.Cond{Column: "name", Op: cloud.OpContains, Value: ""}, func(i *cloud.Instance) bool { return true }},
		{cloud.Cond{Column: "name", Op: cloud.OpPrefix, Value: ""}, func(i *cloud.Instance) bool { return true }},
	} {
		checkSelection(t, s, c.cond, c.want)
	}
}

func checkSelection(t *testing.T, s *store.Store, cond cloud.Cond, want func(*cloud.Instance) bool) {
	t.Helper()
	all, err := s.Instances.List(ctx, cloud.Query{})
	must(t, err)
	wanted := ids(slices.DeleteFunc(all, func(i *cloud.Instance) bool { return !want(i) }))
	got, err := s.Instances.List(ctx, cloud.Where(cond))
	if err != nil {
		t.Errorf("%+v: %v", cond, err)
		return
	}
	if !slices.Equal(ids(got), wanted) {
		t.Errorf("%+v:\n got %v\nwant %v", cond, ids(got), wanted)
	}
	n, err := s.Instances.Count(ctx, cond)
	must(t, err)
	if int(n) != len(wanted) {
		t.Errorf("%+v: counted %d of %d", cond, n, len(wanted))
	}
}

// Order, prefixes and substrings go by bytes, whatever the database's language: case
// and wildcards of other operators mean nothing.
func textIsBytes(t *testing.T, s *store.Store) {
	names := []string{"", "a", "A", "ab", "aB", "B", "b", "_", "%", "a%", "a_b", "a*b", "a?b", "[a]", "Z", "z", "ä", "äb", "Ä",
		"\uD7FF", "\uD7FFx", "\uE000", "\U0010FFFF", "\U0010FFFFx", "a\U0010FFFF", "a\U0010FFFFb", "é", "e\u0301", " a", "-a", "1", "10", "2", "aa b"}
	insertInstances(t, s, len(names), func(n int, i *cloud.Instance) { i.Name = names[n] })
	got, err := s.Instances.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "name"}}})
	must(t, err)
	sorted := slices.Sorted(slices.Values(names))
	for n, i := range got {
		if i.Name != sorted[n] {
			t.Fatalf("place %d has %q, want %q", n, i.Name, sorted[n])
		}
	}
	for _, part := range names {
		checkSelection(t, s, cloud.Cond{Column: "name", Op: cloud.OpPrefix, Value: part}, func(i *cloud.Instance) bool { return strings.HasPrefix(i.Name, part) })
		checkSelection(t, s, cloud.Cond{Column: "name", Op: cloud.OpContains, Value: part}, func(i *cloud.Instance) bool { return strings.Contains(i.Name, part) })
		checkSelection(t, s, cloud.Eq("name", part), func(i *cloud.Instance) bool { return i.Name == part })
		checkSelection(t, s, cloud.Cond{Column: "name", Op: cloud.OpGt, Value: part}, func(i *cloud.Instance) bool { return i.Name > part })
	}
}

// Rows are found by one of several values, also after the values changed.
func sets(t *testing.T, s *store.Store) {
	groups := func(g ...cloud.SecurityGroupID) []cloud.SecurityGroupID { return g }
	for n, g := range [][]cloud.SecurityGroupID{groups("a"), groups("a", "b"), groups("b", "b", "c"), groups(), nil} {
		id := cloud.PortID(fmt.Sprint(n))
		must(t, s.Ports.Insert(ctx, &cloud.Port{ID: id, MAC: fmt.Sprint(n), SecurityGroups: g,
			Addresses: []cloud.PortAddress{{SubnetID: "s", Address: netip.MustParseAddr("10.0.0.1").Next()}}}))
	}
	check := func(want string, c cloud.Cond) {
		t.Helper()
		got, err := s.Ports.List(ctx, cloud.Query{Where: []cloud.Cond{c}, Order: []cloud.Order{{Column: "id"}}})
		must(t, err)
		found := ""
		for _, p := range got {
			found += string(p.ID)
		}
		if found != want {
			t.Errorf("%+v: got %q, want %q", c, found, want)
		}
	}
	check("01", cloud.Eq("security_groups", cloud.SecurityGroupID("a")))
	check("12", cloud.Eq("security_groups", "b"))
	check("012", cloud.In("security_groups", groups("a", "c")))
	check("", cloud.In("security_groups", groups()))
	check("034", cloud.Cond{Column: "security_groups", Op: cloud.OpNe, Value: "b"})
	check("01234", cloud.Eq("subnets", cloud.SubnetID("s")))
	check("01234", cloud.Eq("addresses", netip.MustParseAddr("10.0.0.2")))
	p, err := s.Ports.Get(ctx, "1")
	must(t, err)
	p.SecurityGroups = groups("b", "d")
	must(t, s.Ports.Update(ctx, p))
	check("0", cloud.Eq("security_groups", "a"))
	check("1", cloud.Eq("security_groups", "d"))
	must(t, s.Ports.Delete(ctx, "1"))
	check("", cloud.Eq("security_groups", "d"))
	must(t, s.Ports.Insert(ctx, &cloud.Port{ID: "1", MAC: "x"}))
	check("2", cloud.Eq("security_groups", "b"))
}

// OpIn takes more values than a statement has parameters.
func manyValues(t *testing.T, s *store.Store) {
	insertInstances(t, s, 1200, func(n int, i *cloud.Instance) {})
	var wanted []cloud.InstanceID
	for n := range 100_000 {
		wanted = append(wanted, cloud.InstanceID(fmt.Sprintf("i%05d", n)))
	}
	got, err := s.Instances.List(ctx, cloud.Where(cloud.In("id", wanted)))
	must(t, err)
	if len(got) != 1200 {
		t.Fatalf("found %d of 1200", len(got))
	}
}

// Count and Sum agree with adding up in Go.
func countAndSum(t *testing.T, s *store.Store) {
	n, err := s.Instances.Sum(ctx, "vcpus")
	must(t, err)
	if n != 0 {
		t.Fatalf("the sum of nothing is %d", n)
	}
	want := map[string]int64{}
	r := rand.New(rand.NewPCG(1, 2))
	insertInstances(t, s, 200, func(n int, i *cloud.Instance) {
		i.ProjectID = cloud.ProjectID(fmt.Sprint("p", n%3))
		i.Flavor.MemoryMiB = r.IntN(1 << 40)
		want[string(i.ProjectID)] += int64(i.Flavor.MemoryMiB)
	})
	for p, w := range want {
		got, err := s.Instances.Sum(ctx, "memory_mib", cloud.Eq("project_id", p))
		must(t, err)
		if got != w {
			t.Errorf("%s: sum %d, want %d", p, got, w)
		}
	}
	n, err = s.Instances.Sum(ctx, "memory_mib", cloud.In("project_id", []string{}))
	must(t, err)
	if n != 0 {
		t.Errorf("the sum of no project is %d", n)
	}
}

// A query that cannot mean anything is our mistake, and the error helps to find it.
func queryMistakes(t *testing.T, s *store.Store) {
	for _, q := range []cloud.Query{
		cloud.Where(cloud.Eq("colour", 1)),
		{Order: []cloud.Order{{Column: "colour"}}},
		cloud.Where(cloud.Eq("vcpus", "many")),
		cloud.Where(cloud.Eq("locked", 1)),
		cloud.Where(cloud.In("vcpus", 1)),
		cloud.Where(cloud.Cond{Column: "vcpus", Op: cloud.OpPrefix, Value: "1"}),
		cloud.Where(cloud.Cond{Column: "vcpus", Op: "~", Value: 1}),
		{Order: []cloud.Order{{Column: "tags"}}},
		cloud.Where(cloud.Cond{Column: "tags", Op: cloud.OpLt, Value: "a"}),
	} {
		_, err := s.Instances.List(ctx, q)
		wantKind(t, err, cloud.Internal)
	}
	_, err := s.Instances.Count(ctx, cloud.Eq("colour", 1))
	e := wantKind(t, err, cloud.Internal)
	if !strings.Contains(e.Error(), "colour") || !strings.Contains(e.Error(), "project_id") {
		t.Errorf("the error does not say what there is: %v", e)
	}
	_, err = s.Instances.Sum(ctx, "name")
	wantKind(t, err, cloud.Internal)
}
