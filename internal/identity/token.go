package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// ScopeRequest is what somebody wants a token for. The zero value leaves it to
// the user's default project; None asks for no scope.
type ScopeRequest struct {
	None    bool
	Project *ProjectRef
	Domain  *DomainRef
	System  bool
	Trust   cloud.TrustID
}

// Token is an issued token and what it says, names included.
type Token struct {
	Value               string
	Methods             []string
	IssuedAt, ExpiresAt time.Time
	// AuditIDs is the token's own and, if it descends from another, that of the first.
	AuditIDs      []string
	User          *cloud.User
	UserDomain    *cloud.Domain
	Project       *cloud.Project
	ProjectDomain *cloud.Domain
	Domain        *cloud.Domain
	System        bool
	Roles         []*cloud.Role
	Credential    *cloud.ApplicationCredential
	Trust         *cloud.Trust
	Delegation    *cloud.Delegation
	// Provider and Protocol are by whose word the user signed in, empty if by this cloud's own. Groups are those that the
	// provider names; a token with a scope does not tell them.
	Provider cloud.IdentityProviderID
	Protocol string
	Groups   []cloud.GroupID
	behind   []party
	until    *time.Time // a provider's word that the roles may rest on holds until then
}

// Issue signs somebody in and makes a token. It answers Unauthenticated for whatever does not fit, without saying what.
func (s *Service) Issue(ctx context.Context, l Login, want ScopeRequest) (t *Token, err error) {
	if way, signsIn := wayOf(l); signsIn {
		defer func() { s.account(ctx, way, t, err) }()
	}
	// The moment is taken before anything is read: what is changed after that voids the token.
	issued := s.now().Truncate(time.Microsecond)
	who, err := s.authenticate(ctx, l)
	if err != nil {
		return nil, err
	}
	return s.issue(ctx, who, want, issued)
}

// issue makes a token for somebody who has signed in, as of a moment before anything was read.
func (s *Service) issue(ctx context.Context, who *subject, want ScopeRequest, issued time.Time) (t *Token, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		t, err = s.scoped(ctx, who, want)
		return err
	})
	if err == nil && t.Trust != nil {
		err = s.useTrust(ctx, t.Trust)
	}
	if err != nil {
		return nil, err
	}
	c := s.claim(who, t, issued)
	if t.Value, err = s.keys.seal(TokenPrefix, c.encode()); err != nil {
		return nil, err
	}
	t.Methods, t.IssuedAt, t.ExpiresAt, t.AuditIDs = c.Methods, c.Issued, c.Expires, c.auditIDs()
	return t, nil
}

// claim fills in what the token will say.
func (s *Service) claim(who *subject, t *Token, issued time.Time) *claims {
	c := &claims{UserID: t.User.ID, UserName: t.User.Name, UserDomainID: t.User.DomainID, Methods: who.methods,
		Issued: issued, Expires: issued.Add(s.Options.TokenLifetime), Audit: newAudit(), Scope: Scope{System: t.System}}
	if t.Project != nil {
		c.Scope.ProjectID, c.ProjectDomainID = t.Project.ID, t.Project.DomainID
	}
	if t.Domain != nil {
		c.Scope.DomainID = t.Domain.ID
	}
	for _, r := range t.Roles {
		c.Roles = append(c.Roles, r.Name)
	}
	if p := who.parent; p != nil {
		// A token does not outlive the one it was made from.
		c.Expires, c.Chain = p.Expires, p.Audit
		if p.Chain != "" {
			c.Chain = p.Chain
		}
	}
	if cred := who.credential; cred != nil {
		c.CredentialID, c.Restricted, c.Ruled = cred.ID, !cred.Unrestricted, len(cred.AccessRules) > 0
		c.expireBy(cred.ExpiresAt)
	}
	c.Provider, c.Protocol = who.provider, who.protocol
	c.expireBy(t.until)
	c.SecretID = who.secret
	if d := who.delegation; d != nil {
		c.DelegationID, c.Restricted = d.ID, true
		c.expireBy(&d.ExpiresAt)
	}
	if t.Trust != nil {
		c.TrustID, c.Behind = t.Trust.ID, t.behind
		c.expireBy(t.Trust.ExpiresAt)
	}
	return c
}

// expireBy: a token does not outlive what it was made with.
func (c *claims) expireBy(end *time.Time) {
	if end != nil && end.Before(c.Expires) {
		c.Expires = end.Truncate(time.Microsecond)
	}
}

func newAudit() string {
	var b [auditBytes]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("identity: no randomness: " + err.Error()) // the kernel's generator cannot fail
	}
	return string(b[:])
}

func (c *claims) auditIDs() []string {
	ids := []string{base64.RawURLEncoding.EncodeToString([]byte(c.Audit))}
	if c.Chain != "" {
		ids = append(ids, base64.RawURLEncoding.EncodeToString([]byte(c.Chain)))
	}
	return ids
}

func (c *claims) principal() *cloud.Principal {
	return &cloud.Principal{UserID: c.UserID, UserName: c.UserName, UserDomainID: c.UserDomainID,
		ProjectID: c.Scope.ProjectID, ProjectDomainID: c.ProjectDomainID, DomainID: c.Scope.DomainID, System: c.Scope.System,
		Roles: c.Roles, AppCredentialID: c.CredentialID, TrustID: c.TrustID, DelegationID: c.DelegationID, SecretID: c.SecretID, ProviderID: c.Provider, Protocol: c.Protocol,
		Restricted: c.Restricted || c.TrustID != ""}
}

