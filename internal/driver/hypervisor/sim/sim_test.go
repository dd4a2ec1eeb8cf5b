package sim

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/hypervisortest"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Pretended guests pass the suite that real ones do.
func TestSuite(t *testing.T) {
	hypervisortest.Run(t, fixture)
}

func fixture(t *testing.T) *hypervisortest.Fixture {
	state := NewState()
	open := func() *Driver { return New(Options{State: state, Seed: 1}) }
	d := open()
	return &hypervisortest.Fixture{
		Hypervisor: d,
		Pretended:  true,
		Ready:      " login: ",
		Reopen: func(between func()) agent.Hypervisor {
			between()
			return open()
		},
		Launch: launch,
		Disk: func(v spec.VolumeID) agent.LaunchDisk {
			return agent.LaunchDisk{Disk: spec.Disk{Volume: v, Bus: spec.BusVirtio}}
		},
		NIC: func(p spec.PortID) agent.LaunchNIC {
			return agent.LaunchNIC{NIC: spec.NIC{Port: p, MAC: "52:54:00:00:00:01"}, Tap: string(p)}
		},
		Encrypt: func(d agent.LaunchDisk) agent.LaunchDisk {
			d.Source.Format, d.Source.Key = spec.FormatLUKS, "secret"
			return d
		},
		CopyTarget: func(d agent.LaunchDisk) spec.BlockSource { return spec.BlockSource{Path: d.Source.Path + "-copy"} },
		PowerOff:   state.PowerOff,
		Reboot:     state.Reboot,
		Crash:      state.Crash,
		Write:      func(id spec.GuestID) { state.Write(id, []byte("WROTE\r\n")) },
		Flood:      func(id spec.GuestID) { state.Write(id, bytes.Repeat([]byte("x"), 64<<10)) },
		LogBound:   32 << 10,
		Left: func(id spec.GuestID) []string {
			if g := state.guests[id]; g != nil {
				return []string{string(id)}
			}
			return nil
		},
	}
}

func launch(id spec.GuestID) agent.Launch {
	return agent.Launch{Guest: spec.Guest{ID: id, CPUs: 2, MemoryBytes: 64 << 20, Machine: spec.MachineQ35},
		Disks: []agent.LaunchDisk{{Disk: spec.Disk{Volume: "v1", Bus: spec.BusVirtio}}}}
}

// run starts, changes and stops guests in as many goroutines, and answers what failed, by guest.
func run(t *testing.T, d *Driver, guests int) [][]string {
	all := make([][]string, guests)
	var wait sync.WaitGroup
	for i := range guests {
		wait.Go(func() {
			id := spec.GuestID(fmt.Sprintf("g%d", i))
			note := func(err error) {
				if err != nil && !errors.Is(err, spec.ErrMissing) && !errors.Is(err, ErrFault) {
					t.Error(err)
				}
				all[i] = append(all[i], fmt.Sprint(err))
			}
			note(d.Start(t.Context(), launch(id), false))
			note(d.Pause(t.Context(), id))
			note(d.Resume(t.Context(), id))
			note(d.ResizeDisk(t.Context(), id, "v1", 1<<30))
			note(d.Stop(t.Context(), id, agent.StopOptions{}))
		})
	}
	wait.Wait()
	return all
}

// The same seed gives the same faults in any order of goroutines; another seed gives others.
func TestSeed(t *testing.T) {
	first := run(t, New(Options{Seed: 7, FaultRate: 0.3}), 50)
	again := run(t, New(Options{Seed: 7, FaultRate: 0.3}), 50)
	other := run(t, New(Options{Seed: 8, FaultRate: 0.3}), 50)
	if !reflect.DeepEqual(first, again) {
		t.Error("the same seed gave other faults")
	}
	if reflect.DeepEqual(first, other) {
		t.Error("another seed gave the same faults")
	}
}

// Of the failed starts some have done nothing and some have done the work; the rate is as asked.
func TestFaults(t *testing.T) {
	d := New(Options{Seed: 3, FaultRate: 0.5})
	failed, done := 0, 0
	const n = 1000
	for i := range n {
		id := spec.GuestID(fmt.Sprintf("g%d", i))
		if d.Start(t.Context(), launch(id), false) == nil {
			continue
		}
		failed++
		if st, err := d.Status(t.Context(), id); err != nil {
			t.Fatal(err)
		} else if st.State == spec.GuestRunning {
			done++
		}
	}
	if failed < n*4/10 || failed > n*6/10 || done < failed*4/10 || done > failed*6/10 {
		t.Errorf("%d of %d failed, %d of them after the work", failed, n, done)
	}
}

// Repeating a change that failed brings it about in the end.
func TestRepeatUntilDone(t *testing.T) {
	d := New(Options{Seed: 5, FaultRate: 0.5})
	for i := range 100 {
		id := spec.GuestID(fmt.Sprintf("g%d", i))
		for tries := 0; d.Start(t.Context(), launch(id), false) != nil; tries++ {
			if tries == 50 {
				t.Fatal("never started")
			}
		}
		for tries := 0; d.Remove(t.Context(), id) != nil; tries++ {
			if tries == 50 {
				t.Fatal("never removed")
			}
		}
	}
	if left, _ := d.List(t.Context()); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Starting takes from half to one and a half of the mean.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Options{Seed: 9, StartDelay: time.Second})
		var least, most time.Duration
		for i := range 100 {
			begin := time.Now()
			if err := d.Start(t.Context(), launch(spec.GuestID(fmt.Sprintf("g%d", i))), false); err != nil {
				t.Fatal(err)
			}
			took := time.Since(begin)
			if i == 0 {
				least, most = took, took
			}
			least, most = min(least, took), max(most, took)
		}
		if least < 500*time.Millisecond || most > 1500*time.Millisecond || most-least < 500*time.Millisecond {
			t.Errorf("from %s to %s", least, most)
		}
	})
}

// A thousand hosts cost nothing while they do nothing: no goroutine, little memory.
func TestManyHosts(t *testing.T) {
	before := runtime.NumGoroutine()
	var hosts []*Driver
	for i := range 1000 {
		d := New(Options{Seed: uint64(i)})
		for j := range 10 {
			if err := d.Start(t.Context(), launch(spec.GuestID(fmt.Sprintf("g%d", j))), false); err != nil {
				t.Fatal(err)
			}
		}
		hosts = append(hosts, d)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines more", n-before)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if per := m.HeapAlloc / uint64(len(hosts)*10); per > 8<<10 {
		t.Errorf("%d bytes for each guest", per)
	}
	runtime.KeepAlive(hosts)
}
