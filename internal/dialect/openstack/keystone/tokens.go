package keystone

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) tokenRoutes() {
	a.Public("POST /v3/auth/tokens", a.createToken)
	a.Handle("GET /v3/auth/tokens", a.showToken)
	a.Handle("DELETE /v3/auth/tokens", a.revokeToken)
	a.Handle("GET /v3/auth/catalog", a.showCatalog)
	a.Handle("GET /v3/auth/projects", a.listAuthProjects)
	a.Handle("GET /v3/auth/domains", a.listAuthDomains)
	a.Handle("GET /v3/auth/system", a.listAuthSystem)
}

const subjectHeader = "X-Subject-Token"

type domainRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (d *domainRef) ref() identity.DomainRef {
	if d == nil {
		return identity.DomainRef{}
	}
	return identity.DomainRef{ID: cloud.DomainID(d.ID), Name: d.Name}
}

// unnamed tells whether nothing says which domain.
func (d *domainRef) unnamed() bool { return d == nil || d.ID == "" && d.Name == "" }

type userRef struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Domain   *domainRef `json:"domain"`
	Password *string    `json:"password"`
}

func (u *userRef) ref() identity.UserRef {
	return identity.UserRef{ID: cloud.UserID(u.ID), Name: u.Name, Domain: u.Domain.ref()}
}

// check: a user is named by id, or by name and domain.
func (u *userRef) check(where string) error {
	switch {
	case u == nil:
		return expecting("user", where)
	case u.ID == "" && u.Name == "":
		return expecting("id or name", where+".user")
	case u.ID == "" && u.Domain.unnamed():
		return expecting("domain", where+".user")
	}
	return nil
}

func expecting(what, where string) error {
	return cloud.Invalidf("request", where, "Expecting to find %s in %s. The server could not comply with the request since it is either malformed or otherwise incorrect.", what, where)
}

type authBody struct {
	Auth *struct {
		Identity *struct {
			Methods  []string `json:"methods"`
			Password *struct {
				User *userRef `json:"user"`
			} `json:"password"`
			Token *struct {
				ID string `json:"id"`
			} `json:"token"`
			Credential *struct {
				ID     string   `json:"id"`
				Name   string   `json:"name"`
				Secret string   `json:"secret"`
				User   *userRef `json:"user"`
			} `json:"application_credential"`
			OAuth *object `json:"oauth1"`
		} `json:"identity"`
		Scope json.RawMessage `json:"scope"`
	} `json:"auth"`
}

// login reads who signs in: only the parts whose method is named count.
func (a *api) login(r *http.Request, b *authBody) (l identity.Login, err error) {
	if b.Auth == nil {
		return l, expecting("auth", "request body")
	}
	if b.Auth.Identity == nil || len(b.Auth.Identity.Methods) == 0 {
		return l, expecting("identity.methods", "auth")
	}
	for _, m := range b.Auth.Identity.Methods {
		switch {
		case !slices.Contains(identity.Methods, m):
			return l, &cloud.Error{Kind: cloud.Unauthenticated, Message: "Attempted to authenticate with an unsupported method."}
		case m == identity.MethodPassword:
			err = b.passwordLogin(&l)
		case m == identity.MethodToken:
			err = b.tokenLogin(&l)
		case m == identity.MethodCredential:
			err = b.credentialLogin(&l)
		case m == identity.MethodDelegated:
			l.Delegated, err = a.signature(r)
		}
		if err != nil {
			return l, err
		}
	}
	return l, nil
}

func (b *authBody) passwordLogin(l *identity.Login) error {
	p := b.Auth.Identity.Password
	if p == nil {
		return expecting("password", "auth.identity")
	}
	if err := p.User.check("auth.identity.password"); err != nil {
		return err
	}
	if p.User.Password == nil {
		return expecting("password", "auth.identity.password.user")
	}
	l.Password = &identity.PasswordLogin{User: p.User.ref(), Password: *p.User.Password}
	return nil
}

func (b *authBody) tokenLogin(l *identity.Login) error {
	t := b.Auth.Identity.Token
	if t == nil || t.ID == "" {
		return expecting("token.id", "auth.identity")
	}
	l.Token = t.ID
	return nil
}

func (b *authBody) credentialLogin(l *identity.Login) error {
	c := b.Auth.Identity.Credential
	if c == nil {
		return expecting("application_credential", "auth.identity")
	}
	l.Credential = &identity.CredentialLogin{ID: cloud.CredentialID(c.ID), Name: c.Name, Secret: c.Secret}
	if c.ID != "" {
		return nil
	}
	if err := c.User.check("auth.identity.application_credential"); err != nil {
		return err
	}
	l.Credential.User = c.User.ref()
	return nil
}

