package qemu

import (
	"context"
	"testing"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A move whose daemon died after the copy goes on, and the guest writes to both, until somebody says which of the bytes are the
// volume: either holds all that the guest wrote. One whose daemon died earlier is as if it had never been.
func TestAdoptMove(t *testing.T) {
	for _, c := range []struct {
		name        string
		speed       int
		there, both bool // asked to go on to where it went; what is left holds the same
	}{
		{"copying, goes on", 1, true, false},
		{"copying, goes back", 1, false, false},
		{"copied, goes on", 0, true, true},
		{"copied, goes back", 0, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, l := started(t)
			g := r.d.guests["g1"]
			twin := r.beginSwap(g, "v1", c.speed)
			if c.speed == 0 {
				g.change(func(rec *record) { rec.put(twin) })
			}
			r.d.Close()
			r.open()
			r.keys("g1", "w", "WROTE")
			from, to := twin.Source, l.Disks[0].Source
			if c.there {
				from, to = to, from
			}
			if c.both {
				r.stay(to, from)
			}
			r.moveTo(to)
			if err := r.d.Stop(t.Context(), "g1", agent.StopOptions{}); err != nil {
				t.Fatal(err)
			}
			if c.both && !same(from, to) {
				t.Error("they differ")
			}
			l.Disks[0].Source = to
			if err := r.d.Start(t.Context(), l, false); err != nil {
				t.Error(err)
			}
		})
	}
}

// moveTo moves the guest's disk, and wants the volume to be there.
func (r *rig) moveTo(to spec.BlockSource) {
	r.t.Helper()
	var said spec.BlockSource
	err := r.d.MoveDisk(r.t.Context(), "g1", "v1", to, func(_ context.Context, at spec.BlockSource) error {
		said = at
		return nil
	})
	if s := r.d.guests["g1"].record().Disks[0]; err != nil || said.Path != to.Path || s.Source.Path != to.Path || s.Was != nil {
		r.t.Fatalf("the disk is %+v, the volume at %s, %v", s, said.Path, err)
	}
}

// stay wants the guest to write to both bytes of its disk.
func (r *rig) stay(a, b spec.BlockSource) {
	r.t.Helper()
	g := r.d.guests["g1"]
	s := g.record().Disks[0]
	if !g.writesToBoth(r.t.Context(), g.current()) || s.Was == nil {
		r.t.Fatalf("the guest does not write to both %s and %s: %+v", a.Path, b.Path, s)
	}
}
