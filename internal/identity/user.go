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
	Options, Extra           map[string]any
}

func (c UserChange) apply(u *cloud.User) {
	set(&u.Name, c.Name)
	set(&u.Description, c.Description)
	set(&u.Email, c.Email)
	set(&u.Enabled, c.Enabled)
	set(&u.DefaultProjectID, c.DefaultProjectID)
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
	hash, err := s.newHash(ctx, password)
	if err != nil {
		return nil, err
	}
	s.pushPassword(&u, hash)
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.domainExists(ctx, "user", u.DomainID); err != nil {
			return err
		}
		return s.Users.Insert(ctx, &u)
	})
	return &u, err
}

// newHash hashes a new password; none for an empty one.
func (s *Service) newHash(ctx context.Context, password string) (*cloud.PasswordHash, error) {
	if password == "" {
		return nil, nil
	}
	if len(password) > passwordMax {
		return nil, cloud.Invalidf("user", "password", "A password may have %d bytes at most.", passwordMax)
	}
	text, err := s.hasher.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	h := &cloud.PasswordHash{Hash: text, CreatedAt: s.now()}
	if s.Options.PasswordLifetime > 0 {
		expires := h.CreatedAt.Add(s.Options.PasswordLifetime)
		h.ExpiresAt = &expires
	}
	return h, nil
}

// pushPassword puts a hash before the older ones and keeps as many as history needs.
func (s *Service) pushPassword(u *cloud.User, h *cloud.PasswordHash) {
	if h == nil {
		return
	}
	u.Passwords = slices.Insert(slices.Clone(u.Passwords), 0, *h)
	u.Passwords = u.Passwords[:min(len(u.Passwords), max(1, s.Options.UniquePasswords))]
	u.FailedCount, u.FailedAt = 0, nil
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
	return s.Users.List(ctx, f.query(), func(u *cloud.User) bool {
		for _, ok := range expires {
			if !ok(PasswordExpiry(u)) {
				return false
			}
		}
		return f.texts(u.Name, u.Description)
	})
}

// PasswordExpiry is when the user's password ends; nil: never.
func PasswordExpiry(u *cloud.User) *time.Time {
	if len(u.Passwords) == 0 || option(u, "ignore_password_expiry") {
		return nil
	}
	return u.Passwords[0].ExpiresAt
}

// UpdateUser changes a user. A new password and disabling void all tokens of the user.
func (s *Service) UpdateUser(ctx context.Context, id cloud.UserID, c UserChange) (u *cloud.User, err error) {
	var hash *cloud.PasswordHash
	if c.Password != nil {
		// Hashing takes long: not inside the transaction, and not for those who may not.
		if u, err = s.Users.Get(ctx, id); err != nil || !policy.May(ctx, "user.manage", userTarget(u)) {
			return nil, allow(ctx, "user.manage", userTarget(u), err)
		}
		if hash, err = s.newHash(ctx, *c.Password); err != nil {
			return nil, err
		}
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		u, err = s.Users.Get(ctx, id)
		if err := allow(ctx, "user.manage", userTarget(u), err); err != nil {
			return err
		}
		was := u.Enabled
		c.apply(u)
		if c.Password != nil && hash == nil {
			u.Passwords = nil
		}
		s.pushPassword(u, hash)
		if err := validName("user", u.Name, nameMax); err != nil {
			return err
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

// ChangePassword is a user's own change; the old password is the proof, no token is needed. It voids all tokens of
// the user.
func (s *Service) ChangePassword(ctx context.Context, id cloud.UserID, old, password string) error {
	u, err := s.checkPassword(ctx, UserRef{ID: id}, old)
	if err != nil {
		return err
	}
	if !u.Enabled {
		return refused()
	}
	if err := s.checkNewPassword(ctx, u, password); err != nil {
		return err
	}
	hash, err := s.newHash(ctx, password)
	if err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		fresh, err := s.Users.Get(ctx, id)
		if err != nil {
			return refusedIfMissing(err)
		}
		if len(fresh.Passwords) == 0 || fresh.Passwords[0].Hash != u.Passwords[0].Hash {
			return refused() // changed meanwhile: the old one is no proof any more
		}
		s.pushPassword(fresh, hash)
		if err := s.revokeUser(ctx, fresh); err != nil {
			return err
		}
		return s.Users.Update(ctx, fresh)
	})
}

func (s *Service) checkNewPassword(ctx context.Context, u *cloud.User, password string) error {
	if password == "" {
		return cloud.Invalidf("user", "password", "Invalid input for field 'password': it must not be empty.")
	}
	if option(u, "lock_password") {
		return cloud.Invalidf("user", "password", "This user's password cannot be changed by the user.")
	}
	for i, old := range u.Passwords {
		if i >= s.Options.UniquePasswords {
			break
		}
		same, err := s.hasher.matches(ctx, old.Hash, password)
		if err != nil {
			return err
		}
		if same {
			return cloud.Invalidf("user", "password", "The new password must differ from the last %d.", s.Options.UniquePasswords)
		}
	}
	return nil
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
