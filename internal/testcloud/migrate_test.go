package testcloud_test

import (
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// moving is a running instance with a volume on a cloud whose hosts reach one pool.
func moving(t *testing.T, o testcloud.Options) *stage {
	c := testcloud.New(t, o)
	s := &stage{t: t, c: c, n: c.Tenant(t)}
	withAttached(s)
	return s
}

// only is the one migration there is.
func (s *stage) only() *cloud.Migration {
	s.t.Helper()
	list, err := s.compute().ListMigrations(s.c.Admin(), cloud.Query{}, nil)
	s.must(err)
	if len(list) != 1 {
		s.t.Fatalf("%d migrations", len(list))
	}
	return list[0]
}

func (s *stage) clean() {
	s.t.Helper()
	(&world{t: s.t, c: s.c, n: s.n}).lookAgain()
	if left := append(s.c.Leftovers(), s.c.Disagreements()...); len(left) > 0 {
		s.t.Error(strings.Join(left, "\n"))
	}
}

// An instance moves to the other host with its disks and ports, keeps the room where it was until that is agreed to, and can go back.
func TestMigrate(t *testing.T) {
	s := moving(t, testcloud.Options{Hosts: 2, SharedPool: true, CPUs: 1})
	home := s.in.HostID
	s.done(migrate(s))
	in := s.c.Instance(t, s.in.ID)
	if in.Phase != cloud.PhaseResized || in.HostID == home || in.OldHostID != home || in.Observed.Power != cloud.PowerOn {
		t.Fatalf("%s on %s, from %s, %s: %+v", in.Phase, in.HostID, in.OldHostID, in.Observed.Power, in.Fault)
	}
	if m := s.only(); m.State != cloud.MigrationWaiting || m.Source == m.Target || m.Target == "" {
		t.Errorf("%+v", m)
	}
	s.clean()

	s.done(s.compute().RevertResize(s.n.Context(), in.ID))
	if in := s.c.Instance(t, in.ID); in.Phase != cloud.PhaseReady || in.HostID != home || in.OldHostID != "" {
		t.Errorf("back: %s on %s: %+v", in.Phase, in.HostID, in.Fault)
	}
	if m := s.only(); m.State != cloud.MigrationReverted {
		t.Errorf("%+v", m)
	}
	s.clean()

	s.done(migrate(s))
	s.done(s.compute().ConfirmResize(s.n.Context(), in.ID))
	if in := s.c.Instance(t, in.ID); in.Phase != cloud.PhaseReady || in.HostID == home || in.OldHostID != "" {
		t.Errorf("there: %s on %s: %+v", in.Phase, in.HostID, in.Fault)
	}
	s.clean()
}

// Where no other host has room, or reaches the disks, an instance stays as it was, and its owner can read why.
func TestMigrateWithoutAnotherHost(t *testing.T) {
	for name, o := range map[string]testcloud.Options{"one host": {Hosts: 1, SharedPool: true}, "pools apart": {Hosts: 2}} {
		t.Run(name, func(t *testing.T) {
			s := moving(t, o)
			s.done(migrate(s))
			in := s.c.Instance(t, s.in.ID)
			if in.Phase != cloud.PhaseReady || in.HostID != s.in.HostID || in.OldFlavor != nil || in.Observed.Power != cloud.PowerOn {
				t.Errorf("%s on %s: %+v", in.Phase, in.HostID, in)
			}
			actions, err := s.compute().ListActions(s.n.Context(), in.ID, cloud.Query{})
			s.must(err)
			if f := actions[0].Fault; f == nil || !strings.HasPrefix(f.Message, "No valid host was found") {
				t.Errorf("%s: %+v", actions[0].Kind, f)
			}
			if m := s.only(); m.State != cloud.MigrationFailed {
				t.Errorf("%+v", m)
			}
			s.clean()
		})
	}
}

// An instance of a dead host comes up on another with its disks; one whose host is up is not robbed of it.
func TestEvacuate(t *testing.T) {
	s := moving(t, testcloud.Options{Hosts: 2, SharedPool: true})
	if err := s.compute().EvacuateInstance(s.c.Admin(), s.in.ID, compute.EvacuateRequest{}); !cloud.Is(err, cloud.Invalid) {
		t.Errorf("from a host that is up: %v", err)
	}
	s.done(evacuate(s))
	in := s.c.Instance(t, s.in.ID)
	if in.Phase != cloud.PhaseReady || in.HostID == s.in.HostID || in.OldHostID != "" || in.Observed.Power != cloud.PowerOn {
		t.Errorf("%s on %s: %+v", in.Phase, in.HostID, in.Fault)
	}
	if m := s.only(); m.State != cloud.MigrationCompleted || m.Kind != cloud.MigrationEvacuation {
		t.Errorf("%+v", m)
	}
	s.down(s.in.HostID, false)
	s.clean()
}