type scopeBody struct {
	Project *struct {
		ID     string     `json:"id"`
		Name   string     `json:"name"`
		Domain *domainRef `json:"domain"`
	} `json:"project"`
	Domain   *domainRef `json:"domain"`
	System   *object    `json:"system"`
	Unscoped *object    `json:"unscoped"`
	Trust    *struct {
		ID string `json:"id"`
	} `json:"OS-TRUST:trust"`
}

// scope reads what the token is wanted for.
func (b *authBody) scope() (s identity.ScopeRequest, err error) {
	raw := b.Auth.Scope
	if len(raw) == 0 || string(raw) == "null" {
		return s, nil
	}
	if string(raw) == `"unscoped"` {
		return identity.ScopeRequest{None: true}, nil
	}
	var v scopeBody
	if err := openstack.DecodeBytes(raw, &v); err != nil {
		return s, err
	}
	switch {
	case v.Trust != nil && (v.Project != nil || v.Domain != nil || v.System != nil):
		return s, cloud.Invalidf("request", "auth.scope", "A trust has its own project; another scope cannot be combined with it.")
	case v.Trust != nil && v.Trust.ID == "":
		return s, expecting("id", "auth.scope.OS-TRUST:trust")
	case v.Trust != nil:
		s.Trust = cloud.TrustID(v.Trust.ID)
	case v.Project != nil && v.Domain != nil:
		return s, cloud.Invalidf("request", "auth.scope", "Project and domain scopes cannot be combined.")
	case v.Project != nil && v.Project.ID == "" && (v.Project.Name == "" || v.Project.Domain.unnamed()):
		return s, expecting("id, or name and domain", "auth.scope.project")
	case v.Project != nil:
		s.Project = &identity.ProjectRef{ID: cloud.ProjectID(v.Project.ID), Name: v.Project.Name, Domain: v.Project.Domain.ref()}
	case v.Domain != nil && v.Domain.unnamed():
		return s, expecting("id or name", "auth.scope.domain")
	case v.Domain != nil:
		d := v.Domain.ref()
		s.Domain = &d
	case v.System != nil:
		s.System = true
	case v.Unscoped != nil:
		s.None = true
	default:
		return s, expecting("project, domain or system", "auth.scope")
	}
	return s, nil
}

func (a *api) createToken(w http.ResponseWriter, r *http.Request) error {
	var b authBody
	if err := openstack.Decode(r, &b); err != nil {
		return err
	}
	l, err := a.login(r, &b)
	if err != nil {
		return err
	}
	s, err := b.scope()
	if err != nil {
		return err
	}
	t, err := a.identity.Issue(r.Context(), l, s)
	if err != nil {
		return err
	}
	w.Header().Set(subjectHeader, t.Value)
	return a.writeToken(w, r, http.StatusCreated, t)
}

func (a *api) showToken(w http.ResponseWriter, r *http.Request) error {
	subject, err := subjectToken(r)
	if err != nil {
		return err
	}
	t, err := a.identity.Inspect(r.Context(), subject)
	if err != nil {
		return err
	}
	w.Header().Set(subjectHeader, subject)
	return a.writeToken(w, r, http.StatusOK, t)
}

