package keystone

import (
	"cmp"
	"crypto/rand"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// Sign-in by a browser: a dashboard sends it here, it goes on to its provider and comes back, and gives the dashboard a token.
// A dashboard may name the provider, or leave that to the person.

const webSSO = " /v3/auth/OS-FEDERATION/"

func (a *api) webSSORoutes() {
	for _, verb := range []string{"GET", "POST"} {
		a.Public(verb+webSSO+"websso/{protocol}", a.chooseProvider)
		a.Public(verb+webSSO+"identity_providers/{provider}/protocols/{protocol}/websso", func(w http.ResponseWriter, r *http.Request) error {
			return a.chooseHome(w, r, providerID(r))
		})
	}
	a.Public("GET"+webSSO+"websso/{protocol}/redirect", a.arrive)
}

// origin is the page that gets the token, in the query or in a form.
func origin(r *http.Request) string { return r.FormValue("origin") }

// chooseProvider goes on to the only provider there is, or asks which.
func (a *api) chooseProvider(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.CheckOrigin(origin(r)); err != nil {
		return err
	}
	ways, err := a.identity.Ways(r.Context(), r.PathValue("protocol"))
	switch {
	case err != nil:
		return err
	case len(ways) == 0:
		return &cloud.Error{Kind: cloud.Unauthenticated, Message: "No identity provider can be signed in by with the protocol '" + r.PathValue("protocol") + "'."}
	case len(ways) == 1:
		return a.chooseHome(w, r, ways[0].ID)
	}
	var choices []choice
	for _, p := range ways {
		choices = append(choices, choice{Name: cmp.Or(p.Description, string(p.ID)), URL: a.wayURL(r, p.ID) + "?origin=" + url.QueryEscape(origin(r))})
	}
	return writePage(w, choicePage, page{Choices: choices})
}

// wayURL is where a browser begins that is to go to a certain provider.
func (a *api) wayURL(r *http.Request, p cloud.IdentityProviderID) string {
	return a.root(r) + "/v3/auth/OS-FEDERATION/identity_providers/" + url.PathEscape(string(p)) + "/protocols/" + url.PathEscape(r.PathValue("protocol")) + "/websso"
}

// chooseHome goes on to a provider, or asks which organisation of the many that it stands for. The answer comes as other
// pages for this have it (entityID, from the discovery protocol of SAML).
func (a *api) chooseHome(w http.ResponseWriter, r *http.Request, provider cloud.IdentityProviderID) error {
	if err := a.identity.CheckOrigin(origin(r)); err != nil {
		return err
	}
	homes, chooses, err := a.identity.Homes(r.Context(), provider, r.PathValue("protocol"), r.FormValue("search"))
	if err != nil {
		return err
	}
	if !chooses || r.FormValue("entityID") != "" {
		return a.depart(w, r, provider)
	}
	p := page{Target: a.wayURL(r, provider), Search: true, Fields: map[string]string{"origin": origin(r)}, Text: r.FormValue("search")}
	for _, h := range homes {
		p.Choices = append(p.Choices, choice{Name: h.Name, URL: p.Target + "?origin=" + url.QueryEscape(origin(r)) + "&entityID=" + url.QueryEscape(h.EntityID)})
	}
	return writePage(w, choicePage, p)
}

// redirectURL is where providers send browsers back to. It is registered with them letter by letter, so it does not depend
// on the way this browser came.
func (a *api) redirectURL(r *http.Request) string {
	return a.base(r) + "/v3/auth/OS-FEDERATION/websso/" + url.PathEscape(r.PathValue("protocol")) + "/redirect"
}

func (a *api) depart(w http.ResponseWriter, r *http.Request, provider cloud.IdentityProviderID) error {
	d, err := a.identity.Depart(r.Context(), identity.Journey{ProviderID: provider, Protocol: r.PathValue("protocol"), Origin: origin(r),
		Entity: r.FormValue("entityID")}, a.redirectURL(r), a.samlSite(r))
	if err != nil {
		return err
	}
	http.SetCookie(w, a.journeyCookie(r, d.State, d.Sealed, int(identity.JourneyMax.Seconds())))
	if d.Form != nil {
		return writePage(w, postPage, page{Target: d.URL, Fields: d.Form})
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, d.URL, http.StatusFound)
	return nil
}

// journeyCookie is one journey's: a browser may be on several at once. Lax lets it come along when the provider sends the
// browser back.
func (a *api) journeyCookie(r *http.Request, state, value string, seconds int) *http.Cookie {
	return &http.Cookie{Name: "nubo_sign_in_" + cookieName(state), Value: value, Path: "/", MaxAge: seconds, HttpOnly: true,
		Secure: strings.HasPrefix(a.base(r), "https://"), SameSite: http.SameSiteLaxMode}
}

// cookieName keeps of a state what may be in a name.
func cookieName(state string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			return c
		}
		return -1
	}, state)
}

