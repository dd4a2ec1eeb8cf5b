package identity

import (
	"context"
	"crypto/rand"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// SignedKey is what an application signs with, as it is told once: the id of what was made for it and its secret.
type SignedKey[ID ~string] struct {
	ID     ID
	Secret string
}

// sealedKey makes a new id and a secret for it, sealed.
func sealedKey[ID ~string](ctx context.Context, s *Service) (key SignedKey[ID], sealed []byte, err error) {
	key = SignedKey[ID]{ID: ID(cloud.NewHexID()), Secret: rand.Text()}
	sealed, err = s.Seal(ctx, string(key.ID), key.Secret)
	return key, sealed, err
}

const descriptionMax = 64 << 10

func checkApplication(a *cloud.Application) error {
	if len(a.Description) > descriptionMax {
		return cloud.Invalidf("application", "description", "A description has %d bytes at most.", descriptionMax)
	}
	return nil
}

// CreateApplication makes an application known. Its secret is told this once.
func (s *Service) CreateApplication(ctx context.Context, a cloud.Application) (*cloud.Application, string, error) {
	if err := policy.Authorize(ctx, "application.manage", policy.Target{}); err != nil {
		return nil, "", err
	}
	if err := checkApplication(&a); err != nil {
		return nil, "", err
	}
	key, sealed, err := sealedKey[cloud.ApplicationID](ctx, s)
	if err != nil {
		return nil, "", err
	}
	a.ID, a.Sealed = key.ID, sealed
	return &a, key.Secret, s.Applications.Insert(ctx, &a)
}

// Application answers one.
func (s *Service) Application(ctx context.Context, id cloud.ApplicationID) (*cloud.Application, error) {
	if err := policy.Authorize(ctx, "application.get", policy.Target{}); err != nil {
		return nil, err
	}
	return s.Applications.Get(ctx, id)
}

// ListApplications lists all.
func (s *Service) ListApplications(ctx context.Context, f Filter) ([]*cloud.Application, error) {
	if err := policy.Authorize(ctx, "application.get", policy.Target{}); err != nil {
		return nil, err
	}
	return s.Applications.List(ctx, cloud.Query{After: f.Marker, Limit: f.Limit})
}

// UpdateApplication describes one anew; nil leaves it as it is.
func (s *Service) UpdateApplication(ctx context.Context, id cloud.ApplicationID, description *string) (a *cloud.Application, err error) {
	if err := policy.Authorize(ctx, "application.manage", policy.Target{}); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if a, err = s.Applications.Get(ctx, id); err != nil {
			return err
		}
		set(&a.Description, description)
		if err := checkApplication(a); err != nil {
			return err
		}
		return s.Applications.Update(ctx, a)
	})
	return a, err
}

// DeleteApplication removes one with all that users let it do; its tokens become void.
func (s *Service) DeleteApplication(ctx context.Context, id cloud.ApplicationID) error {
	if err := policy.Authorize(ctx, "application.manage", policy.Target{}); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.dropDelegations(ctx, cloud.Eq("application_id", id)); err != nil {
			return err
		}
		return s.Applications.Delete(ctx, id)
	})
}
