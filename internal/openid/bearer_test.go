package openid_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

// A JWT with everything in it costs the issuer its keys, once, and nothing more.
func TestBearerBySignature(t *testing.T) {
	still(t, func(w *world) {
		for range 3 {
			w.is(w.accept(w.op.Grant("cloud", someone, "openid")), someone, member)
		}
		w.asked(openidtest.Discovery, 1)
		w.asked(openidtest.Keys, 1)
		if n := w.op.RequestsAll(); n != 2 {
			w.Errorf("%d requests", n)
		}
	})
}

// Entitlements that are not in the token are userinfo's.
func TestBearerAsksUserinfo(t *testing.T) {
	still(t, func(w *world) {
		w.s.Audiences = []string{"bare"}
		w.is(w.accept(w.op.Grant("bare", someone, "openid")), someone, member)
		w.asked(openidtest.Userinfo, 1)
		w.asked(openidtest.Introspection, 0)

		w.s.ClientID, w.s.ClientSecret, w.s.Audiences = "", "", nil // a checker that is not registered
		w.is(w.accept(w.op.Grant("bare", someone, "openid")), someone, member)
	})
}

// An issuer without userinfo is asked by introspection.
func TestBearerWithoutUserinfo(t *testing.T) {
	still(t, func(w *world) {
		w.s.Audiences = []string{"bare"}
		w.op.Be(openidtest.Behaviour{Document: map[string]any{"userinfo_endpoint": nil}})
		w.is(w.accept(w.op.Grant("bare", someone, "openid")), someone, member)
		w.asked(openidtest.Introspection, 1)
	})
}

// An opaque token is introspected, or without a secret shown to userinfo.
func TestBearerOpaque(t *testing.T) {
	still(t, func(w *world) {
		token := w.op.Grant("opaque", someone, "openid")
		p := w.accept(token)
		w.is(p, someone, member)
		if p.Expires.IsZero() || p.Text("client_id") != "opaque" || p.Claims["active"] != nil {
			w.Errorf("introspection told %s until %v", p.Claims, p.Expires)
		}
		w.asked(openidtest.Userinfo, 0)

		w.s.ClientID, w.s.ClientSecret = "", ""
		w.is(w.accept(token), someone, member)
		w.asked(openidtest.Userinfo, 1)
		w.asked(openidtest.Introspection, 1)

		w.s.Audiences = []string{"cloud"} // userinfo does not say for whom a token is
		w.refuse(token, openid.WrongParty)
		w.s.ClientID, w.s.ClientSecret = "cloud", secret
		w.refuse(token, openid.WrongParty)
		w.s.Audiences = []string{"opaque"}
		w.is(w.accept(token), someone, member)
	})
}

// Where the issuer is always asked, a token that it took back is worth nothing, whatever its signature.
func TestBearerIntrospectsSigned(t *testing.T) {
	still(t, func(w *world) {
		w.s.Introspect = true
		w.is(w.accept(w.op.Grant("bare", someone, "openid")), someone, member)
		w.op.RemoveUser(someone)
		w.refuse(w.op.Grant("cloud", someone, "openid"), openid.Inactive)
	})
}

// The secret goes where the issuer wants it.
func TestBearerClientSecretPost(t *testing.T) {
	still(t, func(w *world) {
		w.op.Be(openidtest.Behaviour{Document: map[string]any{"introspection_endpoint_auth_methods_supported": []string{"client_secret_post"}},
			Instead: map[string]http.HandlerFunc{openidtest.Introspection: func(rw http.ResponseWriter, r *http.Request) {
				_, _, basic := r.BasicAuth()
				ours := !basic && r.PostFormValue("client_id") == "cloud" && r.PostFormValue("client_secret") == secret && r.PostFormValue("token") == "opaque"
				saying(200, map[string]any{"active": ours, "sub": someone, "eduperson_entitlement": []string{member}})(rw, r)
			}}})
		w.is(w.accept("opaque"), someone, member)

	})
	still(t, func(other *world) {
		other.op.Be(openidtest.Behaviour{Document: map[string]any{"introspection_endpoint_auth_methods_supported": []string{"private_key_jwt"}}})
		other.unreachable(other.op.Grant("opaque", someone, "openid"))
		other.asked(openidtest.Introspection, 0)
	})
}

// The discovery document need not name introspection.
func TestBearerIntrospectionEndpoint(t *testing.T) {
	still(t, func(w *world) {
		w.op.Be(openidtest.Behaviour{Document: map[string]any{"introspection_endpoint": nil}})
		w.s.IntrospectionEndpoint = issuer + openidtest.Introspection
		w.is(w.accept(w.op.Grant("opaque", someone, "openid")), someone, member)
		w.asked(openidtest.Introspection, 1)
	})
}

