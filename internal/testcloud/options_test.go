package testcloud_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// TestProtectedInstances: what is protected is neither deleted nor stopped by request, until its owner says otherwise.
func TestProtectedInstances(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	n := c.Tenant(t)
	s := &stage{t: t, c: c, n: n}
	r := n.Request("kept")
	r.Options.DeleteProtected = true
	in := n.Create(r)
	refused := func(err error) {
		t.Helper()
		if e, _ := cloud.AsError(err); e == nil || e.Kind != cloud.WrongState || e.Resource != "protected instance" {
			t.Fatalf("got %v", err)
		}
	}
	change := func(o compute.OptionChange) {
		t.Helper()
		_, err := s.compute().ChangeOptions(n.Context(), in.ID, o)
		s.must(err)
	}
	yes, no := true, false
	refused(s.compute().DeleteInstance(n.Context(), in.ID))
	s.done(s.compute().StopInstance(n.Context(), in.ID))
	s.done(s.compute().StartInstance(n.Context(), in.ID))

	change(compute.OptionChange{DeleteProtected: &no, StopProtected: &yes})
	refused(s.compute().DeleteInstance(n.Context(), in.ID))
	for _, stop := range []error{s.compute().StopInstance(n.Context(), in.ID), s.compute().SuspendInstance(n.Context(), in.ID), s.compute().ShelveInstance(n.Context(), in.ID)} {
		refused(stop)
	}
	s.done(s.compute().RebootInstance(n.Context(), in.ID, true))
	c.PowerOff(in.ID)
	testcloud.Eventually(t, "the guest that powered itself off is stopped", func() bool { return c.Instance(t, in.ID).Power == cloud.PowerOff })
	s.done(s.compute().StartInstance(n.Context(), in.ID))

	change(compute.OptionChange{StopProtected: &no})
	s.must(s.compute().DeleteInstance(n.Context(), in.ID))
	c.Settle(t)
}

// TestGuestsThatEndTheirInstance: one whose owner wants it is deleted when it powers itself off, also if nobody watched, and protection
// against requests is no protection against that. One that is stopped by request stays.
func TestGuestsThatEndTheirInstance(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	n := c.Tenant(t)
	s := &stage{t: t, c: c, n: n}
	r := n.Request("brief")
	r.Options = cloud.InstanceOptions{DeleteOnShutdown: true, DeleteProtected: true}
	watched, unwatched, stopped := n.Create(r), n.Create(r), n.Create(r)
	gone := func(id cloud.InstanceID) func() bool {
		return func() bool { _, err := c.Store.Instances.Get(c.Admin(), id); return cloud.Is(err, cloud.NotFound) }
	}
	c.PowerOff(watched.ID)
	testcloud.Eventually(t, "the instance is deleted", gone(watched.ID))
	s.done(s.compute().StopInstance(n.Context(), stopped.ID))
	c.Kill()
	c.PowerOff(unwatched.ID)
	c.Start()
	testcloud.Eventually(t, "the instance that ended while nobody watched is deleted", gone(unwatched.ID))
	c.Settle(t)
	if in := c.Instance(t, stopped.ID); in.Power != cloud.PowerOff || in.Phase != cloud.PhaseReady {
		t.Errorf("the stopped instance is %s, %s", in.Phase, in.Power)
	}
	no := false
	_, err := s.compute().ChangeOptions(n.Context(), stopped.ID, compute.OptionChange{DeleteProtected: &no})
	s.must(err)
}

// TestMetadataOptions: how a guest may read about itself is pending until its host knows.
func TestMetadataOptions(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	n := c.Tenant(t)
	in := n.Create(n.Request("reads"))
	yes, hops, many := true, 2, 65
	got, err := c.Services().Compute.ChangeOptions(n.Context(), in.ID, compute.OptionChange{MetadataTokens: &yes, MetadataHops: &hops})
	if err != nil || !got.Options.Metadata.Pending || !got.Options.Metadata.TokensRequired || got.Options.Metadata.HopLimit != 2 {
		t.Fatalf("%v: %+v", err, got.Options)
	}
	testcloud.Eventually(t, "the host has the options", func() bool { return !c.Instance(t, in.ID).Options.Metadata.Pending })
	if _, err := c.Services().Compute.ChangeOptions(n.Context(), in.ID, compute.OptionChange{MetadataHops: &many}); !cloud.Is(err, cloud.Invalid) {
		t.Errorf("%d hops: %v", many, err)
	}
	stranger := c.As(&cloud.Principal{UserID: "x", ProjectID: "x", Roles: []string{"member"}})
	if _, err := c.Services().Compute.ChangeOptions(stranger, in.ID, compute.OptionChange{}); !cloud.Is(err, cloud.NotFound) && !cloud.Is(err, cloud.Forbidden) {
		t.Errorf("a stranger: %v", err)
	}
}
