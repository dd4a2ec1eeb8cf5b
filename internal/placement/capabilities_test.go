package placement

import (
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// TestLacks proves how each operator of a spec compares.
func TestLacks(t *testing.T) {
	have := map[string]string{"name": "fast", "size": "100", "flags": "aes sse avx", "thin": "True"}
	for _, c := range []struct {
		key, want string
		holds     bool
	}{
		{"name", "fast", true}, {"name", "slow", false}, {"capabilities:name", "fast", true}, {"capabilities:name", "slow", false},
		{"Name", "fast", true}, {"absent", "fast", false}, {"other:name", "slow", true}, {"capabilities:other:name", "slow", true},
		{"name", "", false}, {"size", "= 100", true}, {"size", "= 99", true}, {"size", "= 101", false},
		{"size", "== 100", true}, {"size", "== 1e2", true}, {"size", "!= 100", false}, {"size", ">= 100", true}, {"size", "<= 99", false},
		{"size", "== many", false}, {"name", ">= 1", false}, {"name", "s== fast", true}, {"name", "s!= fast", false},
		{"name", "s< g", true}, {"name", "s<= fast", true}, {"name", "s> fast", false}, {"name", "s>= fast", true},
		{"flags", "<in> sse", true}, {"flags", "<in> sse2", false}, {"flags", "<all-in> aes avx", true}, {"flags", "<all-in> aes mmx", false},
		{"name", "<or> slow <or> fast", true}, {"name", "<or> slow", false}, {"thin", "<is> True", true}, {"thin", "<is> yes", true}, {"thin", "<is> False", false},
	} {
		if holds := len(Lacks(map[string]string{c.key: c.want}, have)) == 0; holds != c.holds {
			t.Errorf("%s of %q: %v", c.key, c.want, holds)
		}
	}
	if lacking := Lacks(map[string]string{"b": "1", "a": "1", "name": "fast"}, have); !slices.Equal(lacking, []string{"a", "b"}) {
		t.Errorf("lacking %v", lacking)
	}
}

// TestPlaceVolume proves what rules a pool out, and that the sentence says it.
func TestPlaceVolume(t *testing.T) {
	fast := cloud.Pool{Name: "fast", TotalGiB: 100}
	off := cloud.Pool{Name: "off", TotalGiB: 100, PoolSwitch: cloud.PoolSwitch{Disabled: true}}
	local := cloud.Pool{Name: "local", TotalGiB: 1000, LocalOnly: true}
	hosts := []Candidate{{ID: "h1", Zone: "a", Up: true, Pools: []cloud.Pool{local, fast, off}}, {ID: "h2", Zone: "b", Up: true, Pools: []cloud.Pool{local}}, {ID: "h3", Zone: "a"}}
	for _, c := range []struct {
		request cloud.VolumePlacement
		holds   bool
	}{
		{cloud.VolumePlacement{SizeGiB: 100}, true},
		{cloud.VolumePlacement{SizeGiB: 101}, false},
		{cloud.VolumePlacement{SizeGiB: 1, Zone: "b"}, false},
		{cloud.VolumePlacement{SizeGiB: 1, Near: cloud.VolumePlace{HostID: "h2"}}, false},
		{cloud.VolumePlacement{SizeGiB: 1, Near: cloud.VolumePlace{HostID: "h1"}}, true},
		{cloud.VolumePlacement{SizeGiB: 1, HostID: "h3"}, false},
		{cloud.VolumePlacement{SizeGiB: 1, Pool: "fast"}, true},
		{cloud.VolumePlacement{SizeGiB: 1, Pool: "off"}, false},
		{cloud.VolumePlacement{SizeGiB: 1, Specs: map[string]string{"volume_backend_name": "fast"}}, true},
		{cloud.VolumePlacement{SizeGiB: 1, Specs: map[string]string{"volume_backend_name": "off"}}, false},
		{cloud.VolumePlacement{SizeGiB: 1, Specs: map[string]string{"vendor_name": Vendor, "multiattach": "<is> True"}}, true},
	} {
		if i, ok := PlaceVolume(c.request, hosts, nil, 1); ok != c.holds || ok && i != 0 {
			t.Errorf("%+v: %d, %v", c.request, i, ok)
		}
	}
	sentence, _ := ExplainVolume(cloud.VolumePlacement{SizeGiB: 101}, hosts)
	if want := "No valid back end was found. Of 3 hosts: 1 whose storage pools are disabled; 1 without the storage pool that was asked for; 1 not up."; sentence != want {
		t.Errorf("%s", sentence)
	}
	if _, ok := PlaceVolume(cloud.VolumePlacement{}, hosts, map[cloud.HostID]bool{"h1": true}, 1); ok {
		t.Error("a host that was ruled out was chosen")
	}
}
