package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A session is credentials for signing that end by themselves: an access key, a secret and a token, which has to come with
// what they sign. The token holds the session, sealed like any token, so that there is no row of it; what voids tokens voids it.

// SessionPrefix starts every session's token. It is not a token of the Identity API.
const SessionPrefix = "nubo1s."

// SessionRequest says what a session shall be.
type SessionRequest struct {
	// Prefix starts the access key: front ends tell by it what needs a token.
	Prefix string
	// Project that it is for; empty: the caller's.
	Project cloud.ProjectID
	// Role is the one of its user's roles that it has, with what that implies; empty: all.
	Role string
	// Name is what its user calls it.
	Name     string
	Lifetime time.Duration
}

// Session is new credentials.
type Session struct {
	Access, Secret, Token string
	Expires               time.Time
	Principal             *cloud.Principal
}

// The bounds of a session's life.
const (
	SessionMin = 15 * time.Minute
	SessionMax = 36 * time.Hour
)

// IssueSession makes a session of the caller's, who has no less than it has. It is for the project that the caller acts on: a key is
// good for one.
func (s *Service) IssueSession(ctx context.Context, r SessionRequest) (*Session, error) {
	caller := cloud.PrincipalOf(ctx)
	if caller.UserID == "" || caller.ProjectID == "" || r.Project != "" && r.Project != caller.ProjectID {
		return nil, cloud.Errorf(cloud.Forbidden, "session", "", "A session is for the project that its maker acts on.")
	}
	r.Project = caller.ProjectID
	issued := s.now().Truncate(time.Microsecond)
	u, err := s.Users.Get(ctx, caller.UserID)
	if err != nil {
		return nil, refusedIfMissing(err)
	}
	who, err := s.admit(ctx, &subject{user: u, methods: []string{MethodSigned}, provider: caller.ProviderID, protocol: caller.Protocol, secret: caller.SecretID})
	if err != nil {
		return nil, err
	}
	c, err := s.sessionClaims(ctx, who, r, issued, func(r *cloud.Role) bool { return caller.Has(r.Name) })
	if err != nil {
		return nil, err
	}
	c.Restricted = caller.Restricted
	return s.sealSession(c, r)
}

// IssueSessionBearer makes a session of whoever an identity provider's token is of, on a project of theirs. The provider is the one whose
// issuer the token names. Errors are those of AdmitBearer, of a token that has simply ended with that as its Resource, and Forbidden for a
// project or role that its owner does not have.
func (s *Service) IssueSessionBearer(ctx context.Context, token string, r SessionRequest) (*Session, error) {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	said := claimed(token)
	id, protocol, err := s.wayOfIssuer(ctx, said.Iss)
	if err != nil {
		return nil, err
	}
	t, err := s.AdmitBearer(ctx, id, protocol, token)
	if cloud.Is(err, cloud.Unauthenticated) && said.Exp > 0 && float64(s.now().Unix()) >= said.Exp {
		return nil, &cloud.Error{Kind: cloud.Unauthenticated, Resource: "expired token", Message: "The token has expired.", Cause: err}
	}
	if err != nil {
		return nil, err
	}
	parent, err := s.openToken(ctx, t.Value)
	if err != nil {
		return nil, err
	}
	who := &subject{user: t.User, domain: t.UserDomain, methods: parent.Methods, provider: t.Provider, protocol: t.Protocol}
	if r.Project == "" {
		return nil, cloud.Invalidf("session", "project_id", "A session is for a project.")
	}
	c, err := s.sessionClaims(ctx, who, r, parent.Issued, func(*cloud.Role) bool { return true })
	if err != nil {
		return nil, err
	}
	c.Chain = parent.Audit
	return s.sealSession(c, r)
}

// wayOfIssuer is how tokens of an OpenID issuer are admitted: by the first of its provider's protocols that is not SAML's.
func (s *Service) wayOfIssuer(ctx context.Context, issuer string) (cloud.IdentityProviderID, string, error) {
	p, err := s.Providers.One(ctx, cloud.Eq("remote_ids", issuer))
	if issuer == "" || cloud.Is(err, cloud.NotFound) {
		return "", "", s.turnedAway("the token names no issuer that is a provider here", "issuer", issuer)
	}
	if err != nil {
		return "", "", err
	}
	ways, err := s.Protocols.List(ctx, cloud.Where(cloud.Eq("provider_id", p.ID)), func(way *cloud.Protocol) bool { return !bySAML(p, way.Name) })
	if err == nil && len(ways) == 0 {
		err = s.turnedAway("the provider has no protocol for tokens", "provider", p.ID)
	}
	if err != nil {
		return "", "", err
	}
	return p.ID, ways[0].Name, nil
}

