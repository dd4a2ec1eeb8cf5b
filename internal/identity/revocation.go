package identity

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// cause names whose tokens a Revocation voids.
type cause struct {
	kind string // one of the kinds below
	id   string
	// scope narrows voidGrant to the user's tokens of one scope.
	scope string
}

const (
	voidToken      = "token" // id: audit id
	voidUser       = "user"
	voidProject    = "project"
	voidDomain     = "domain"
	voidCredential = "credential"
	voidTrust      = "trust"
	voidDelegation = "delegation"
	voidSecret     = "secret" // what was signed with it
	voidRole       = "role"   // id: the role's name; whoever has it
	voidGrant      = "grant"  // id: the user
)

// rowID is the id of the Revocation of c. What may happen again gets a different one each time.
func (c cause) rowID() string {
	if c.kind == voidToken {
		return c.kind + "/" + base64.RawURLEncoding.EncodeToString([]byte(c.id))
	}
	parts := []string{c.kind, escape(c.id), escape(c.scope), cloud.NewHexID()}
	return strings.Join(parts, "/")
}

func escape(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func parseCause(rowID string) (cause, bool) {
	parts := strings.Split(rowID, "/")
	if len(parts) < 2 {
		return cause{}, false
	}
	id, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return cause{}, false
	}
	c := cause{kind: parts[0], id: string(id)}
	if len(parts) > 2 {
		scope, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil {
			return cause{}, false
		}
		c.scope = string(scope)
	}
	return c, true
}

// word is a Scope as a Revocation names it.
func (s Scope) word() string {
	switch {
	case s.ProjectID != "":
		return "project " + string(s.ProjectID)
	case s.DomainID != "":
		return "domain " + string(s.DomainID)
	case s.System:
		return "system"
	}
	return ""
}

// moments remembers, for each cause, until when issued tokens are void.
type moments struct {
	mu   sync.RWMutex
	at   map[cause]moment
	seen time.Time // creation time of the newest row taken over
}

type moment struct{ at, expires time.Time }

func newMoments() *moments { return &moments{at: map[cause]moment{}} }

func (m *moments) add(c cause, at, expires time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.at[c]; !ok || at.After(old.at) {
		m.at[c] = moment{at, expires}
	}
}

// void tells whether something has voided the token since it was issued.
func (m *moments) void(c *claims) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.at) == 0 {
		return false
	}
	before := func(w cause) bool {
		v, ok := m.at[w]
		return ok && !c.Issued.After(v.at)
	}
	if before(cause{kind: voidToken, id: c.Audit}) || before(cause{kind: voidUser, id: string(c.UserID)}) ||
		before(cause{kind: voidDomain, id: string(c.UserDomainID)}) ||
		before(cause{kind: voidGrant, id: string(c.UserID), scope: c.Scope.word()}) {
		return true
	}
	if c.CredentialID != "" && before(cause{kind: voidCredential, id: string(c.CredentialID)}) ||
		c.SecretID != "" && before(cause{kind: voidSecret, id: string(c.SecretID)}) ||
		c.DelegationID != "" && before(cause{kind: voidDelegation, id: string(c.DelegationID)}) ||
		c.Scope.ProjectID != "" && (before(cause{kind: voidProject, id: string(c.Scope.ProjectID)}) ||
			before(cause{kind: voidDomain, id: string(c.ProjectDomainID)})) ||
		c.Scope.DomainID != "" && before(cause{kind: voidDomain, id: string(c.Scope.DomainID)}) {
		return true
	}
	for _, r := range c.Roles {
		if before(cause{kind: voidRole, id: r}) {
			return true
		}
	}
	return c.TrustID != "" && c.trustEnded(before)
}

// trustEnded tells whether the token's trust is gone, or something that one of its parties had.
func (c *claims) trustEnded(before func(cause) bool) bool {
	return before(cause{kind: voidTrust, id: string(c.TrustID)}) || slices.ContainsFunc(c.Behind, func(p party) bool {
		return before(cause{kind: voidUser, id: string(p.User)}) || before(cause{kind: voidDomain, id: string(p.Domain)}) ||
			before(cause{kind: voidGrant, id: string(p.User), scope: c.Scope.word()})
	})
}

// since is from which creation time on rows are to be read.
func (m *moments) since() time.Time {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.seen
}

func (m *moments) saw(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.After(m.seen) {
		m.seen = t
	}
}

func (m *moments) forget(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c, v := range m.at {
		if now.After(v.expires) {
			delete(m.at, c)
		}
	}
}

// revoke voids tokens issued until now, inside the caller's Update. Here it counts as soon
// as the transaction is on disk. A sign-in that reads the old state in the very milliseconds of that commit keeps
// its token until it expires.
func (s *Service) revoke(ctx context.Context, causes ...cause) error {
	now := s.now().Truncate(time.Microsecond)
	expires := now.Add(sealedMax)
	for _, c := range causes {
		row := &cloud.Revocation{ID: c.rowID(), ExpiresAt: expires}
		row.CreatedAt = now
		err := s.Revocations.Insert(ctx, row)
		// The same token revoked again: nothing new.
		if err != nil && !(c.kind == voidToken && cloud.Is(err, cloud.AlreadyExists)) {
			return fmt.Errorf("revoke %s: %w", c.kind, err)
		}
	}
	s.Tx.After(ctx, func() {
		for _, c := range causes {
			s.moments.add(c, now, expires)
		}
	})
	return nil
}

// overlap is how far back a refresh looks: longer than any transaction that may have
// stamped a row before and committed it after the last look.
const overlap = 15 * time.Second

func (s *Service) loadRevocations(ctx context.Context) error {
	q := cloud.Where(cloud.Cond{Column: "expires_at", Op: cloud.OpGt, Value: s.now()})
	if seen := s.moments.since(); !seen.IsZero() {
		q = cloud.Where(cloud.Cond{Column: "created_at", Op: cloud.OpGt, Value: seen.Add(-overlap)})
	}
	rows, err := s.Revocations.List(ctx, q)
	if err != nil {
		return fmt.Errorf("load revocations: %w", err)
	}
	for _, r := range rows {
		if c, ok := parseCause(r.ID); ok {
			s.moments.add(c, r.CreatedAt, r.ExpiresAt)
		}
		s.moments.saw(r.CreatedAt)
	}
	return nil
}

// Refresh takes over what other processes have revoked. Run calls it every second; call it when told
// of a change to make that sooner.
func (s *Service) Refresh(ctx context.Context) error {
	return s.loadRevocations(cloud.WithPrincipal(ctx, cloud.System()))
}

func (s *Service) sweepRevocations(ctx context.Context) error {
	now := s.now()
	s.moments.forget(now)
	_, err := cloud.Trim(ctx, s.Tx, s.Revocations, expired(now), func(r *cloud.Revocation) string { return r.ID })
	return err
}

// expired selects rows whose time was up before a moment, the oldest first.
func expired(now time.Time) cloud.Query {
	return cloud.Query{Order: []cloud.Order{{Column: "expires_at"}}, Where: []cloud.Cond{{Column: "expires_at", Op: cloud.OpLt, Value: now}}}
}
