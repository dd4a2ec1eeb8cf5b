package placement

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

func hosts(n int, seed uint64) []Candidate {
	rng := rand.New(rand.NewPCG(seed, 1))
	cs := make([]Candidate, n)
	for i := range cs {
		cs[i] = Candidate{ID: cloud.HostID(fmt.Sprintf("h%d", i)), Zone: []string{"a", "b"}[i%2], Ready: rng.IntN(20) > 0,
			VCPUs: rng.IntN(64), MemoryMiB: rng.IntN(1 << 18), DiskGiB: rng.IntN(1000), VCPUsMax: 64, Machines: []string{"q35"}}
	}
	return cs
}

// A chosen host always fits, and when none is chosen every host has a reason.
func TestPlaceFitsOrExplains(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 2))
		cs := hosts(rng.IntN(20), seed)
		r := Request{VCPUs: rng.IntN(70), MemoryMiB: rng.IntN(1 << 18), DiskGiB: rng.IntN(1100), Seed: seed}
		if rng.IntN(3) == 0 {
			r.Zone = "b"
		}
		if rng.IntN(3) == 0 && len(cs) > 0 {
			r.Not = map[cloud.HostID]bool{cs[rng.IntN(len(cs))].ID: true}
		}
		i, ok := Place(r, cs)
		if ok && Reject(r, cs[i]) != 0 {
			t.Fatalf("seed %d: chose %+v for %+v although: %s", seed, cs[i], r, Reject(r, cs[i]))
		}
		if ok {
			continue
		}
		for _, c := range cs {
			if Reject(r, c) == 0 {
				t.Fatalf("seed %d: %+v would do for %+v, but nothing was chosen", seed, c, r)
			}
		}
	}
}

// Load spreads: equal requests on equal hosts end up evenly, whatever the seed.
func TestPlaceSpreads(t *testing.T) {
	cs := make([]Candidate, 10)
	for i := range cs {
		cs[i] = Candidate{ID: cloud.HostID(fmt.Sprint(i)), Ready: true, VCPUs: 1000, MemoryMiB: 100000, DiskGiB: 1000, VCPUsMax: 8}
	}
	count := make([]int, 10)
	for n := range 100 {
		i, ok := Place(Request{VCPUs: 1, MemoryMiB: 512, Seed: uint64(n)}, cs)
		if !ok {
			t.Fatal("nothing chosen")
		}
		count[i]++
		cs[i].MemoryMiB -= 512
	}
	for i, n := range count {
		if n != 10 {
			t.Errorf("host %d got %d of 100", i, n)
		}
	}
}

func TestExplainNamesWhatIsMissing(t *testing.T) {
	cs := []Candidate{{ID: "x", Ready: true, VCPUs: 4, VCPUsMax: 4, MemoryMiB: 100, DiskGiB: 10}, {ID: "y"}}
	sentence, details := Explain(Request{VCPUs: 1, MemoryMiB: 200}, cs)
	if !strings.Contains(sentence, "2 too little memory") || !strings.Contains(sentence, "1 not up") || strings.Contains(sentence, "x:") {
		t.Errorf("sentence %q", sentence)
	}
	if !strings.Contains(details, "x: too little memory") {
		t.Errorf("details %q", details)
	}
}

// Whether hosts are inclined to or not, the choice is the one with the most memory left.
func TestPlaceChoosesMostMemory(t *testing.T) {
	for seed := range uint64(500) {
		cs := hosts(50, seed)
		for _, r := range []Request{{VCPUs: 2, MemoryMiB: 1024, Seed: seed}, {VCPUs: 2, MemoryMiB: 1024, Seed: seed, Prefer: map[cloud.HostID]bool{"none": true}}} {
			got, ok := Place(r, cs)
			for i, c := range cs {
				if Reject(r, c) == 0 && (!ok || c.MemoryMiB > cs[got].MemoryMiB) {
					t.Fatalf("seed %d: chose %d although %d has more memory", seed, got, i)
				}
			}
		}
	}
}

func BenchmarkPlace10000(b *testing.B) {
	for name, r := range map[string]Request{
		"any":      {VCPUs: 2, MemoryMiB: 4096, DiskGiB: 20},
		"zone":     {VCPUs: 2, MemoryMiB: 4096, DiskGiB: 20, Zone: "a"},
		"machine":  {VCPUs: 2, MemoryMiB: 4096, DiskGiB: 20, Machine: "q35"},
		"inclined": {VCPUs: 2, MemoryMiB: 4096, DiskGiB: 20, Prefer: map[cloud.HostID]bool{"h7": true}},
	} {
		b.Run(name, func(b *testing.B) { benchPlace(b, r) })
	}
}

func benchPlace(b *testing.B, r Request) {
	cs := hosts(10000, 1)
	for b.Loop() {
		r.Seed++
		if i, ok := Place(r, cs); ok { // as it happens: the best host is another one each time
			cs[i].MemoryMiB -= r.MemoryMiB
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}
