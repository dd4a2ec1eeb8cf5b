package testcloud_test

import (
	"context"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// The limits of a project go with it.
func TestLimitsGoWithTheProject(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{Hosts: 1})
	s := c.Services()
	p, err := s.Identity.CreateProject(c.Admin(), cloud.Project{Name: "short-lived", DomainID: "default"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Quota.Set(c.Admin(), cloud.QuotaID(p.ID), map[string]int64{"instances": 3}); err != nil {
		t.Fatal(err)
	}
	if err := s.Identity.DeleteProject(c.Admin(), p.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Store.Quotas.Get(context.Background(), cloud.QuotaID(p.ID)); !cloud.Is(err, cloud.NotFound) {
		t.Errorf("its limits are still there: %v", err)
	}
}
