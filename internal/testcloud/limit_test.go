package testcloud_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/identity"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// TestLimitsOfImages proves that a project's limits which identity keeps bound its images, and nothing else.
func TestLimitsOfImages(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	admin, services := c.Admin(), c.Services()
	project, err := services.Identity.CreateProject(admin, cloud.Project{Name: "bounded", DomainID: "default"})
	if err != nil {
		t.Fatal(err)
	}
	n := c.TenantOf(t, project.ID, "somebody")
	registered, err := services.Identity.ListRegisteredLimits(admin, identity.LimitFilter{LimitSubject: cloud.LimitSubject{Resource: "image_count_total"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range registered {
		limit := &cloud.Limit{LimitSubject: r.LimitSubject, ProjectID: project.ID, Value: 1} // the tenant has one already
		if err := services.Identity.CreateLimits(admin, []*cloud.Limit{limit}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := services.Image.Create(n.Context(), image.CreateRequest{Name: "one too many", Format: "raw", Container: "bare"}); !cloud.Is(err, cloud.QuotaExceeded) {
		t.Errorf("an image beyond the limit: %v", err)
	}
	n.Volume(1)
}
