package identity

import (
	"context"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

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

// chosenHash is newHash for a password that somebody chose: it must have the form that the operator wants.
func (s *Service) chosenHash(ctx context.Context, password string) (*cloud.PasswordHash, error) {
	for _, p := range s.Options.PasswordPatterns {
		if password != "" && !p.MatchString(password) {
			return nil, cloud.Invalidf("user", "password", "The password does not match the requirements: %s", s.passwordAdvice())
		}
	}
	return s.newHash(ctx, password)
}

func (s *Service) passwordAdvice() string {
	if s.Options.PasswordAdvice != "" {
		return s.Options.PasswordAdvice
	}
	return "ask the operator of the cloud for them."
}

// setPassword is an administrator's.
func (s *Service) setPassword(u *cloud.User, h *cloud.PasswordHash) {
	if h != nil && s.Options.ChangeOnFirstUse && !option(u, optionIgnoreFirstUse) {
		h.ExpiresAt = &h.CreatedAt
	}
	s.pushPassword(u, h)
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

// PasswordExpiry is when the user's password ends; nil: never.
func PasswordExpiry(u *cloud.User) *time.Time {
	if len(u.Passwords) == 0 || option(u, optionIgnoreExpiry) {
		return nil
	}
	return u.Passwords[0].ExpiresAt
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
	hash, err := s.chosenHash(ctx, password)
	if err != nil {
		return err
	}
	hash.Own = true
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
	if option(u, optionLockPassword) {
		return cloud.Invalidf("user", "password", "This user's password cannot be changed by the user.")
	}
	if now := u.Passwords[0]; now.Own && s.now().Before(now.CreatedAt.Add(s.Options.PasswordMinAge)) {
		return cloud.Invalidf("user", "password", "The password was changed not long ago; it can be changed again from %s on. Ask an administrator for help if that is too late.",
			now.CreatedAt.Add(s.Options.PasswordMinAge).Format(time.RFC3339))
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
