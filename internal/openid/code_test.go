package openid_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

const back = "https://cloud.example/back"

// browse goes where Begin sends a browser, and answers the query that it comes back with.
func (w *world) browse(page string) url.Values {
	w.Helper()
	browser := openidtest.Client(w.op)
	browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "cloud.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	answer, err := browser.Get(page)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	at, err := answer.Location()
	if err != nil {
		w.Fatalf("%s answered %s", page, answer.Status)
	}
	return at.Query()
}

func (w *world) begin() (url.Values, openid.Pending) {
	w.Helper()
	page, p, err := w.client.Begin(w.Context(), w.s, back)
	if err != nil {
		w.Fatal(err)
	}
	return w.browse(page), p
}

// A person signs in with a browser; later, the issuer is asked again what is so now.
func TestCode(t *testing.T) {
	still(t, func(w *world) {
		w.op.SignIn(someone)
		w.s.Scopes = []string{"openid", "offline_access"}
		answer, pending := w.begin()
		p, err := w.client.Finish(w.Context(), w.s, back, pending, answer)
		if err != nil {
			w.Fatal(err)
		}
		w.is(p, someone, member)
		if p.RefreshToken == "" || p.Expires.Before(time.Now().Add(time.Minute)) {
			w.Errorf("%+v", p)
		}
		_, err = w.client.Finish(w.Context(), w.s, back, pending, answer)
		refused(w.T, nil, err, openid.Inactive) // a code is good once

		w.op.SetUser(openidtest.User{Subject: someone, Claims: map[string]any{"eduperson_entitlement": []string{"another"}}})
		again, err := w.client.Refresh(w.Context(), w.s, p.RefreshToken)
		if err != nil {
			w.Fatal(err)
		}
		w.is(again, someone, "another")
		if again.RefreshToken == p.RefreshToken {
			w.Error("the refresh token is the old one")
		}
		_, err = w.client.Refresh(w.Context(), w.s, p.RefreshToken)
		refused(w.T, nil, err, openid.Inactive)
		w.op.RemoveUser(someone)
		_, err = w.client.Refresh(w.Context(), w.s, again.RefreshToken)
		refused(w.T, nil, err, openid.Inactive)
	})
}

// Entitlements that no ID token carries are userinfo's, for a client without a secret, too.
func TestCodeAsksUserinfo(t *testing.T) {
	still(t, func(w *world) {
		w.op.SetApp(openidtest.App{ID: "public", Redirects: []string{back}, Opaque: true})
		w.op.SignIn(someone)
		w.s = openid.Settings{Issuer: issuer, ClientID: "public"}
		answer, pending := w.begin()
		p, err := w.client.Finish(w.Context(), w.s, back, pending, answer)
		if err != nil {
			w.Fatal(err)
		}
		w.is(p, someone, member)
		if p.Text("email") != "ada@example.eu" {
			w.Errorf("%s", p.Claims)
		}
	})
}

// What comes back with a browser must be the answer to what that browser asked.
func TestCodeAnswers(t *testing.T) {
	still(t, func(w *world) {
		w.op.SignIn(someone)
		other, err := url.Parse("https://other.example")
		if err != nil {
			w.Fatal(err)
		}
		for name, c := range map[string]struct {
			spoil  func(url.Values, *openid.Pending)
			reason openid.Reason
		}{
			"another browser's":       {func(_ url.Values, p *openid.Pending) { p.State = "x" }, openid.WrongState},
			"no browser's":            {func(a url.Values, p *openid.Pending) { a.Del("state"); *p = openid.Pending{Issuer: issuer} }, openid.WrongState},
			"too old":                 {func(_ url.Values, p *openid.Pending) { p.Begun = p.Begun.Add(-11 * time.Minute) }, openid.WrongState},
			"begun at another issuer": {func(_ url.Values, p *openid.Pending) { p.Issuer = other.String() }, openid.WrongIssuer},
			"of another issuer":       {func(a url.Values, _ *openid.Pending) { a.Set("iss", other.String()) }, openid.WrongIssuer},
			"no code":                 {func(a url.Values, _ *openid.Pending) { a.Del("code") }, openid.Malformed},
			"another code":            {func(a url.Values, _ *openid.Pending) { a.Set("code", "x") }, openid.Inactive},
			"another's verifier":      {func(_ url.Values, p *openid.Pending) { p.Verifier = "x" }, openid.Inactive},
			"another sign-in's token": {func(_ url.Values, p *openid.Pending) { p.Nonce = "x" }, openid.WrongNonce},
			"an error":                {func(a url.Values, _ *openid.Pending) { a.Set("error", "login_required") }, openid.Denied},
		} {
			w.Log(name)
			answer, pending := w.begin()
			c.spoil(answer, &pending)
			p, err := w.client.Finish(w.Context(), w.s, back, pending, answer)
			refused(w.T, p, err, c.reason)
		}
		w.op.SignIn("")
		answer, pending := w.begin()
		p, err := w.client.Finish(w.Context(), w.s, back, pending, answer)
		refused(w.T, p, err, openid.Denied)
	})
}

