package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/openid"
)

// Request is who wants to use which cloud.
type Request struct {
	AuthURL  string // ends in /v3
	Provider string // as the cloud calls it
	Protocol string
	Client   openid.Settings // this program's registration at the provider, which is public as a rule
	Project  string          // its name or id; may be empty if there is one only
	Days     int             // for which the credential is good
	Name     string          // of the credential

	HTTP *http.Client // towards the cloud
	// Show tells the person where to go and what to type there.
	Show func(*openid.Device)
}

// Credential is an application credential, as its owner uses it.
type Credential struct {
	AuthURL, ID, Secret string
	Project             string // the name
	User                string // the name
	Expires             time.Time
}

// Login signs a person in.
func Login(ctx context.Context, o *openid.Client, r Request) (*Credential, error) {
	device, err := o.StartDevice(ctx, r.Client)
	if err != nil {
		return nil, err
	}
	r.Show(device)
	tokens, err := o.PollDevice(ctx, r.Client, device)
	if err != nil {
		return nil, err
	}
	return r.exchange(ctx, tokens.Access)
}

// exchange makes an access token a credential of the cloud.
func (r Request) exchange(ctx context.Context, access string) (*Credential, error) {
	c := &session{root: strings.TrimSuffix(r.AuthURL, "/"), http: r.HTTP}
	who, err := c.signIn(ctx, r.Provider, r.Protocol, access)
	if err != nil {
		return nil, err
	}
	p, err := c.choose(ctx, r.Project)
	if err != nil {
		return nil, err
	}
	if err := c.enter(ctx, p.ID); err != nil {
		return nil, err
	}
	made, err := c.credential(ctx, who.ID, r.Name, time.Now().UTC().AddDate(0, 0, r.Days).Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	made.AuthURL, made.Project, made.User = c.root, p.Name, who.Name
	return made, nil
}

// named is a user or a project.
type named struct{ ID, Name string }

func (c *session) signIn(ctx context.Context, provider, protocol, access string) (named, error) {
	var answer struct{ Token struct{ User named } }
	path := "/OS-FEDERATION/identity_providers/" + escape(provider) + "/protocols/" + escape(protocol) + "/auth"
	err := c.call(ctx, http.MethodPost, path, "Bearer "+access, nil, &answer)
	if err != nil {
		return named{}, fmt.Errorf("the cloud does not let you in: %w", err)
	}
	return answer.Token.User, nil
}

// choose finds the project that was asked for, or the only one.
func (c *session) choose(ctx context.Context, asked string) (named, error) {
	var answer struct{ Projects []named }
	if err := c.call(ctx, http.MethodGet, "/auth/projects", "", nil, &answer); err != nil {
		return named{}, fmt.Errorf("your projects cannot be listed: %w", err)
	}
	all := answer.Projects
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	at := slices.IndexFunc(all, func(p named) bool { return p.ID == asked || p.Name == asked })
	switch {
	case at >= 0:
		return all[at], nil
	case len(all) == 0:
		return named{}, errors.New("the cloud knows you, and you are in no project there: ask its operator about your virtual organisation")
	case asked != "":
		return named{}, fmt.Errorf("you are not in project %s: you are in %s", asked, strings.Join(names, ", "))
	case len(all) > 1:
		return named{}, fmt.Errorf("you are in several projects, %s: name one with --project", strings.Join(names, ", "))
	}
	return all[0], nil
}

// enter makes the session one in a project.
func (c *session) enter(ctx context.Context, project string) error {
	body := object{"auth": object{"identity": object{"methods": []string{"token"}, "token": object{"id": c.token}},
		"scope": object{"project": object{"id": project}}}}
	if err := c.call(ctx, http.MethodPost, "/auth/tokens", "", body, nil); err != nil {
		return fmt.Errorf("the cloud does not let you into the project: %w", err)
	}
	return nil
}

func (c *session) credential(ctx context.Context, user, name string, expires time.Time) (*Credential, error) {
	body := object{"application_credential": object{"name": name, "description": "made by nubo login", "expires_at": expires.Format("2006-01-02T15:04:05")}}
	var answer struct {
		Made struct{ ID, Secret string } `json:"application_credential"`
	}
	if err := c.call(ctx, http.MethodPost, "/users/"+escape(user)+"/application_credentials", "", body, &answer); err != nil {
		return nil, fmt.Errorf("an application credential cannot be made: %w", err)
	}
	return &Credential{ID: answer.Made.ID, Secret: answer.Made.Secret, Expires: expires}, nil
}
