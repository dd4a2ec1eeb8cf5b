package identity

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// CredentialRequest is what an application credential is made from. Roles are those of the caller's token
// if none are named. Without a Secret one is made.
type CredentialRequest struct {
	Name, Description string
	Secret            string
	Roles             []RoleRef
	Unrestricted      bool
	ExpiresAt         *time.Time
	AccessRules       []cloud.AccessRule
}

// RoleRef names a role by id or name.
type RoleRef struct {
	ID   cloud.RoleID
	Name string
}

// Bounds of access rules; the path's keeps matching cheap.
const (
	accessRulesMax    = 100
	accessRulePathMax = 128
)

func credentialTarget(user cloud.UserID) policy.Target {
	return policy.Target{Resource: "application credential", UserID: user}
}

// CreateCredential makes a credential for the caller on the project of its token. The
// secret is answered here and never again.
func (s *Service) CreateCredential(ctx context.Context, user cloud.UserID, r CredentialRequest) (c *cloud.ApplicationCredential, secret string, err error) {
	if err := policy.Authorize(ctx, "application credential.create", credentialTarget(user)); err != nil {
		return nil, "", err
	}
	caller := cloud.PrincipalOf(ctx)
	if caller.ProjectID == "" {
		return nil, "", cloud.Invalidf("application credential", "project_id", "An application credential needs a token of a project.")
	}
	if err := s.checkCredential(r); err != nil {
		return nil, "", err
	}
	c = &cloud.ApplicationCredential{ID: cloud.CredentialID(cloud.NewHexID()), UserID: user, ProjectID: caller.ProjectID, Name: r.Name,
		Description: r.Description, Unrestricted: r.Unrestricted, ExpiresAt: r.ExpiresAt}
	if secret = r.Secret; secret == "" {
		secret, c.SecretHash = newSecret()
	} else if c.SecretHash, err = s.hasher.hash(ctx, secret); err != nil {
		return nil, "", err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if c.Roles, err = s.grantable(ctx, caller, r.Roles); err != nil {
			return err
		}
		if c.AccessRules, err = s.keepAccessRules(ctx, user, r.AccessRules); err != nil {
			return err
		}
		return s.Credentials.Insert(ctx, c)
	})
	return c, secret, err
}

func (s *Service) checkCredential(r CredentialRequest) error {
	if err := validName("application credential", r.Name, nameMax); err != nil {
		return err
	}
	if len(r.Secret) > passwordMax {
		return cloud.Invalidf("application credential", "secret", "A secret may have %d bytes at most.", passwordMax)
	}
	if r.ExpiresAt != nil && !s.now().Before(*r.ExpiresAt) {
		return cloud.Invalidf("application credential", "expires_at", "expires_at lies in the past.")
	}
	if len(r.AccessRules) > accessRulesMax {
		return cloud.Invalidf("application credential", "access_rules", "There may be %d access rules at most.", accessRulesMax)
	}
	for _, rule := range r.AccessRules {
		if err := validAccessRule(rule); err != nil {
			return err
		}
	}
	return nil
}

var ruleMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

func validAccessRule(r cloud.AccessRule) error {
	switch {
	case r.ID != "" && r.Path == "" && r.Method == "" && r.Service == "":
		return nil // one that exists
	case r.Service == "" || len(r.Service) > nameMax:
		return cloud.Invalidf("access rule", "service", "An access rule needs a service type.")
	case !slices.Contains(ruleMethods, r.Method):
		return cloud.Invalidf("access rule", "method", "'%s' is not one of %v", r.Method, ruleMethods)
	case !strings.HasPrefix(r.Path, "/") && !strings.HasPrefix(r.Path, "*") || len(r.Path) > accessRulePathMax:
		return cloud.Invalidf("access rule", "path", "The path of an access rule begins with a slash and has %d characters at most.", accessRulePathMax)
	}
	return nil
}

