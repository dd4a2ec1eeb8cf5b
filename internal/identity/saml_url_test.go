package identity

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/saml/samltest"
)

// page is what is published at the only address there is.
type page struct {
	text  string
	asked int
}

func (p *page) Fetch(_ context.Context, uri string) (io.ReadCloser, int64, error) {
	p.asked++
	if uri != "https://campus.example/metadata" || p.text == "" {
		return nil, 0, errors.New("nothing is there")
	}
	return io.NopCloser(strings.NewReader(p.text)), int64(len(p.text)), nil
}

// Metadata that is named by a URL is fetched when it is put and again when it gets old; what comes then counts only if it is
// of the same entity.
func TestMetadataByURL(t *testing.T) {
	w := newWorld(t, Options{})
	first := samltest.New(t, "https://campus.example/idp", samltest.RSA())
	renewed := samltest.New(t, "https://campus.example/idp", samltest.Other())
	other := samltest.New(t, "https://evil.example/idp", samltest.Other())
	web := &page{text: string(first.Metadata())}
	w.Web = web
	put := func(url string) error {
		_, err := w.CreateProvider(w.admin, cloud.IdentityProvider{ID: "campus", Enabled: true, SAML: &cloud.SAMLSource{URL: url}}, nil)
		return err
	}
	w.wants(cloud.Invalid, put("https://campus.example/nothing"))
	w.ok(put("https://campus.example/metadata"))
	holds := func() string {
		return must[*cloud.IdentityProvider](t)(w.Provider(w.admin, "campus")).SAML.Metadata
	}
	for _, step := range []struct{ publish, want string }{
		{"", string(first.Metadata())},
		{"<x/>", string(first.Metadata())},
		{string(other.Metadata()), string(first.Metadata())},
		{string(renewed.Metadata()), string(renewed.Metadata())},
	} {
		web.text = step.publish
		w.clock.pass(7 * time.Hour)
		w.ok(w.refreshMetadata(context.Background()))
		if holds() != step.want {
			t.Errorf("with %.40q published, the metadata is %.200q", step.publish, holds())
		}
	}
	asked := web.asked
	w.ok(w.refreshMetadata(context.Background()))
	if web.asked != asked {
		t.Error("asked again at once")
	}
	stranger := cloud.WithPrincipal(context.Background(), &cloud.Principal{UserID: "u", ProjectID: "p", Roles: []string{RoleMember}})
	source := &cloud.SAMLSource{URL: "https://campus.example/metadata"}
	_, err := w.UpdateProvider(stranger, "campus", ProviderChange{SAML: &source})
	w.wants(cloud.Forbidden, err)
	if web.asked != asked {
		t.Error("a stranger has this cloud fetch things")
	}
}
