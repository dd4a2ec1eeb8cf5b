package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Web fetches what operators name by URL; webfetch.Fetcher is one. What it fails with is the URL's fault.
type Web interface {
	Fetch(ctx context.Context, uri string) (io.ReadCloser, int64, error)
}

// metadataPause is how old metadata from a URL gets before it is fetched again.
const metadataPause = 6 * time.Hour

// fetchSource fetches metadata that is named by a URL.
func (s *Service) fetchSource(ctx context.Context, source *cloud.SAMLSource) error {
	if source == nil || source.URL == "" {
		return nil
	}
	if source.Metadata != "" || source.Feed != "" {
		return cloud.Invalidf("identity provider", "metadata_url", "SAML needs one of metadata, metadata_url and feed.")
	}
	text, err := s.fetchMetadata(ctx, source.URL)
	if err != nil {
		return cloud.Invalidf("identity provider", "metadata_url", "The metadata cannot be fetched from %s: %v", source.URL, err)
	}
	source.Metadata, source.FetchedAt = text, s.now().Truncate(time.Second)
	return nil
}

func (s *Service) fetchMetadata(ctx context.Context, uri string) (string, error) {
	if s.Web == nil {
		return "", errors.New("this cloud fetches nothing")
	}
	from, _, err := s.Web.Fetch(ctx, uri)
	if err != nil {
		return "", err
	}
	defer from.Close()
	text, err := io.ReadAll(io.LimitReader(from, metadataMax+1))
	return string(text), err
}

// refreshMetadata fetches metadata that is getting old. What cannot be fetched or read, or is of another entity, leaves what is
// there: keys that were trusted stay so.
func (s *Service) refreshMetadata(ctx context.Context) error {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	list, err := s.Providers.List(ctx, cloud.Query{}, func(p *cloud.IdentityProvider) bool {
		return p.SAML != nil && p.SAML.URL != "" && s.now().Sub(p.SAML.FetchedAt) > metadataPause
	})
	for _, p := range list {
		if err := s.refreshOne(ctx, p); err != nil {
			s.Log.Error("a SAML provider's metadata cannot be renewed; what is there stays in use", "provider", p.ID, "url", p.SAML.URL, "error", err)
		}
	}
	return err
}

func (s *Service) refreshOne(ctx context.Context, p *cloud.IdentityProvider) error {
	source := cloud.SAMLSource{URL: p.SAML.URL}
	if err := s.fetchSource(ctx, &source); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		fresh, err := s.Providers.Get(ctx, p.ID)
		if err != nil || fresh.SAML == nil || fresh.SAML.URL != source.URL {
			return ignoreMissing(err)
		}
		was := fresh.SAML.EntityID
		if err := s.setSAML(fresh, &source); err != nil {
			return err
		}
		if fresh.SAML.EntityID != was {
			return fmt.Errorf("it is of %s now, and was of %s", fresh.SAML.EntityID, was)
		}
		return s.Providers.Update(ctx, fresh)
	})
}
