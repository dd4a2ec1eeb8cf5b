package testcloud_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// TestTemplates proves that versions are numbered once and for all, that the default one stays, and that another project sees nothing.
func TestTemplates(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	n, other, s := c.Tenant(t), c.Tenant(t), c.Services().Compute
	made, err := s.CreateTemplate(n.Context(), "web", nil, cloud.TemplateVersion{Dialect: "x", Body: []byte("one")})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(want cloud.Kind, what string, err error) {
		t.Helper()
		if !cloud.Is(err, want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	_, err = s.CreateTemplate(n.Context(), "web", nil, cloud.TemplateVersion{})
	refused(cloud.AlreadyExists, "a second one of that name", err)
	for range 2 {
		if made, err = s.AddTemplateVersion(n.Context(), made.ID, cloud.TemplateVersion{Dialect: "x", Body: []byte("more")}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.DeleteTemplateVersion(n.Context(), made.ID, 1)
	refused(cloud.WrongState, "the default version deleted", err)
	if _, err = s.DeleteTemplateVersion(n.Context(), made.ID, 3); err != nil {
		t.Fatal(err)
	}
	_, err = s.DefaultTemplateVersion(n.Context(), made.ID, 3)
	refused(cloud.NotFound, "a deleted version as the default", err)
	if made, err = s.AddTemplateVersion(n.Context(), made.ID, cloud.TemplateVersion{}); err != nil || made.Latest != 4 || len(made.Versions) != 3 {
		t.Errorf("after deleting and adding: %+v, %v", made, err)
	}
	refused(cloud.NotFound, "another project's template", s.DeleteTemplate(other.Context(), made.ID))
	found, err := s.ListTemplates(n.Context(), cloud.Where(cloud.Eq("short_id", cloud.ShortID(made.ID))))
	if err != nil || len(found) != 1 {
		t.Errorf("by its short id: %d, %v", len(found), err)
	}
	if err := s.DeleteTemplate(n.Context(), made.ID); err != nil {
		t.Error(err)
	}
}
