package identity

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/mapping"
)

const issuer = "https://issuer.example"

// federation is a world with one provider, whose people in crew are members of a project.
type federation struct {
	*world
	crew    *cloud.Group
	project *cloud.Project
}

// crewRules make a user of everybody, and a member of the crew of those who say so.
func crewRules(crew *cloud.Group) string {
	return `[{"local":[{"user":{"name":"{0}","email":"{1}"}}],"remote":[{"type":"HTTP_OIDC_SUB"},{"type":"HTTP_OIDC_EMAIL"}]},
		{"local":[{"group":{"id":"` + string(crew.ID) + `"}}],"remote":[{"type":"OIDC-eduperson_entitlement","any_one_of":["crew"]}]}]`
}

func newFederation(t *testing.T, o Options) *federation {
	t.Helper()
	f := &federation{world: newWorld(t, o)}
	f.crew = must[*cloud.Group](t)(f.CreateGroup(f.admin, cloud.Group{Name: "crew", DomainID: DefaultDomain}))
	f.project = f.world.project("vo", "")
	f.ok(f.Assign(f.admin, Grant{Role: f.role("member"), Group: f.crew.ID, Scope: Scope{ProjectID: f.project.ID}}))
	week := 7 * 24 * 60
	must[*cloud.IdentityProvider](t)(f.CreateProvider(f.admin, cloud.IdentityProvider{ID: "home", Enabled: true, RemoteIDs: []string{issuer}, MembershipMinutes: &week}, nil))
	f.rules(mapping.V1, crewRules(f.crew))
	must[*cloud.Protocol](t)(f.CreateProtocol(f.admin, cloud.Protocol{ProviderID: "home", Name: "openid", MappingID: "m"}))
	return f
}

// rules makes or replaces the provider's mapping.
func (f *federation) rules(version, rules string) {
	f.t.Helper()
	_, err := f.CreateMapping(f.admin, cloud.Mapping{ID: "m", Rules: json.RawMessage(rules), Version: version})
	if cloud.Is(err, cloud.AlreadyExists) {
		_, err = f.UpdateMapping(f.admin, "m", MappingChange{Rules: json.RawMessage(rules), Version: &version})
	}
	f.ok(err)
}

func said(sub string, entitlements string) Said {
	return Said{ProviderID: "home", Protocol: "openid", RemoteID: issuer,
		Assertion: mapping.Assertion{"HTTP_OIDC_SUB": sub, "HTTP_OIDC_EMAIL": sub + "@example.org", "OIDC-eduperson_entitlement": entitlements}}
}

func (f *federation) comes(s Said) *Token {
	f.t.Helper()
	return must[*Token](f.t)(f.Admit(context.Background(), s))
}

func (f *federation) rescoped(t *Token) (*Token, error) {
	return f.Issue(context.Background(), Login{Token: t.Value}, onProject(f.project.ID))
}

// A person who comes twice, by whatever protocol, and even after the user was deleted, is the same user.
func TestPersonsStayWhoTheyAre(t *testing.T) {
	f := newFederation(t, Options{})
	must[*cloud.Protocol](t)(f.CreateProtocol(f.admin, cloud.Protocol{ProviderID: "home", Name: "saml2", MappingID: "m"}))
	first := f.comes(said("ann/1@home", "crew"))
	if len(first.User.ID) != 64 || first.User.Name != "ann/1@home" || first.User.Email != "ann/1@home@example.org" {
		t.Errorf("the user is %+v", first.User)
	}
	if want := []cloud.FederatedID{{ProviderID: "home", Protocol: "openid", UniqueID: "ann/1%40home"}}; !slices.Equal(first.User.Federated, want) {
		t.Errorf("known as %v, want %v", first.User.Federated, want)
	}
	bySAML := said("ann/1@home", "crew")
	bySAML.Protocol = "saml2"
	if second := f.comes(bySAML); second.User.ID != first.User.ID || len(second.User.Federated) != 2 {
		t.Errorf("by another protocol: %+v", second.User)
	}
	f.ok(f.DeleteUser(f.admin, first.User.ID))
	if f.alive(first) {
		t.Error("a token of a deleted user holds")
	}
	if again := f.comes(said("ann/1@home", "")); again.User.ID != first.User.ID {
		t.Errorf("came back as %s, was %s", again.User.ID, first.User.ID)
	}
}

// Where a provider stands for a whole feed, who has the same name at two of its entities is two people.
func TestPersonsOfAFeed(t *testing.T) {
	f := newFederation(t, Options{})
	at := func(entity string) *cloud.User {
		s := said("ann", "")
		s.Listed, s.RemoteID = true, entity
		return f.comes(s).User
	}
	first, other, again := at("https://a.example"), at("https://b.example"), at("https://a.example")
	if first.ID == other.ID || first.ID != again.ID || first.Name == other.Name {
		t.Errorf("got %s %s, %s %s and %s", first.ID, first.Name, other.ID, other.Name, again.ID)
	}
	if want := []cloud.FederatedID{{ProviderID: "home", Protocol: "openid", UniqueID: "https%3A//a.example%21ann"}}; !slices.Equal(first.Federated, want) {
		t.Errorf("known as %v, want %v", first.Federated, want)
	}
}

