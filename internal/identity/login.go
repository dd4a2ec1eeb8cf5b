package identity

import (
	"context"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// The methods of signing in.
const (
	MethodPassword   = "password"
	MethodToken      = "token"
	MethodCredential = "application_credential"
	MethodSigned     = "ec2credential" // a signature by a secret that is kept here
	MethodDelegated  = "oauth1"        // a signature by an application that a user delegated to
)

// Methods lists those that a sign-in may name.
var Methods = []string{MethodPassword, MethodToken, MethodCredential, MethodDelegated}

// DomainRef names a domain by id or by name.
type DomainRef struct {
	ID   cloud.DomainID
	Name string
}

// UserRef names a user by id, or by name within a domain.
type UserRef struct {
	ID     cloud.UserID
	Name   string
	Domain DomainRef
}

// ProjectRef names a project by id, or by name within a domain.
type ProjectRef struct {
	ID     cloud.ProjectID
	Name   string
	Domain DomainRef
}

// Login is what somebody shows to prove who it is: one part per method.
type Login struct {
	Password   *PasswordLogin
	Token      string
	Credential *CredentialLogin
	Delegated  *Signature
	signed     *SignedLogin
}

// PasswordLogin is a user and its password.
type PasswordLogin struct {
	User     UserRef
	Password string
}

// CredentialLogin is an application credential, by id or by name and user, and its secret.
type CredentialLogin struct {
	ID     cloud.CredentialID
	Name   string
	User   UserRef
	Secret string
}

// SignedLogin is a signature made with a secret that is kept here. Verify is given the secret's text.
type SignedLogin struct {
	ID     cloud.SecretID
	Verify func(text string) bool
	secret *cloud.Secret // that ID names, once read
}

// subject is who has signed in, and how.
type subject struct {
	user       *cloud.User
	domain     *cloud.Domain
	credential *cloud.ApplicationCredential
	delegation *cloud.Delegation
	secret     cloud.SecretID // what it signed with
	parent     *claims        // of the token that was shown
	methods    []string
	provider   cloud.IdentityProviderID // who vouches for the user, and in which way
	protocol   string
}

// refused is the one answer to every sign-in that fails: it does not tell what was wrong.
func refused() *cloud.Error {
	return &cloud.Error{Kind: cloud.Unauthenticated, Message: "The request you have made requires authentication."}
}

// refusedIfMissing hides which noun was not found.
func refusedIfMissing(err error) error {
	if cloud.Is(err, cloud.NotFound) {
		return refused()
	}
	return err
}

// authenticate checks all that a Login shows; every part must hold and speak of one user.
func (s *Service) authenticate(ctx context.Context, l Login) (*subject, error) {
	who := &subject{}
	if l.Password != nil {
		u, err := s.checkPassword(ctx, l.Password.User, l.Password.Password)
		if err == nil {
			err = s.passwordUsable(u)
		}
		if err != nil {
			return nil, err
		}
		who.user, who.methods = u, append(who.methods, MethodPassword)
	}
	if l.Token != "" {
		if err := s.authenticateToken(ctx, l.Token, who); err != nil {
			return nil, err
		}
	}
	if l.Credential != nil {
		if err := s.authenticateCredential(ctx, l.Credential, who); err != nil {
			return nil, err
		}
	}
	if l.Delegated != nil {
		if err := s.authenticateDelegated(ctx, l.Delegated, who); err != nil {
			return nil, err
		}
	}
	if l.signed != nil {
		if err := s.authenticateSigned(ctx, l.signed, who); err != nil {
			return nil, err
		}
	}
	if who.user == nil {
		return nil, cloud.Invalidf("request", "auth.identity.methods", "The request names no authentication method that this cloud knows.")
	}
	return s.admit(ctx, who)
}

// admit lets in whom nobody has shut out.
func (s *Service) admit(ctx context.Context, who *subject) (*subject, error) {
	var err error
	who.domain, err = s.enabledDomain(ctx, who.user.DomainID)
	if err != nil || !who.user.Enabled || !factorsHold(who) {
		return nil, orRefused(err)
	}
	return who, s.checkVouched(ctx, who)
}

func orRefused(err error) error {
	if err != nil {
		return err
	}
	return refused()
}

func (s *Service) enabledDomain(ctx context.Context, id cloud.DomainID) (*cloud.Domain, error) {
	d, err := s.Domains.Get(ctx, id)
	if err != nil {
		return nil, refusedIfMissing(err)
	}
	if !d.Enabled {
		return nil, refused()
	}
	return d, nil
}

// authenticateToken lets a token stand for its user. The new token keeps the methods of the old one. A
// token that does not hold does not exist: the caller, who has it, learns nothing by that.
func (s *Service) authenticateToken(ctx context.Context, token string, who *subject) error {
	c, err := s.openToken(ctx, token)
	if err != nil {
		return noTokenIf(err)
	}
	if c.CredentialID != "" {
		return &cloud.Error{Kind: cloud.Forbidden, Message: "A token of an application credential cannot be exchanged for another."}
	}
	if c.DelegationID != "" {
		return &cloud.Error{Kind: cloud.Forbidden, Message: "A token that an application was given for a user cannot be exchanged for another."}
	}
	if c.TrustID != "" {
		return &cloud.Error{Kind: cloud.Forbidden, Message: "A token of a trust cannot be exchanged for another. Sign in as the trustee and name the trust again."}
	}
	u, err := s.Users.Get(ctx, c.UserID)
	if err != nil {
		return refusedIfMissing(err)
	}
	if who.user != nil && who.user.ID != u.ID {
		return refused()
	}
	who.user, who.parent, who.provider, who.protocol = u, c, c.Provider, c.Protocol
	for _, m := range append([]string{MethodToken}, c.Methods...) {
		if !slices.Contains(who.methods, m) {
			who.methods = append(who.methods, m)
		}
	}
	return nil
}

func (s *Service) authenticateCredential(ctx context.Context, l *CredentialLogin, who *subject) error {
	cred, err := s.findCredential(ctx, l)
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		return err
	}
	if err != nil {
		s.hasher.pretend(ctx, l.Secret)
		return refused()
	}
	ok, err := s.hasher.matches(ctx, cred.SecretHash, l.Secret)
	if err != nil {
		return err
	}
	if !ok || cred.ExpiresAt != nil && !s.now().Before(*cred.ExpiresAt) {
		return refused()
	}
	u, err := s.Users.Get(ctx, cred.UserID)
	if err != nil {
		return refusedIfMissing(err)
	}
	if who.user != nil && who.user.ID != u.ID {
		return refused()
	}
	who.user, who.credential, who.methods = u, cred, append(who.methods, MethodCredential)
	return nil
}