// grantable answers the roles asked for if the user has them all now, by default those of the token. Whoever
// came by a credential passes on no more than that has.
func (s *Service) grantable(ctx context.Context, caller *cloud.Principal, want []RoleRef) ([]cloud.RoleID, error) {
	own, err := s.rolesNamed(ctx, caller.Roles)
	if err == nil && len(want) > 0 && caller.AppCredentialID == "" {
		own, err = s.rolesNow(ctx, caller.UserID, Scope{ProjectID: caller.ProjectID})
	}
	if err != nil {
		return nil, err
	}
	var ids []cloud.RoleID
	for _, r := range own {
		if len(want) == 0 || slices.ContainsFunc(want, func(w RoleRef) bool { return w.ID == r.ID || w.ID == "" && w.Name == r.Name }) {
			ids = append(ids, r.ID)
		}
	}
	if len(want) > 0 && len(ids) < len(want) {
		return nil, cloud.Invalidf("application credential", "roles", "The roles must be some of those you have on the project.")
	}
	return ids, nil
}

// Credential answers one application credential of a user.
func (s *Service) Credential(ctx context.Context, user cloud.UserID, id cloud.CredentialID) (*cloud.ApplicationCredential, error) {
	if err := policy.Authorize(ctx, "application credential.get", credentialTarget(user)); err != nil {
		return nil, err
	}
	c, err := s.Credentials.Get(ctx, id)
	if err == nil && c.UserID != user {
		err = cloud.NotFoundf("application credential", id)
	}
	return c, err
}

// ListCredentials lists the application credentials of a user.
func (s *Service) ListCredentials(ctx context.Context, user cloud.UserID, f Filter) ([]*cloud.ApplicationCredential, error) {
	if err := policy.Authorize(ctx, "application credential.get", credentialTarget(user)); err != nil {
		return nil, err
	}
	where := []cloud.Cond{cloud.Eq("user_id", user)}
	if f.Name != "" {
		where = append(where, cloud.Eq("name", f.Name))
	}
	return s.Credentials.List(ctx, cloud.Query{Where: where, After: f.Marker, Limit: f.Limit})
}

// DeleteCredential removes an application credential; its tokens become void.
func (s *Service) DeleteCredential(ctx context.Context, user cloud.UserID, id cloud.CredentialID) error {
	if err := policy.Authorize(ctx, "application credential.delete", credentialTarget(user)); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		c, err := s.Credential(ctx, user, id)
		if err != nil {
			return err
		}
		return s.removeCredential(ctx, c)
	})
}

func (s *Service) removeCredential(ctx context.Context, c *cloud.ApplicationCredential) error {
	if err := s.revoke(ctx, cause{kind: voidCredential, id: string(c.ID)}); err != nil {
		return err
	}
	return s.Credentials.Delete(ctx, c.ID)
}

func (s *Service) dropCredentials(ctx context.Context, where cloud.Cond) error {
	list, err := s.Credentials.List(ctx, cloud.Where(where))
	return each(list, err, func(c *cloud.ApplicationCredential) error { return s.removeCredential(ctx, c) })
}

// RolesOf answers the roles with these ids, by name: what a credential or a trust holds.
func (s *Service) RolesOf(ctx context.Context, ids []cloud.RoleID) ([]*cloud.Role, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return s.Roles.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.In("id", ids)}, Order: []cloud.Order{{Column: "name"}}})
}

// ruleCache remembers the access rules of credentials. They never change; a credential
// that is gone is caught by its Revocation.
type ruleCache struct {
	mu sync.Mutex
	of map[cloud.CredentialID][]cloud.AccessRule
}

// rulesKept bounds the cache; when it is full it starts anew.
const rulesKept = 10_000

func newRuleCache() *ruleCache {
	return &ruleCache{of: map[cloud.CredentialID][]cloud.AccessRule{}}
}

func (c *ruleCache) get(id cloud.CredentialID) ([]cloud.AccessRule, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.of[id]
	return r, ok
}

func (c *ruleCache) put(id cloud.CredentialID, r []cloud.AccessRule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.of) >= rulesKept {
		clear(c.of)
	}
	c.of[id] = r
}

func (s *Service) rulesOf(ctx context.Context, id cloud.CredentialID) ([]cloud.AccessRule, error) {
	if r, ok := s.rules.get(id); ok {
		return r, nil
	}
	c, err := s.Credentials.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	s.rules.put(id, c.AccessRules)
	return c.AccessRules, nil
}