// What a provider says is in the first token and counts at each change of scope.
func TestAssertedGroups(t *testing.T) {
	f := newFederation(t, Options{})
	first := f.comes(said("ann", "other;crew"))
	if !slices.Equal(first.Groups, []cloud.GroupID{f.crew.ID}) || !slices.Equal(first.Methods, []string{"openid"}) {
		t.Errorf("groups %v, methods %v", first.Groups, first.Methods)
	}
	if shown := must[*Token](t)(f.Inspect(f.admin, first.Value)); !slices.Equal(shown.Groups, first.Groups) || shown.Provider != "home" || shown.Protocol != "openid" {
		t.Errorf("shown as %+v", shown)
	}
	own := must[[]*cloud.Project](t)(f.ProjectsOf(f.as(first), first.User.ID, Filter{}))
	if len(own) != 1 || own[0].ID != f.project.ID {
		t.Errorf("projects %v", own)
	}
	scoped := must[*Token](t)(f.rescoped(first))
	if !slices.Equal(names(scoped.Roles), []string{"member", "reader"}) || scoped.Provider != "home" || scoped.ExpiresAt != first.ExpiresAt || scoped.Groups != nil {
		t.Errorf("scoped: %+v", scoped)
	}
	if _, err := f.rescoped(f.comes(said("bob", "other"))); !cloud.Is(err, cloud.Unauthenticated) {
		t.Errorf("a stranger to the group got %v", err)
	}
}

// credential makes an application credential of a person on the project.
func (f *federation) credential(t *Token) Login {
	f.t.Helper()
	scoped := must[*Token](f.t)(f.rescoped(t))
	made, secret, err := f.CreateCredential(f.as(scoped), t.User.ID, CredentialRequest{Name: "c"})
	f.ok(err)
	return Login{Credential: &CredentialLogin{ID: made.ID, Secret: secret}}
}

// Who leaves a group at home loses what rests on it when the provider says so next, and when its word has run out.
func TestMembershipEnds(t *testing.T) {
	for name, end := range map[string]func(f *federation){
		"left at home":        func(f *federation) { f.comes(said("ann", "other")) },
		"word ran out":        func(f *federation) { f.clock.pass(8 * 24 * time.Hour) },
		"provider suspended":  func(f *federation) { f.enable(false) },
		"provider is deleted": func(f *federation) { f.ok(f.DeleteProvider(f.admin, "home")) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFederation(t, Options{})
			first := f.comes(said("ann", "crew"))
			scoped := must[*Token](t)(f.rescoped(first))
			login := f.credential(first)
			byCredential := must[*Token](t)(f.Issue(context.Background(), login, ScopeRequest{}))
			if !f.alive(scoped) || !f.alive(byCredential) {
				t.Fatal("does not hold to begin with")
			}
			end(f)
			if f.alive(scoped) || f.alive(byCredential) {
				t.Error("a token goes on")
			}
			_, err := f.Issue(context.Background(), login, ScopeRequest{})
			f.wants(cloud.Unauthenticated, err)
		})
	}
}

func (f *federation) enable(on bool) {
	f.t.Helper()
	_, err := f.UpdateProvider(f.admin, "home", ProviderChange{Enabled: &on})
	f.ok(err)
}

// A token made with an application credential does not outlive the word that its roles rest on.
func TestCredentialTokensEndWithTheWord(t *testing.T) {
	f := newFederation(t, Options{})
	login := f.credential(f.comes(said("ann", "crew")))
	f.clock.pass(7*24*time.Hour - 10*time.Minute)
	last := must[*Token](t)(f.Issue(context.Background(), login, ScopeRequest{}))
	if left := last.ExpiresAt.Sub(f.now()); left > 10*time.Minute {
		t.Errorf("it lives for another %s", left)
	}
}

// A suspended provider lets nobody in; resumed, everything is as it was.
func TestSuspendedProvider(t *testing.T) {
	f := newFederation(t, Options{})
	login := f.credential(f.comes(said("ann", "crew")))
	f.enable(false)
	_, err := f.Admit(context.Background(), said("ann", "crew"))
	f.wants(cloud.Forbidden, err)
	f.enable(true)
	must[*Token](t)(f.Issue(context.Background(), login, ScopeRequest{}))
}