// sessionClaims are what a session says. Its life is bounded by what any provider says of its user.
func (s *Service) sessionClaims(ctx context.Context, who *subject, r SessionRequest, issued time.Time, may func(*cloud.Role) bool) (c *claims, err error) {
	if r.Lifetime < SessionMin || r.Lifetime > SessionMax {
		return nil, cloud.Invalidf("session", "lifetime", "A session lasts from %d to %d seconds.", int(SessionMin.Seconds()), int(SessionMax.Seconds()))
	}
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		t, err := s.scoped(ctx, who, onlyProject(r.Project))
		if cloud.Is(err, cloud.Unauthenticated) {
			return cloud.Errorf(cloud.Forbidden, "session", "", "The user has no role on that project.")
		}
		if err != nil {
			return err
		}
		t.Roles = slices.DeleteFunc(t.Roles, func(r *cloud.Role) bool { return !may(r) })
		if t.Roles, err = s.rolesBelow(ctx, t.Roles, r.Role); err != nil {
			return err
		}
		until, err := s.vouchedUntil(ctx, t.User.ID)
		if err != nil {
			return err
		}
		c = s.claim(who, t, issued)
		c.Expires = issued.Add(r.Lifetime)
		c.expireBy(until)
		return nil
	})
	return c, err
}

func onlyProject(id cloud.ProjectID) ScopeRequest { return ScopeRequest{Project: &ProjectRef{ID: id}} }

// rolesBelow are those of roles that one of them, by its name, implies, itself included; all without a name.
func (s *Service) rolesBelow(ctx context.Context, roles []*cloud.Role, name string) ([]*cloud.Role, error) {
	if name == "" {
		return roles, nil
	}
	at := slices.IndexFunc(roles, func(r *cloud.Role) bool { return r.Name == name })
	if at < 0 {
		return nil, cloud.Errorf(cloud.Forbidden, "session", "", "The user does not have the role '%s' on that project.", name)
	}
	book, err := s.roleBook(ctx)
	if err != nil {
		return nil, err
	}
	return common(roles, book.expand([]cloud.RoleID{roles[at].ID})), nil
}

// sessionKeyLetters is how long an access key is behind its prefix.
const sessionKeyLetters = 16

func (s *Service) sealSession(c *claims, r SessionRequest) (*Session, error) {
	made := sealedSession{access: r.Prefix + rand.Text()[:sessionKeyLetters], secret: rand.Text(), role: r.Role, name: r.Name, claims: c}
	token, err := s.keys.seal(SessionPrefix, made.encode())
	if err != nil {
		return nil, err
	}
	return &Session{Access: made.access, Secret: made.secret, Token: token, Expires: c.Expires, Principal: made.principal()}, nil
}

// AdmitSession is AdmitSigned for a session's access key and token. It does not touch the store.
func (s *Service) AdmitSession(ctx context.Context, access, token string, verify func(secret string) bool) (*cloud.Principal, error) {
	plain, err := s.unseal(ctx, SessionPrefix, token)
	if err != nil {
		return nil, err
	}
	v, err := decodeSession(plain)
	if err != nil || subtle.ConstantTimeCompare([]byte(v.access), []byte(access)) == 0 {
		return nil, refused()
	}
	if !verify(v.secret) {
		return nil, refused()
	}
	if !s.now().Before(v.claims.Expires) {
		return nil, &cloud.Error{Kind: cloud.Unauthenticated, Resource: "session", Message: "The session has ended."}
	}
	if s.moments.void(v.claims) {
		return nil, refused()
	}
	return v.principal(), nil
}

// sealedSession is what a session's token holds.
type sealedSession struct {
	access, secret, role, name string
	claims                     *claims
}

func (v sealedSession) principal() *cloud.Principal {
	p := v.claims.principal()
	p.Session = &cloud.SessionName{Role: v.role, Name: v.name}
	return p
}

func (v sealedSession) encode() []byte {
	var b []byte
	for _, text := range []string{v.access, v.secret, v.role, v.name} {
		b = appendText(b, text)
	}
	return append(b, v.claims.encode()...)
}

func decodeSession(b []byte) (v sealedSession, err error) {
	r := reader{b: b}
	v.access, v.secret, v.role, v.name = r.text(), r.text(), r.text(), r.text()
	if r.bad {
		return v, errClaims
	}
	v.claims, err = decodeClaims(r.b)
	return v, err
}