// A service's token, which userinfo has nothing to say to, is one without entitlements. A token that was taken back is none.
func TestBearerOfService(t *testing.T) {
	still(t, func(w *world) {
		w.op.SetUser(openidtest.User{Subject: "bare"})
		w.s.Audiences = []string{"bare"}
		w.s.ClientSecret = ""
		w.is(w.accept(w.op.Grant("bare", "bare", "profile")), "bare")
		w.op.RemoveUser("bare")
		w.refuse(w.op.Grant("bare", "bare", "profile"), openid.Inactive)
	})
}

// Results are kept, for a while, and not for others.
func TestBearerKeepsResults(t *testing.T) {
	still(t, func(w *world) {
		token := w.op.Grant("opaque", someone, "openid")
		for range 5 {
			p := w.accept(token)
			p.Claims["sub"] = json.RawMessage(`"eve"`) // the caller's own copy
		}
		w.asked(openidtest.Introspection, 1)
		time.Sleep(61 * time.Second)
		w.is(w.accept(token), someone, member)
		w.asked(openidtest.Introspection, 2)

		w.s.Audiences = []string{"elsewhere"}
		w.refuse(token, openid.WrongParty)
	})
}

// A token is dead at its exp, also where its result is kept.
func TestBearerDiesInTime(t *testing.T) {
	still(t, func(w *world) {
		token := w.op.Sign("JWT", claims(map[string]any{"exp": time.Now().Add(30 * time.Second).Unix()}))
		w.accept(token)
		time.Sleep(31 * time.Second)
		w.refuse(token, openid.Expired)
	})
}

// What the issuer refuses is remembered, too.
func TestBearerKeepsRefusals(t *testing.T) {
	still(t, func(w *world) {
		for range 5 {
			w.refuse("no-such-token", openid.Inactive)
		}
		w.asked(openidtest.Introspection, 1)
	})
}

// Many who bring one token at a time are one question.
func TestBearerOneQuestion(t *testing.T) {
	still(t, func(w *world) {
		token, gate := w.op.Grant("opaque", someone, "openid"), make(chan struct{})
		w.accept(w.op.Grant("cloud", someone, "openid")) // discovery and keys are there
		w.op.Be(openidtest.Behaviour{Hang: gate})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { w.is(w.accept(token), someone, member) })
		}
		synctest.Wait()
		close(gate)
		all.Wait()
		w.asked(openidtest.Introspection, 1)
	})
}

// Whoever goes away does not take the others' answer along.
func TestBearerGoneAway(t *testing.T) {
	still(t, func(w *world) {
		token, gate := w.op.Grant("opaque", someone, "openid"), make(chan struct{})
		w.op.Be(openidtest.Behaviour{Hang: gate})
		ctx, leave := context.WithCancel(w.Context())
		var both sync.WaitGroup
		both.Go(func() {
			p, err := w.client.Bearer(ctx, w.s, token)
			unreachable(w.T, p, err)
		})
		synctest.Wait()
		both.Go(func() { w.is(w.accept(token), someone, member) })
		synctest.Wait()
		leave()
		synctest.Wait()
		close(gate)
		both.Wait()
	})
}

// Hundreds of entitlements come through, wherever they stand.
func TestBearerManyEntitlements(t *testing.T) {
	still(t, func(w *world) {
		var many []string
		for n := range 900 {
			many = append(many, fmt.Sprintf("urn:mace:egi.eu:group:vo-%03d.example.eu:with-a-long-name:and-a-subgroup:role=member#aai.egi.eu", n))
		}
		w.op.SetUser(openidtest.User{Subject: someone, Claims: map[string]any{"eduperson_entitlement": many}})
		w.s.Audiences = []string{"cloud", "bare"}
		for _, app := range []string{"cloud", "bare", "opaque"} {
			w.s.Audiences = append(w.s.Audiences, app)
			p := w.accept(w.op.Grant(app, someone, "openid"))
			w.is(p, someone, many...)
			if n := len(p.Claims["eduperson_entitlement"]); n < 64<<10 {
				w.Fatalf("only %d bytes", n)
			}
		}
	})
}