// Who is refused leaves nothing behind.
func TestRefusedAssertions(t *testing.T) {
	foreign, unknown, unnamed := said("ann", "crew"), said("ann", "crew"), said("ann", "crew")
	foreign.RemoteID, unknown.ProviderID, unnamed.Protocol = "https://elsewhere", "none", "none"
	stranger := said("ann", "crew")
	stranger.Assertion = mapping.Assertion{"x": "y"}
	for name, c := range map[string]struct {
		rules string
		said  Said
		want  cloud.Kind
	}{
		"of another issuer":      {"", foreign, cloud.Forbidden},
		"no such provider":       {"", unknown, cloud.NotFound},
		"no such protocol":       {"", unnamed, cloud.NotFound},
		"no rule applies":        {"", stranger, cloud.Unauthenticated},
		"a group is missing":     {`[{"local":[{"user":{"name":"{0}"}},{"group":{"id":"none"}}],"remote":[{"type":"HTTP_OIDC_SUB"}]}]`, said("ann", ""), cloud.Unauthenticated},
		"nobody is named":        {`[{"local":[{"group":{"id":"none"}}],"remote":[{"type":"HTTP_OIDC_SUB"}]}]`, said("ann", ""), cloud.Unauthenticated},
		"a role is missing":      {`[{"local":[{"user":{"name":"{0}"},"projects":[{"name":"p","roles":[{"name":"none"}]}]}],"remote":[{"type":"HTTP_OIDC_SUB"}]}]`, said("ann", ""), cloud.Unauthenticated},
		"a local user is absent": {`[{"local":[{"user":{"name":"{0}","type":"local","domain":{"id":"default"}}}],"remote":[{"type":"HTTP_OIDC_SUB"}]}]`, said("ann", ""), cloud.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFederation(t, Options{})
			if c.rules != "" {
				f.rules(mapping.V1, c.rules)
			}
			before := f.rows()
			_, err := f.Admit(context.Background(), c.said)
			f.wants(c.want, err)
			if after := f.rows(); after != before {
				t.Errorf("%d rows became %d", before, after)
			}
		})
	}
}

// rows counts what a sign-in may make.
func (f *federation) rows() int64 {
	f.t.Helper()
	count := must[int64](f.t)
	return count(f.Users.Count(f.admin)) + count(f.Projects.Count(f.admin)) + count(f.Standings.Count(f.admin)) + count(f.Assignments.Count(f.admin))
}

// Projects of a mapping are made once, in the provider's domain; by rules of version 3, roles that it no longer gives go.
func TestProvisionedProjects(t *testing.T) {
	rules := func(name string) string {
		return `[{"local":[{"user":{"name":"{0}"},"projects":[{"name":"` + name + `","roles":[{"name":"member"}]}]}],"remote":[{"type":"HTTP_OIDC_SUB"}]}]`
	}
	for version, want := range map[string][]string{mapping.V1: {"one", "two"}, mapping.V2: {"one", "two"}, mapping.V3: {"two"}} {
		t.Run(version, func(t *testing.T) {
			f := newFederation(t, Options{})
			for _, name := range []string{"one", "one", "two"} {
				f.rules(version, rules(name))
				f.comes(said("ann", ""))
			}
			ann := f.comes(said("ann", ""))
			var have []string
			for _, p := range must[[]*cloud.Project](t)(f.ProjectsOf(f.as(ann), ann.User.ID, Filter{})) {
				have = append(have, p.Name)
				if p.DomainID != ann.User.DomainID {
					t.Errorf("project %s is in domain %s", p.Name, p.DomainID)
				}
			}
			if slices.Sort(have); !slices.Equal(have, want) {
				t.Errorf("projects %v, want %v", have, want)
			}
		})
	}
}

// A mapping may lead to a user who is here anyway, who then has what this user has.
func TestLocalUserByAssertion(t *testing.T) {
	f := newFederation(t, Options{})
	f.rules(mapping.V1, `[{"local":[{"user":{"name":"{0}","type":"local","domain":{"id":"default"}}}],"remote":[{"type":"HTTP_OIDC_SUB"}]}]`)
	ann := f.user("ann")
	f.ok(f.Assign(f.admin, Grant{Role: f.role("member"), User: ann.ID, Scope: Scope{ProjectID: f.project.ID}}))
	token := f.comes(said("ann", ""))
	if token.User.ID != ann.ID || token.Provider != "" || len(token.User.Federated) != 0 {
		t.Errorf("signed in as %+v", token)
	}
	must[*Token](t)(f.rescoped(token))
}

// Names that people choose to be shown are not unique; both come in.
func TestSameNameTwice(t *testing.T) {
	f := newFederation(t, Options{})
	f.rules(mapping.V1, `[{"local":[{"user":{"id":"{0}","name":"Ann"}}],"remote":[{"type":"HTTP_OIDC_SUB"}]}]`)
	first, second := f.comes(said("1", "")), f.comes(said("2", ""))
	if first.User.ID == second.User.ID || first.User.Name != "Ann" || second.User.Name != "Ann ("+string(second.User.ID)[:8]+")" {
		t.Errorf("%s and %s", first.User.Name, second.User.Name)
	}
	if again := f.comes(said("2", "")); again.User.Name != second.User.Name {
		t.Errorf("renamed to %s", again.User.Name)
	}
}
