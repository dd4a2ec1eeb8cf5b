package identity

import (
	"context"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// UserChange is what an update sets; nil stays. An empty password takes it away.
type UserChange struct {
	Name, Description, Email *string
	Enabled                  *bool
	DefaultProjectID         *cloud.ProjectID
	Password                 *string
	Federated                *[]cloud.FederatedID
	Options, Extra           map[string]any
}

func (c UserChange) apply(u *cloud.User) {
	set(&u.Name, c.Name)
	set(&u.Description, c.Description)
	set(&u.Email, c.Email)
	set(&u.Enabled, c.Enabled)
	set(&u.DefaultProjectID, c.DefaultProjectID)
	set(&u.Federated, c.Federated)
	u.Options, u.Extra = mergedOptions(u.Options, c.Options), merged(u.Extra, c.Extra)
}

func userTarget(u *cloud.User) policy.Target {
	if u == nil {
		return policy.Target{Resource: "user"}
	}
	return policy.Target{Resource: "user", UserID: u.ID, DomainID: u.DomainID}
}

// missingUser is the target of an id that names no user: callers may be told about
// nobody but themselves.
func missingUser(id cloud.UserID) policy.Target {
	return policy.Target{Resource: "user", UserID: id}
}

// CreateUser makes a user from u, who can sign in with the password if there is one.
func (s *Service) CreateUser(ctx context.Context, u cloud.User, password string) (*cloud.User, error) {
	if u.DomainID == "" {
		u.DomainID = callersDomain(ctx)
	}
	if err := policy.Authorize(ctx, "user.manage", policy.Target{Resource: "user", DomainID: u.DomainID}); err != nil {
		return nil, err
	}
	if err := validName("user", u.Name, nameMax); err != nil {
		return nil, err
	}
	if u.ID == "" {
		u.ID = cloud.UserID(cloud.NewHexID())
	}
	if err := checkOptions("user", u.Options, userOptions); err != nil {
		return nil, err
	}
	hash, err := s.chosenHash(ctx, password)
	if err != nil {
		return nil, err
	}
	s.setPassword(&u, hash)
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.Domains.Get(ctx, u.DomainID); err != nil {
			return err
		}
		if err := s.checkFederated(ctx, &u); err != nil {
			return err
		}
		return s.Users.Insert(ctx, &u)
	})
	return &u, err
}

// User answers one user.
func (s *Service) User(ctx context.Context, id cloud.UserID) (*cloud.User, error) {
	u, err := s.Users.Get(ctx, id)
	if err != nil {
		return nil, allow(ctx, "user.get", missingUser(id), err)
	}
	return u, allow(ctx, "user.get", userTarget(u), nil)
}

// ListUsers lists users that the caller may read.
func (s *Service) ListUsers(ctx context.Context, f Filter, expires ...func(*time.Time) bool) ([]*cloud.User, error) {
	var err error
	if f.DomainID, err = listDomain(ctx, "user.list", f.DomainID); err != nil {
		return nil, err
	}
	var where []cloud.Cond
	if f.Known.ProviderID != "" {
		where = append(where, cloud.Eq("federated", cloud.ProviderKey(f.Known.ProviderID)))
	}
	return s.Users.List(ctx, f.query(where...), func(u *cloud.User) bool {
		if f.Known != (cloud.FederatedID{}) && !slices.ContainsFunc(u.Federated, covers(f.Known)) {
			return false
		}
		for _, ok := range expires {
			if !ok(PasswordExpiry(u)) {
				return false
			}
		}
		return f.texts(u.Name, u.Description)
	})
}

// UpdateUser changes a user. A new password and disabling void all tokens of the user.
func (s *Service) UpdateUser(ctx context.Context, id cloud.UserID, c UserChange) (u *cloud.User, err error) {
	var hash *cloud.PasswordHash
	if c.Password != nil {
		// Hashing takes long: not inside the transaction, and not for those who may not.
		if u, err = s.Users.Get(ctx, id); err != nil || !policy.May(ctx, "user.manage", userTarget(u)) {
			return nil, allow(ctx, "user.manage", userTarget(u), err)
		}
		if hash, err = s.chosenHash(ctx, *c.Password); err != nil {
			return nil, err
		}
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		u, err = s.Users.Get(ctx, id)
		if err := allow(ctx, "user.manage", userTarget(u), err); err != nil {
			return err
		}
		if err := checkOptions("user", c.Options, userOptions); err != nil {
			return err
		}
		was := u.Enabled
		c.apply(u)
		if c.Password != nil && hash == nil {
			u.Passwords = nil
		}
		s.setPassword(u, hash)
		if err := validName("user", u.Name, nameMax); err != nil {
			return err
		}
		if c.Federated != nil {
			if err := s.checkFederated(ctx, u); err != nil {
				return err
			}
		}
		if c.Password != nil || was && !u.Enabled {
			if err := s.revokeUser(ctx, u); err != nil {
				return err
			}
		}
		return s.Users.Update(ctx, u)
	})
	return u, err
}

func (s *Service) revokeUser(ctx context.Context, u *cloud.User) error {
	u.TokensAfter = s.now()
	return s.revoke(ctx, cause{kind: voidUser, id: string(u.ID)})
}

// DeleteUser removes a user, the roles and credentials it has, and its places in groups.
func (s *Service) DeleteUser(ctx context.Context, id cloud.UserID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		u, err := s.Users.Get(ctx, id)
		if err := allow(ctx, "user.manage", userTarget(u), err); err != nil {
			return err
		}
		return s.removeUser(ctx, u)
	})
}

func (s *Service) removeUser(ctx context.Context, u *cloud.User) error {
	if err := s.dropAssignments(ctx, cloud.Eq("user_id", u.ID)); err != nil {
		return err
	}
	if err := s.dropCredentials(ctx, cloud.Eq("user_id", u.ID)); err != nil {
		return err
	}
	if err := s.dropSecrets(ctx, cloud.Eq("user_id", u.ID)); err != nil {
		return err
	}
	if err := s.dropDelegations(ctx, cloud.Eq("user_id", u.ID)); err != nil {
		return err
	}
	for _, side := range []string{"trustor_id", "trustee_id"} {
		if err := s.dropTrusts(ctx, cloud.Eq(side, u.ID)); err != nil {
			return err
		}
	}
	if err := s.dropStandings(ctx, cloud.Eq("user_id", u.ID)); err != nil {
		return err
	}
	groups, err := s.groupsOf(ctx, u.ID)
	err = each(groups, err, func(g *cloud.Group) error {
		g.Members = without(g.Members, u.ID)
		return s.Groups.Update(ctx, g)
	})
	if err != nil {
		return err
	}
	if err := s.revoke(ctx, cause{kind: voidUser, id: string(u.ID)}); err != nil {
		return err
	}
	if err := s.forgetAccessRules(ctx, u.ID); err != nil {
		return err
	}
	return s.Users.Delete(ctx, u.ID)
}
