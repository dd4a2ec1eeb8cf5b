package qemu

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// BenchmarkStart measures from the call to running CPUs. Compare with QEMU started by hand to
// its monitor's greeting: what lies between is ours.
func BenchmarkStart(b *testing.B) {
	r := newRig(b, spec.MachineQ35)
	l := r.launch("g1")
	for b.Loop() {
		if err := r.d.Start(b.Context(), l, false); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := r.d.Stop(b.Context(), "g1", agent.StopOptions{}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkList measures a look at many guests, most of a reconcile pass in which nothing changed.
func BenchmarkList(b *testing.B) {
	r := newRig(b, spec.MachineQ35)
	for i := range 1000 {
		id := spec.GuestID(rune('a'+i%26)) + spec.GuestID(rune('a'+i/26%26)) + spec.GuestID(rune('a'+i/676))
		if _, err := r.d.ensure(id); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if all, err := r.d.List(b.Context()); err != nil || len(all) != 1000 {
			b.Fatal(len(all), err)
		}
	}
}
