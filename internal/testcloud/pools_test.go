package testcloud_test

import (
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/testcloud"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// TestTypeChoosesPool proves that a volume lies on the pool that its type asks for, with a copy of what it is made from
// where that lies on another, and that one whose type no pool satisfies is kept, failed, with the reason.
func TestTypeChoosesPool(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	s, admin := c.Services(), c.Admin()
	tenant := c.Tenant(t)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	types := map[string]string{"on-default": "default", "on-second": testcloud.SecondPool, "on-none": "none"}
	for name, backend := range types {
		_, err := s.Volume.CreateType(admin, cloud.VolumeType{Name: name, Public: true, ExtraSpecs: map[string]string{"volume_backend_name": backend}})
		ok(err)
	}
	create := func(r cloud.VolumeRequest) *cloud.Volume {
		t.Helper()
		v, err := s.Volume.CreateVolume(tenant.Context(), r)
		ok(err)
		ok(s.Volume.WaitVolume(tenant.Context(), v.ID))
		return v
	}
	first := create(cloud.VolumeRequest{SizeGiB: 1, TypeName: "on-default"})
	second := create(cloud.VolumeRequest{SourceVolumeID: first.ID, TypeName: "on-second"})
	if first.Pool != "default" || second.Pool != testcloud.SecondPool {
		t.Errorf("volumes lie on %s and %s", first.Pool, second.Pool)
	}
	if _, err := s.Volume.CreateVolume(tenant.Context(), cloud.VolumeRequest{SizeGiB: 1, TypeName: "on-none"}); !cloud.Is(err, cloud.NoCapacity) {
		t.Errorf("a type that no pool satisfies: %v", err)
	}
	kept, err := s.Volume.CreateVolume(tenant.Context(), cloud.VolumeRequest{SizeGiB: 1, TypeName: "on-none", KeepUnplaced: true})
	ok(err)
	if kept.State != cloud.VolumeFailed || kept.Fault == nil || !strings.Contains(kept.Fault.Message, "No valid back end") {
		t.Errorf("kept volume is %s: %+v", kept.State, kept.Fault)
	}
	_, err = s.Volume.SwitchPools(admin, "host-1", testcloud.SecondPool, func(p *cloud.PoolSwitch) { p.Disabled = true })
	ok(err)
	c.Restart()
	s, admin = c.Services(), c.Admin()
	if _, err := s.Volume.CreateVolume(tenant.Context(), cloud.VolumeRequest{SizeGiB: 1, TypeName: "on-second"}); !cloud.Is(err, cloud.NoCapacity) {
		t.Errorf("a disabled pool took a volume: %v", err)
	}
}

// TestVolumeMoves proves that a volume goes to the pool that its new type asks for, if it may, and back when an operator says
// so; that both show in its row; and that it says why where it cannot go.
func TestVolumeMoves(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	s, admin := c.Services(), c.Admin()
	tenant := c.Tenant(t)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, pool := range map[string]string{"on-default": config.DefaultBackend, "on-second": testcloud.SecondPool, "on-none": "none"} {
		_, err := s.Volume.CreateType(admin, cloud.VolumeType{Name: name, Public: true, ExtraSpecs: map[string]string{"volume_backend_name": pool}})
		ok(err)
	}
	v := tenant.Volume(1)
	lies := func(pool string, move cloud.VolumeMove) {
		t.Helper()
		c.Settle(t)
		got, err := s.Volume.Volume(admin, v.ID)
		ok(err)
		if got.Pool != pool || got.Move != move || got.State != cloud.VolumeAvailable || got.Task != "" {
			t.Errorf("volume is %s on %s (%s), with task %q", got.State, got.Pool, got.Move, got.Task)
		}
	}
	retype := func(name string, mayMove bool) error {
		return s.Volume.Retype(tenant.Context(), volume.RetypeRequest{ID: v.ID, Type: name, MayMove: mayMove})
	}
	ok(retype("on-default", false))
	lies(config.DefaultBackend, "")
	for name, may := range map[string]bool{"on-second": false, "on-none": true} {
		if err := retype(name, may); err == nil {
			t.Errorf("a volume was retyped to %s", name)
		}
	}
	lies(config.DefaultBackend, "")
	ok(retype("on-second", true))
	lies(testcloud.SecondPool, cloud.VolumeMoved)
	if err := s.Volume.Migrate(admin, volume.MigrateRequest{ID: v.ID, Host: "host-1", Pool: config.DefaultBackend}); !cloud.Is(err, cloud.NoCapacity) {
		t.Errorf("a volume moved to a pool that lacks what its type asks for: %v", err)
	}
	_, err := s.Volume.CreateType(admin, cloud.VolumeType{Name: "anywhere", Public: true})
	ok(err)
	ok(retype("anywhere", false))
	ok(s.Volume.Migrate(admin, volume.MigrateRequest{ID: v.ID, Host: "host-1", Pool: config.DefaultBackend, Lock: true}))
	lies(config.DefaultBackend, cloud.VolumeMoved)
}