// A client in azp or client_id counts like an audience: providers write an aud of their own into access tokens.
func TestBearerAudiences(t *testing.T) {
	still(t, func(w *world) {
		w.s.Audiences = []string{"portal", "cloud"}
		for _, other := range []map[string]any{
			{"aud": []string{"account", "cloud"}}, {"aud": "account", "azp": "portal"}, {"aud": nil, "client_id": "portal"}, {"aud": []string{"portal"}, "azp": "x"}, {"nonce": "x", "scope": "openid"},
		} {
			w.accept(w.op.Sign("JWT", claims(other)))
		}
		foreign := w.op.Sign("at+jwt", claims(map[string]any{"aud": "account", "azp": "elsewhere"}))
		w.refuse(foreign, openid.WrongParty)
		w.s.Audiences = []string{openid.AnyAudience}
		w.accept(foreign)
		w.s = openid.Settings{Issuer: issuer}
		w.accept(foreign)
	})
}

// Userinfo may be a JWT of its own.
func TestBearerSignedUserinfo(t *testing.T) {
	still(t, func(w *world) {
		w.s.Audiences = []string{"bare"}
		said := map[string]any{"iss": issuer, "aud": "cloud", "sub": someone, "entitlements": []string{"x"}}
		answer := func(token string) {
			w.answering(openidtest.Userinfo, func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/jwt")
				rw.Write([]byte(token))
			})
		}
		answer(w.op.Sign("JWT", said))
		if p := w.accept(w.op.Grant("bare", someone, "openid")); string(p.Claims["entitlements"]) != `["x"]` {
			w.Errorf("userinfo told %s", p.Claims)
		}
		said["aud"] = "elsewhere"
		for _, bad := range []string{w.op.Sign("JWT", said), w.op.SignForeign("", said), openidtest.SignNot(said), "{}"} {
			answer(bad)
			w.unreachable(w.op.Grant("bare", someone, "openid"))
		}
	})
}

// A provider that speaks of somebody else, or of nobody, is not believed.
func TestBearerLies(t *testing.T) {
	still(t, func(w *world) {
		w.s.Audiences = []string{"bare"}
		w.op.Be(openidtest.Behaviour{Subject: "eve@example.eu"})
		w.refuse(w.op.Grant("bare", someone, "openid"), openid.WrongSubject)

		for _, answer := range []http.HandlerFunc{
			saying(200, map[string]any{"email": "x"}), saying(200, "x"), saying(500, map[string]any{"sub": someone}), saying(302, map[string]any{"sub": someone}),
			saying(200, map[string]any{"sub": someone, "x": strings.Repeat("x", 1<<20)}),
		} {
			w.answering(openidtest.Userinfo, answer)
			w.unreachable(w.op.Grant("bare", someone, "openid"))
		}
		w.s.Introspect, w.s.Audiences = true, nil
		for _, answer := range []http.HandlerFunc{saying(401, nil), saying(200, []string{}), saying(503, map[string]any{"active": true}), saying(307, nil)} {
			w.answering(openidtest.Introspection, answer)
			w.unreachable(w.op.Grant("cloud", someone, "openid"))
		}
		ago := time.Now().Add(-time.Minute).Unix()
		for reason, said := range map[openid.Reason]map[string]any{
			openid.Inactive: {"active": "true"}, openid.WrongIssuer: {"active": true, "iss": "https://other.example"}, openid.Expired: {"active": true, "exp": ago},
			openid.WrongSubject: {"active": true, "sub": "eve@example.eu"}, openid.WrongKind: {"active": true, "cnf": map[string]any{"jkt": "x"}},
		} {
			w.answering(openidtest.Introspection, saying(200, said))
			w.refuse(w.op.Grant("cloud", someone, "openid"), reason)
		}
	})
}

// Look passes by what is kept, and tells what is so now.
func TestLook(t *testing.T) {
	for _, app := range []string{"cloud", "opaque"} {
		still(t, func(w *world) {
			token := w.op.Grant(app, someone, "openid")
			w.is(w.accept(token), someone, member)
			w.op.SetUser(openidtest.User{Subject: someone, Claims: map[string]any{"eduperson_entitlement": []string{}}})
			p, err := w.client.Look(w.Context(), w.s, token)
			if err != nil {
				w.Fatal(err)
			}
			w.is(p, someone)
			w.s.ClientSecret = "" // by userinfo
			if p, err = w.client.Look(w.Context(), w.s, token); err != nil {
				w.Fatal(err)
			}
			w.is(p, someone)
			w.op.RemoveUser(someone)
			p, err = w.client.Look(w.Context(), w.s, token)
			refused(w.T, p, err, openid.Inactive)
		})
	}
	still(t, func(w *world) {
		w.op.Be(openidtest.Behaviour{Document: map[string]any{"userinfo_endpoint": nil, "introspection_endpoint": nil}})
		p, err := w.client.Look(w.Context(), w.s, w.op.Grant("cloud", someone, "openid"))
		unreachable(w.T, p, err)
	})
}