// Verify turns a token into the caller. It answers Unauthenticated for a token that
// is expired, revoked or not ours, and does not touch the store (but once per application credential with access rules).
func (s *Service) Verify(ctx context.Context, token string) (*cloud.Principal, error) {
	c, err := s.openToken(ctx, token)
	if err != nil {
		return nil, err
	}
	p := c.principal()
	if c.Ruled {
		if p.AccessRules, err = s.rulesOf(ctx, c.CredentialID); err != nil {
			return nil, refusedIfMissing(err)
		}
	}
	return p, nil
}

// openToken reads the claims of a token that holds now.
func (s *Service) openToken(ctx context.Context, token string) (*claims, error) {
	plain, err := s.unseal(ctx, TokenPrefix, token)
	if err != nil {
		return nil, err
	}
	c, err := decodeClaims(plain)
	if err != nil || !s.now().Before(c.Expires) || s.moments.void(c) {
		return nil, refused()
	}
	return c, nil
}

// unseal opens what the token keys sealed.
func (s *Service) unseal(ctx context.Context, prefix, token string) ([]byte, error) {
	plain, err := s.keys.open(prefix, token)
	if err != nil && s.foreignKey(prefix, token) {
		// Another process may have made a key since the last look.
		if err := s.refreshKeys(ctx); err != nil {
			return nil, err
		}
		plain, err = s.keys.open(prefix, token)
	}
	if err != nil {
		return nil, refused()
	}
	return plain, nil
}

// foreignKey tells whether a token names a key that is not known here and might be in the store. It says
// so once a second at most: anybody can make up such tokens.
func (s *Service) foreignKey(prefix, token string) bool {
	id, _, err := keyOf(prefix, token)
	if err != nil {
		return false
	}
	if _, known := s.keys.sealer(id); known {
		return false
	}
	return s.keys.mayLook(s.now())
}

// subjectClaims opens a token that the caller asks about. What does not hold does not exist.
func (s *Service) subjectClaims(ctx context.Context, action policy.Action, token string) (*claims, error) {
	c, err := s.openToken(ctx, token)
	if err != nil {
		return nil, noTokenIf(err)
	}
	err = policy.Authorize(ctx, action, policy.Target{Resource: "token", UserID: c.UserID})
	return c, err
}

// noTokenIf makes a refused token one that is not found; other errors stay.
func noTokenIf(err error) error {
	if cloud.Is(err, cloud.Unauthenticated) {
		return &cloud.Error{Kind: cloud.NotFound, Resource: "token", Message: "The token could not be found."}
	}
	return err
}

// Inspect says what a token says. NotFound if it does not hold.
func (s *Service) Inspect(ctx context.Context, token string) (*Token, error) {
	c, err := s.subjectClaims(ctx, "token.get", token)
	if err != nil {
		return nil, err
	}
	var t *Token
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		t, err = s.describe(ctx, c)
		return err
	})
	return t, err
}

// Revoke voids a token; descendants stay. NotFound if it does not hold.
func (s *Service) Revoke(ctx context.Context, token string) error {
	c, err := s.subjectClaims(ctx, "token.revoke", token)
	if err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		return s.revoke(ctx, cause{kind: voidToken, id: c.Audit})
	})
}

// describe looks up the names of what claims hold ids of.
func (s *Service) describe(ctx context.Context, c *claims) (*Token, error) {
	t := &Token{Methods: c.Methods, IssuedAt: c.Issued, ExpiresAt: c.Expires, AuditIDs: c.auditIDs(), System: c.Scope.System,
		Provider: c.Provider, Protocol: c.Protocol}
	var err error
	if t.User, err = s.Users.Get(ctx, c.UserID); err != nil {
		return nil, err
	}
	if t.UserDomain, err = s.Domains.Get(ctx, t.User.DomainID); err != nil {
		return nil, err
	}
	if c.Scope.ProjectID != "" {
		if t.Project, err = s.Projects.Get(ctx, c.Scope.ProjectID); err != nil {
			return nil, err
		}
		if t.ProjectDomain, err = s.Domains.Get(ctx, t.Project.DomainID); err != nil {
			return nil, err
		}
	}
	if c.Scope.DomainID != "" {
		if t.Domain, err = s.Domains.Get(ctx, c.Scope.DomainID); err != nil {
			return nil, err
		}
	}
	if c.CredentialID != "" {
		if t.Credential, err = s.Credentials.Get(ctx, c.CredentialID); err != nil {
			return nil, err
		}
	}
	if c.TrustID != "" {
		if t.Trust, err = s.Trusts.Get(ctx, c.TrustID); err != nil {
			return nil, err
		}
	}
	if c.DelegationID != "" {
		if t.Delegation, err = s.Delegations.Get(ctx, c.DelegationID); err != nil {
			return nil, err
		}
	}
	if t.Groups, err = s.groupsVouched(ctx, t); err != nil {
		return nil, err
	}
	t.Roles, err = s.rolesNamed(ctx, c.Roles)
	return t, err
}

func (s *Service) rolesNamed(ctx context.Context, names []string) ([]*cloud.Role, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return s.Roles.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.In("name", names)}, Order: []cloud.Order{{Column: "name"}}}, func(r *cloud.Role) bool {
		return r.DomainID == "" && slices.Contains(names, r.Name)
	})
}