func (a *api) arrive(w http.ResponseWriter, r *http.Request) error {
	state := r.URL.Query().Get("state")
	kept, err := r.Cookie(a.journeyCookie(r, state, "", 0).Name)
	if err != nil {
		return notFromHere()
	}
	http.SetCookie(w, a.journeyCookie(r, state, "", -1))
	t, to, err := a.identity.Arrive(r.Context(), kept.Value, a.redirectURL(r), r.URL.Query())
	if err != nil {
		return err
	}
	return a.handOver(w, to, t)
}

func notFromHere() error {
	return &cloud.Error{Kind: cloud.Unauthenticated, Message: "This sign-in did not begin in this browser, or began too long ago. Begin again."}
}

// handOver has the browser give the page that asked its token. The field's name is the one that dashboards look for.
func (a *api) handOver(w http.ResponseWriter, to string, t *identity.Token) error {
	return writePage(w, postPage, page{Target: to, Fields: map[string]string{"token": t.Value}})
}

type choice struct{ Name, URL string }

// page is what the two pages show.
type page struct {
	Nonce   string
	Choices []choice
	Target  string // where Fields are posted; the template lets through http and https only
	Fields  map[string]string
	Search  bool // whether there is more than Choices; Text is what was looked for
	Text    string
}

var choicePage = template.Must(template.New("choice").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in</title><meta name="viewport" content="width=device-width">
<style nonce="{{.Nonce}}">body{font:1.1rem sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}a{display:block;padding:.8rem 0}</style></head>
<body><h1>Where are you at home?</h1>{{if .Search}}<form action="{{.Target}}"><input name="search" value="{{.Text}}" autofocus placeholder="Name or domain of your organisation">
{{range $name, $value := .Fields}}<input type="hidden" name="{{$name}}" value="{{$value}}">{{end}}<input type="submit" value="Search"></form>{{end}}{{range .Choices}}<a href="{{.URL}}">{{.Name}}</a>{{end}}</body></html>
`))

// postPage posts its fields by itself. The form has the name that clients which are no browsers look for.
var postPage = template.Must(template.New("post").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Signing in</title></head>
<body><form id="sso" name="sso" action="{{.Target}}" method="post">Please wait...
{{range $name, $value := .Fields}}<input type="hidden" name="{{$name}}" id="{{$name}}" value="{{$value}}">
{{end}}<noscript><input type="submit" value="Go on"></noscript></form>
<script nonce="{{.Nonce}}">document.getElementById("sso").submit()</script></body></html>
`))

// writePage writes a page that runs nothing but its own script. Where its form goes is not bounded: browsers bound
// redirections of the answer by that, too, and dashboards redirect.
func writePage(w http.ResponseWriter, t *template.Template, p page) error {
	p.Nonce = rand.Text()
	policy := "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'nonce-" + p.Nonce + "'; script-src 'nonce-" + p.Nonce + "'"
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	return t.Execute(w, p)
}