func (s *Service) findCredential(ctx context.Context, l *CredentialLogin) (*cloud.ApplicationCredential, error) {
	if l.ID != "" {
		return s.Credentials.Get(ctx, l.ID)
	}
	u, err := s.findUser(ctx, l.User)
	if err != nil {
		return nil, err
	}
	return s.Credentials.One(ctx, cloud.Eq("user_id", u.ID), cloud.Eq("name", l.Name))
}

// findUser answers NotFound also when the domain is missing.
func (s *Service) findUser(ctx context.Context, ref UserRef) (*cloud.User, error) {
	if ref.ID != "" {
		return s.Users.Get(ctx, ref.ID)
	}
	d, err := s.findDomain(ctx, ref.Domain)
	if err != nil {
		return nil, err
	}
	return s.Users.One(ctx, cloud.Eq("domain_id", d), cloud.Eq("name_lower", ref.Name))
}

func (s *Service) findDomain(ctx context.Context, ref DomainRef) (cloud.DomainID, error) {
	if ref.ID != "" || ref.Name == "" {
		return ref.ID, nil
	}
	d, err := s.Domains.One(ctx, cloud.Eq("name_lower", ref.Name))
	if err != nil {
		return "", err
	}
	return d.ID, nil
}

// checkPassword answers the user if the password is the user's. An unknown user, a wrong password, a
// user without one and a locked account all take the time of one hash and look the same.
func (s *Service) checkPassword(ctx context.Context, ref UserRef, password string) (*cloud.User, error) {
	u, err := s.findUser(ctx, ref)
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		return nil, err
	}
	if err != nil || len(u.Passwords) == 0 || len(password) > passwordMax || s.locked(u) {
		s.hasher.pretend(ctx, password)
		return nil, refused()
	}
	ok, err := s.hasher.matches(ctx, u.Passwords[0].Hash, password)
	if err != nil {
		return nil, err
	}
	if err := s.countLogin(ctx, u, ok); err != nil {
		return nil, err
	}
	if !ok {
		return nil, refused()
	}
	return u, nil
}

func (s *Service) passwordUsable(u *cloud.User) error {
	e := u.Passwords[0].ExpiresAt
	if e == nil || s.now().Before(*e) || option(u, optionIgnoreExpiry) {
		return nil
	}
	return &cloud.Error{Kind: cloud.Unauthenticated, Resource: "user", ID: string(u.ID),
		Message: "The password is expired and must be changed."}
}

// option tells whether a user's option of that name is true.
func option(u *cloud.User, name string) bool {
	v, _ := u.Options[name].(bool)
	return v
}

func (s *Service) locked(u *cloud.User) bool {
	n := s.Options.LockoutAttempts
	return n > 0 && u.FailedCount >= n && u.FailedAt != nil && s.now().Before(u.FailedAt.Add(s.Options.LockoutDuration)) &&
		!option(u, optionIgnoreLockout)
}

// countLogin keeps the number of wrong passwords in a row. Nothing is written unless accounts lock.
func (s *Service) countLogin(ctx context.Context, u *cloud.User, ok bool) error {
	if s.Options.LockoutAttempts == 0 || ok && u.FailedCount == 0 {
		return nil
	}
	now := s.now()
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		fresh, err := s.Users.Get(ctx, u.ID)
		if err != nil {
			return refusedIfMissing(err)
		}
		s.count(fresh, ok, now)
		return s.Users.Update(ctx, fresh)
	})
}

func (s *Service) count(u *cloud.User, ok bool, now time.Time) {
	if ok {
		u.FailedCount, u.FailedAt = 0, nil
		return
	}
	if u.FailedAt != nil && now.Sub(*u.FailedAt) > s.Options.LockoutDuration {
		u.FailedCount = 0
	}
	u.FailedCount, u.FailedAt = u.FailedCount+1, &now
}
