package openid_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

// A key that is new is fetched at once, and what the old one signed is worth nothing any more.
func TestRotation(t *testing.T) {
	still(t, func(w *world) {
		before := w.op.Grant("cloud", someone, "openid")
		w.accept(before)
		time.Sleep(11 * time.Second)
		w.op.Rotate(true)
		w.is(w.accept(w.op.Grant("cloud", someone, "openid")), someone, member)
		w.asked(openidtest.Keys, 2)
		w.accept(w.op.Sign("JWT", claims(map[string]any{"jti": "1"})))

		time.Sleep(11 * time.Second)
		w.op.Rotate(false)
		w.accept(w.op.Grant("cloud", someone, "openid"))
		time.Sleep(61 * time.Second)
		w.refuse(before, openid.UnknownKey)
	})
}

// Kids that somebody makes up cost the issuer one request in a pause, and nobody else anything.
func TestUnknownKeys(t *testing.T) {
	still(t, func(w *world) {
		w.accept(w.op.Grant("cloud", someone, "openid"))
		for range 20 {
			w.refuse(w.op.SignForeign("made-up", claims(nil)), openid.UnknownKey)
		}
		w.asked(openidtest.Keys, 1)
		time.Sleep(11 * time.Second)
		for range 20 {
			w.refuse(w.op.SignForeign("made-up", claims(nil)), openid.UnknownKey)
			w.refuse(w.op.SignForeign("", claims(nil)), openid.BadSignature)
		}
		w.asked(openidtest.Keys, 2)
	})
}

// While an issuer is down, its keys go on being used; only what they do not answer is unreachable, and that soon.
func TestIssuerDown(t *testing.T) {
	still(t, func(w *world) {
		w.accept(w.op.Grant("cloud", someone, "openid"))
		w.op.Be(openidtest.Behaviour{Down: true})
		for range 3 {
			time.Sleep(2 * time.Hour) // keys and discovery are old
			w.is(w.accept(w.op.Sign("JWT", claims(nil))), someone, member)
			synctest.Wait()
		}
		w.asked(openidtest.Keys, 4)
		w.unreachable(w.op.SignForeign("new", claims(nil)))
		w.unreachable(w.op.Grant("opaque", someone, "openid"))

		w.op.Be(openidtest.Behaviour{})
		w.op.Rotate(false)
		time.Sleep(11 * time.Second)
		w.accept(w.op.Grant("cloud", someone, "openid"))
	})
}

// An issuer that never answered is asked once in a pause, and those in between hear at once.
func TestIssuerNeverThere(t *testing.T) {
	still(t, func(w *world) {
		w.op.Be(openidtest.Behaviour{Hang: make(chan struct{})})
		begun := time.Now()
		w.unreachable(w.op.Grant("cloud", someone, "openid"))
		if d := time.Since(begun); d != 5*time.Second {
			w.Errorf("the timeout came after %v", d)
		}
		for range 10 {
			w.unreachable(w.op.Grant("cloud", someone, "openid"))
		}
		if d := time.Since(begun); d != 5*time.Second {
			w.Errorf("others waited until %v", d)
		}
		w.asked(openidtest.Discovery, 1)
	})
}

// An issuer that hangs holds up nobody of another, and nobody of its own whose token its kept keys prove.
func TestIssuerHangs(t *testing.T) {
	still(t, func(w *world) {
		other := newProvider("https://other.example")
		w.client = openid.New(openid.Options{HTTP: openidtest.Client(w.op, other)})
		w.accept(w.op.Grant("cloud", someone, "openid"))
		time.Sleep(2 * time.Hour)
		ctx, end := context.WithCancel(w.Context())
		w.op.Be(openidtest.Behaviour{Hang: ctx.Done()})
		begun := time.Now()
		for range 10 {
			go w.client.Bearer(w.Context(), w.s, w.op.SignForeign("new", claims(nil)))
			go w.client.Bearer(w.Context(), w.s, w.op.Grant("opaque", someone, "openid"))
		}
		synctest.Wait()
		w.accept(w.op.Sign("JWT", claims(nil)))
		if _, err := w.client.Bearer(w.Context(), openid.Settings{Issuer: other.Issuer}, other.Grant("cloud", someone, "openid")); err != nil {
			w.Error(err)
		}
		if d := time.Since(begun); d != 0 {
			w.Errorf("somebody waited for %v", d)
		}
		end()
		synctest.Wait()
	})
}

