package quota_test

import (
	"context"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/store"
)

func TestLimitsKeptElsewhereComeFirstAndAreReadForTheirResourcesOnly(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite::memory:", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, read := quota.New(db.Quotas, db), 0
	s.KeptElsewhere([]string{cloud.QuotaImages}, func(context.Context, cloud.ProjectID) (map[string]int64, error) {
		read++
		return map[string]int64{cloud.QuotaImages: 1}, nil
	})
	reserve := func(add map[string]int64) error {
		return db.Update(t.Context(), func(ctx context.Context) error { return s.Reserve(ctx, "p", add) })
	}
	if err := reserve(map[string]int64{cloud.QuotaInstances: 2}); err != nil || read != 0 {
		t.Errorf("instances: %v; other limits were read %d times", err, read)
	}
	if err := reserve(map[string]int64{cloud.QuotaInstances: 1, cloud.QuotaImages: 2}); !cloud.Is(err, cloud.QuotaExceeded) || read != 1 {
		t.Errorf("images: %v; other limits were read %d times", err, read)
	}
	limits, err := s.Limits(t.Context(), "p")
	if err != nil || limits[cloud.QuotaImages] != 1 || limits[cloud.QuotaInstances] != cloud.DefaultLimits[cloud.QuotaInstances] {
		t.Errorf("limits are %v (%v)", limits, err)
	}
}
