package compute

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// keyLifetime is how long a request may be repeated with its key.
const keyLifetime = 24 * time.Hour

// once runs create the first time a key is seen in a project, and answers the same instances
// every other time. The same key with another request is refused.
func (s *Service) once(ctx context.Context, r CreateRequest, create func(context.Context) ([]*cloud.Instance, error)) ([]*cloud.Instance, error) {
	if r.Key == "" {
		return create(ctx)
	}
	id := string(cloud.PrincipalOf(ctx).ProjectID) + "/instance.create/" + r.Key
	if err := s.Tx.Lock(ctx, id); err != nil {
		return nil, err
	}
	print, err := fingerprint(r)
	if err != nil {
		return nil, err
	}
	seen, err := s.Idempotencies.Get(ctx, id)
	switch {
	case err == nil && seen.ExpiresAt.After(s.Now()):
		return s.again(ctx, seen, print)
	case err == nil:
		err = s.Idempotencies.Delete(ctx, id)
	case gone(err):
		err = nil
	}
	if err != nil {
		return nil, err
	}
	made, err := create(ctx)
	if err != nil {
		return nil, err
	}
	row := &cloud.Idempotency{ID: id, Fingerprint: print, ExpiresAt: s.Now().Add(keyLifetime)}
	for _, in := range made {
		row.ResourceIDs = append(row.ResourceIDs, string(in.ID))
	}
	return made, s.Idempotencies.Insert(ctx, row)
}

func (s *Service) again(ctx context.Context, seen *cloud.Idempotency, print string) ([]*cloud.Instance, error) {
	if seen.Fingerprint != print {
		return nil, cloud.Errorf(cloud.AlreadyExists, resource, "", "The idempotency key was used before with another request.")
	}
	return s.Instances.List(ctx, cloud.Where(cloud.In("id", seen.ResourceIDs)))
}

func fingerprint(r CreateRequest) (string, error) {
	r.Key = ""
	b, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
