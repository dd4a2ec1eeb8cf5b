package identity

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Secret is a stored secret with its text opened.
type Secret struct {
	cloud.Secret
	Text string
}

// SecretFilter selects secrets; what is empty selects all.
type SecretFilter struct {
	User   cloud.UserID
	Type   string
	Limit  int
	Marker string
}

// SecretChange is what an update sets; nil stays.
type SecretChange struct {
	User       *cloud.UserID
	Project    *cloud.ProjectID
	Type, Text *string
}

// secretTextMax bounds a secret in bytes: room for a certificate with its chain.
const secretTextMax = 64 << 10

func secretTarget(user cloud.UserID) policy.Target {
	return policy.Target{Resource: "secret", UserID: user}
}

// CreateSecret keeps a secret for a user. An id of the caller's own, if it names one, exists once: AlreadyExists.
func (s *Service) CreateSecret(ctx context.Context, v Secret) (*Secret, error) {
	if err := policy.Authorize(ctx, "secret.manage", secretTarget(v.UserID)); err != nil {
		return nil, err
	}
	if v.ID == "" {
		v.ID = cloud.SecretID(cloud.NewHexID())
	}
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.prepareSecret(ctx, &v); err != nil {
			return err
		}
		return s.Secrets.Insert(ctx, &v.Secret)
	})
	return &v, err
}

// prepareSecret checks a secret and seals its text.
func (s *Service) prepareSecret(ctx context.Context, v *Secret) error {
	if err := validName("credential", v.Type, nameMax); err != nil {
		return cloud.Invalidf("credential", "type", "A credential needs a type of %d characters at most.", nameMax)
	}
	if v.Text == "" || len(v.Text) > secretTextMax {
		return cloud.Invalidf("credential", "blob", "A credential needs a blob of %d bytes at most.", secretTextMax)
	}
	err := s.secretOwners(ctx, v)
	if err == nil {
		v.Sealed, err = s.Seal(ctx, string(v.ID), v.Text)
	}
	return err
}

// secretOwners checks that the user and the project exist.
func (s *Service) secretOwners(ctx context.Context, v *Secret) error {
	if _, err := s.Users.Get(ctx, v.UserID); err != nil {
		return err
	}
	if v.ProjectID == "" {
		return nil
	}
	_, err := s.Projects.Get(ctx, v.ProjectID)
	return err
}

// Secret answers one secret.
func (s *Service) Secret(ctx context.Context, id cloud.SecretID) (*Secret, error) {
	v, err := s.secretFor(ctx, "secret.get", id)
	if err != nil {
		return nil, err
	}
	return s.openSecret(ctx, v)
}

// SecretOf answers a user's secret of one type. What is another user's does not exist there.
func (s *Service) SecretOf(ctx context.Context, user cloud.UserID, kind string, id cloud.SecretID) (*Secret, error) {
	if err := policy.Authorize(ctx, "secret.get", secretTarget(user)); err != nil {
		return nil, err
	}
	v, err := s.Secrets.Get(ctx, id)
	if err == nil && (v.UserID != user || v.Type != kind) {
		err = cloud.NotFoundf("credential", string(id))
	}
	if err != nil {
		return nil, err
	}
	return s.openSecret(ctx, v)
}

func (s *Service) secretFor(ctx context.Context, a policy.Action, id cloud.SecretID) (*cloud.Secret, error) {
	v, err := s.Secrets.Get(ctx, id)
	var owner cloud.UserID
	if err == nil {
		owner = v.UserID
	}
	return v, allow(ctx, a, secretTarget(owner), err)
}

func (s *Service) openSecret(ctx context.Context, v *cloud.Secret) (*Secret, error) {
	opened, err := s.openSecrets(ctx, []*cloud.Secret{v})
	if err != nil {
		return nil, err
	}
	return opened[0], nil
}

func (s *Service) openSecrets(ctx context.Context, list []*cloud.Secret) ([]*Secret, error) {
	b, err := s.box(ctx)
	if err != nil {
		return nil, err
	}
	opened := make([]*Secret, len(list))
	for i, v := range list {
		opened[i] = &Secret{Secret: *v}
		if opened[i].Text, err = b.open(string(v.ID), v.Sealed); err != nil {
			return nil, err
		}
	}
	return opened, nil
}

// SecretsOf lists a user's secrets of one type. Another user's are Forbidden.
func (s *Service) SecretsOf(ctx context.Context, user cloud.UserID, kind string) ([]*Secret, error) {
	if err := policy.Authorize(ctx, "secret.get", secretTarget(user)); err != nil {
		return nil, err
	}
	return s.ListSecrets(ctx, SecretFilter{User: user, Type: kind})
}

// ListSecrets lists the secrets that the caller may read: its own, or everybody's.
func (s *Service) ListSecrets(ctx context.Context, f SecretFilter) ([]*Secret, error) {
	var where []cloud.Cond
	if !policy.May(ctx, "secret.list", policy.Target{}) {
		where = append(where, cloud.Eq("user_id", cloud.PrincipalOf(ctx).UserID))
	}
	if f.User != "" {
		where = append(where, cloud.Eq("user_id", f.User))
	}
	if f.Type != "" {
		where = append(where, cloud.Eq("type", f.Type))
	}
	list, err := s.Secrets.List(ctx, cloud.Query{Where: where, After: f.Marker, Limit: f.Limit})
	if err != nil {
		return nil, err
	}
	return s.openSecrets(ctx, list)
}

// UpdateSecret changes a secret. Who gives it to another user must be allowed both.
func (s *Service) UpdateSecret(ctx context.Context, id cloud.SecretID, c SecretChange) (v *Secret, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.secretFor(ctx, "secret.manage", id); err != nil {
			return err
		}
		if v, err = s.Secret(ctx, id); err != nil {
			return err
		}
		set(&v.UserID, c.User)
		set(&v.ProjectID, c.Project)
		set(&v.Type, c.Type)
		set(&v.Text, c.Text)
		if err := policy.Authorize(ctx, "secret.manage", secretTarget(v.UserID)); err != nil {
			return err
		}
		if err := s.prepareSecret(ctx, v); err != nil {
			return err
		}
		if err := s.revoke(ctx, cause{kind: voidSecret, id: string(id)}); err != nil {
			return err
		}
		return s.Secrets.Update(ctx, &v.Secret)
	})
	return v, err
}

// DeleteSecret removes a secret.
func (s *Service) DeleteSecret(ctx context.Context, id cloud.SecretID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.secretFor(ctx, "secret.manage", id); err != nil {
			return err
		}
		return s.removeSecret(ctx, id)
	})
}

// removeSecret voids what rests on a secret.
func (s *Service) removeSecret(ctx context.Context, id cloud.SecretID) error {
	if err := s.revoke(ctx, cause{kind: voidSecret, id: string(id)}); err != nil {
		return err
	}
	return s.Secrets.Delete(ctx, id)
}

// dropSecrets is for a user or project that is going away.
func (s *Service) dropSecrets(ctx context.Context, where cloud.Cond) error {
	list, err := s.Secrets.List(ctx, cloud.Where(where))
	return each(list, err, func(v *cloud.Secret) error { return s.removeSecret(ctx, v.ID) })
}