// An ID token must be the issuer's, for us alone, and now.
func TestCodeIDTokens(t *testing.T) {
	still(t, func(w *world) {
		w.op.SignIn(someone)
		for name, c := range map[string]struct {
			other  map[string]any
			sign   func(map[string]any) string
			reason openid.Reason
		}{
			"another issuer's":   {map[string]any{"iss": "https://other.example"}, nil, openid.WrongIssuer},
			"for another":        {map[string]any{"aud": "elsewhere"}, nil, openid.WrongParty},
			"for us and another": {map[string]any{"aud": []string{"cloud", "elsewhere"}}, nil, openid.WrongParty},
			"issued to another":  {map[string]any{"azp": "elsewhere"}, nil, openid.WrongParty},
			"expired":            {map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}, nil, openid.Expired},
			"of nobody":          {map[string]any{"sub": nil}, nil, openid.WrongSubject},
			"no nonce":           {map[string]any{"nonce": nil}, nil, openid.WrongNonce},
			"another's access":   {map[string]any{"at_hash": "x"}, nil, openid.BadSignature},
			"unsigned":           {nil, openidtest.SignNot, openid.BadAlgorithm},
			"signed by everyone": {nil, w.op.SignWithPublicKey, openid.BadAlgorithm},
			"signed by another":  {nil, func(c map[string]any) string { return w.op.SignForeign("", c) }, openid.BadSignature},
			"none":               {nil, func(map[string]any) string { return "x" }, openid.Malformed},
		} {
			w.Log(name)
			answer, pending := w.begin()
			said := claims(map[string]any{"nonce": pending.Nonce})
			maps.Copy(said, c.other)
			maps.DeleteFunc(said, func(_ string, value any) bool { return value == nil })
			token := w.op.Sign("JWT", said)
			if c.sign != nil {
				token = c.sign(said)
			}
			w.answering(openidtest.Token, saying(200, map[string]any{"access_token": "a", "id_token": token}))
			p, err := w.client.Finish(w.Context(), w.s, back, pending, answer)
			refused(w.T, p, err, c.reason)
			w.op.Be(openidtest.Behaviour{})
		}
	})
}

// An issuer's trouble, and a client that it does not know, are not the person's.
func TestCodeTrouble(t *testing.T) {
	still(t, func(w *world) {
		w.op.SignIn(someone)
		for _, trouble := range []http.HandlerFunc{saying(500, nil), saying(401, map[string]string{"error": "invalid_client"}), saying(200, map[string]string{"access_token": "x"}), saying(200, "x")} {
			answer, pending := w.begin()
			w.answering(openidtest.Token, trouble)
			p, err := w.client.Finish(w.Context(), w.s, back, pending, answer)
			unreachable(w.T, p, err)
			w.op.Be(openidtest.Behaviour{})
		}
		w.s.ClientID = ""
		_, _, err := w.client.Begin(w.Context(), w.s, back)
		unreachable(w.T, nil, err)
	})
}

// The browser is sent with all that the protocol asks for, and with no secret.
func TestBegin(t *testing.T) {
	still(t, func(w *world) {
		page, p, err := w.client.Begin(w.Context(), w.s, back)
		if err != nil {
			w.Fatal(err)
		}
		u, err := url.Parse(page)
		if err != nil {
			w.Fatal(err)
		}
		q := u.Query()
		if q.Get("scope") != "openid profile email eduperson_entitlement entitlements" || q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != back ||
			q.Get("state") != p.State || q.Get("nonce") != p.Nonce || q.Get("response_type") != "code" {
			w.Errorf("the browser is sent to %s", page)
		}
		for _, values := range q {
			if slices.Contains(values, p.Verifier) || slices.Contains(values, w.s.ClientSecret) {
				w.Errorf("%s gives a secret away", page)
			}
		}
	})
}
