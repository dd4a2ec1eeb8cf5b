package testcloud_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// TestGrowIsTold proves that a disk that grew under a guest is in the guest's history, and that one which nobody has is in none.
func TestGrowIsTold(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	n := c.Tenant(t)
	in, v := n.Create(n.Request("i")), n.Volume(1)
	c.Settle(t)
	grow := func(size int) {
		t.Helper()
		if err := c.Services().Volume.Grow(n.Context(), v.ID, size); err != nil {
			t.Fatal(err)
		}
		c.Settle(t)
	}
	told := func() (kinds []string) {
		t.Helper()
		history, err := c.Services().Compute.ListActions(n.Context(), in.ID, cloud.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range history {
			kinds = append(kinds, op.Kind)
		}
		return kinds
	}
	grow(2)
	if k := told(); len(k) != 1 {
		t.Errorf("before the volume is attached the history is %v", k)
	}
	if _, err := c.Services().Compute.AttachVolume(n.Context(), in.ID, compute.AttachRequest{Volume: v.ID}); err != nil {
		t.Fatal(err)
	}
	c.Settle(t)
	grow(3)
	if k := told(); len(k) != 3 || k[0] != "volume.grow" {
		t.Errorf("after it has grown the history is %v", k)
	}
}