// A document that is another issuer's, or names places where secrets would be read on the way, is not believed; an old good one is used on.
func TestDiscoveryLies(t *testing.T) {
	for name, b := range map[string]openidtest.Behaviour{
		"another issuer":   {Document: map[string]any{"issuer": "https://other.example"}},
		"a slash more":     {Document: map[string]any{"issuer": issuer + "/"}},
		"keys by http":     {Document: map[string]any{"jwks_uri": "http://op.example/keys"}},
		"userinfo by http": {Document: map[string]any{"userinfo_endpoint": "http://127.0.0.1/userinfo"}},
		"no keys":          {Document: map[string]any{"jwks_uri": nil}},
		"elsewhere":        {Instead: map[string]http.HandlerFunc{openidtest.Discovery: http.RedirectHandler("https://other.example/", http.StatusFound).ServeHTTP}},
		"a page":           {Instead: map[string]http.HandlerFunc{openidtest.Discovery: func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }}},
		"a shared secret":  {Instead: map[string]http.HandlerFunc{openidtest.Keys: saying(200, map[string]any{"keys": []any{map[string]string{"kty": "oct", "k": "c2VjcmV0", "kid": "first"}}})}},
		"no keys in keys":  {Instead: map[string]http.HandlerFunc{openidtest.Keys: saying(200, map[string]any{"keys": []any{}})}},
	} {
		t.Run(name, func(t *testing.T) {
			still(t, func(w *world) {
				w.op.Be(b)
				w.unreachable(w.op.Grant("cloud", someone, "openid"))
				w.op.Be(openidtest.Behaviour{})
				time.Sleep(11 * time.Second)
				w.accept(w.op.Grant("cloud", someone, "openid"))
				w.op.Be(b)
				time.Sleep(2 * time.Hour)
				w.accept(w.op.Sign("JWT", claims(map[string]any{"exp": time.Now().Add(9 * time.Hour).Unix()})))
			})
		})
	}
}

// A library that trips over what an issuer sends costs that token, and not the process.
func TestPanic(t *testing.T) {
	still(t, func(w *world) {
		w.client = openid.New(openid.Options{HTTP: &http.Client{Transport: broken{}}})
		w.unreachable(w.op.Grant("cloud", someone, "openid"))
		w.client = openid.New(openid.Options{HTTP: &http.Client{Transport: broken{on: openidtest.Introspection, other: openidtest.Client(w.op).Transport}}})
		w.unreachable(w.op.Grant("opaque", someone, "openid"))
		time.Sleep(time.Minute) // the requests' timers end
	})
}

// broken panics on one path, or all.
type broken struct {
	on    string
	other http.RoundTripper
}

func (b broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.on == "" || b.on == r.URL.Path {
		panic("broken")
	}
	return b.other.RoundTrip(r)
}

// No more is kept than there is room for; what was used last stays.
func TestRoom(t *testing.T) {
	still(t, func(w *world) {
		w.client = openid.New(openid.Options{HTTP: openidtest.Client(w.op), KeepBytes: 8 << 10})
		first := w.op.Grant("opaque", someone, "openid")
		w.accept(first)
		for range 20 {
			w.accept(w.op.Grant("opaque", someone, "openid"))
			w.accept(first)
		}
		w.asked(openidtest.Introspection, 21)
		for range 20 {
			w.accept(w.op.Grant("opaque", someone, "openid"))
		}
		w.accept(first)
		w.asked(openidtest.Introspection, 42)
	})
}

// What an operator registers must be a place that secrets may be sent to.
func TestSettings(t *testing.T) {
	for _, s := range []openid.Settings{
		{}, {Issuer: "op.example"}, {Issuer: "http://op.example"}, {Issuer: "https://op.example?x"}, {Issuer: "https://op.example?"}, {Issuer: "https://a:b@op.example"}, {Issuer: "ftp://localhost"},
		{Issuer: issuer, Introspect: true}, {Issuer: issuer, Introspect: true, ClientID: "x"}, {Issuer: issuer, IntrospectionEndpoint: "http://op.example/x"}, {Issuer: issuer, IntrospectionEndpoint: "x"},
	} {
		if s.Check() == nil {
			t.Errorf("%+v is registered", s)
		}
	}
	for _, s := range []openid.Settings{{Issuer: issuer}, {Issuer: "http://127.0.0.1:1/x"}, {Issuer: "http://[::1]"}, {Issuer: "http://localhost:8080", IntrospectionEndpoint: "http://localhost/x"}} {
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
}