func (a *api) revokeToken(w http.ResponseWriter, r *http.Request) error {
	subject, err := subjectToken(r)
	if err == nil {
		err = a.identity.Revoke(r.Context(), subject)
	}
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func subjectToken(r *http.Request) (string, error) {
	subject := r.Header.Get(subjectHeader)
	if subject == "" {
		return "", cloud.Invalidf("request", subjectHeader, "The header %s is missing.", subjectHeader)
	}
	return subject, nil
}

func (a *api) writeToken(w http.ResponseWriter, r *http.Request, status int, t *identity.Token) error {
	v := tokenObject(t)
	if scoped := t.Project != nil || t.Domain != nil || t.System; scoped && !asked(r, "nocatalog") && !r.URL.Query().Has("nocatalog") {
		var project cloud.ProjectID
		if t.Project != nil {
			project = t.Project.ID
		}
		entries, err := a.catalogObjects(r, t.User.ID, project)
		if err != nil {
			return err
		}
		v["catalog"] = entries
	}
	if t.Project != nil || t.Domain != nil {
		others, err := a.identity.OtherClouds(r.Context())
		if err != nil {
			return err
		}
		if len(others) > 0 {
			v["service_providers"] = each(others, func(p *cloud.ServiceProvider) object {
				return object{"id": p.ID, "auth_url": p.AuthURL, "sp_url": p.ServiceURL}
			})
		}
	}
	w.Header().Set("Vary", "X-Auth-Token")
	return one(w, status, "token", v)
}

func tokenObject(t *identity.Token) object {
	v := object{"methods": orEmpty(t.Methods), "audit_ids": t.AuditIDs, "issued_at": t.IssuedAt.Format(tokenTime), "expires_at": t.ExpiresAt.Format(tokenTime),
		"user": object{"id": t.User.ID, "name": t.User.Name, "domain": brief(t.UserDomain), "password_expires_at": timeOrNull(identity.PasswordExpiry(t.User))}}
	switch {
	case t.Project != nil:
		v["project"] = object{"id": t.Project.ID, "name": t.Project.Name, "domain": brief(t.ProjectDomain)}
		v["is_domain"] = false
	case t.Domain != nil:
		v["domain"] = brief(t.Domain)
	case t.System:
		v["system"] = object{"all": true}
	}
	if len(t.Roles) > 0 {
		v["roles"] = each(t.Roles, func(r *cloud.Role) object { return object{"id": r.ID, "name": r.Name} })
	}
	if c := t.Credential; c != nil {
		cred := object{"id": c.ID, "name": c.Name, "restricted": !c.Unrestricted}
		if len(c.AccessRules) > 0 {
			cred["access_rules"] = each(c.AccessRules, ruleObject)
		}
		v["application_credential"] = cred
	}
	if trust := t.Trust; trust != nil {
		v["OS-TRUST:trust"] = object{"id": trust.ID, "impersonation": trust.Impersonation, "trustor_user": object{"id": trust.TrustorID},
			"trustee_user": object{"id": trust.TrusteeID}, "redelegated_trust_id": orNull(trust.ParentID), "redelegation_count": trust.RedelegationCount}
	}
	if t.Provider != "" {
		v["user"].(object)["OS-FEDERATION"] = object{"identity_provider": object{"id": t.Provider}, "protocol": object{"id": t.Protocol},
			"groups": each(t.Groups, func(g cloud.GroupID) object { return object{"id": g} })}
	}
	if d := t.Delegation; d != nil {
		v["OS-OAUTH1"] = object{"consumer_id": d.ApplicationID, "access_token_id": d.ID}
	}
	return v
}

func brief(d *cloud.Domain) object { return object{"id": d.ID, "name": d.Name} }

func (a *api) catalogObjects(r *http.Request, user cloud.UserID, project cloud.ProjectID) ([]object, error) {
	entries, err := a.identity.Catalog(r.Context(), a.base(r), user, project)
	return each(entries, func(e identity.CatalogEntry) object {
		return object{"id": e.Service.ID, "type": e.Service.Type, "name": e.Service.Name, "endpoints": each(e.Endpoints, func(at identity.Endpoint) object {
			return object{"id": at.ID, "interface": at.Interface, "region": at.RegionID, "region_id": at.RegionID, "url": at.URL}
		})}
	}), err
}

func (a *api) showCatalog(w http.ResponseWriter, r *http.Request) error {
	p := caller(r)
	if p.ProjectID == "" && p.DomainID == "" && !p.System {
		return &cloud.Error{Kind: cloud.Forbidden, Message: "An unscoped token has no catalog."}
	}
	entries, err := a.catalogObjects(r, p.UserID, p.ProjectID)
	if err != nil {
		return err
	}
	return a.list(w, r, "catalog", entries, 0)
}

func (a *api) listAuthProjects(w http.ResponseWriter, r *http.Request) error {
	enabled := true
	list, err := a.identity.ProjectsOf(r.Context(), caller(r).UserID, identity.Filter{Enabled: &enabled})
	if err != nil {
		return err
	}
	return a.list(w, r, "projects", each(list, a.projectObject(r)), 0)
}

func (a *api) listAuthDomains(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.DomainsOf(r.Context(), caller(r).UserID)
	if err != nil {
		return err
	}
	return a.list(w, r, "domains", each(list, a.domainObject(r)), 0)
}

func (a *api) listAuthSystem(w http.ResponseWriter, r *http.Request) error {
	ok, err := a.identity.OnSystem(r.Context(), caller(r).UserID)
	if err != nil {
		return err
	}
	var systems []object
	if ok {
		systems = []object{{"all": true}}
	}
	return a.list(w, r, "system", systems, 0)
}
