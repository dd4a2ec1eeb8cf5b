package openid_test

import (
	"net/http"
	"testing"

	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

// plainly is a handler of an issuer that takes a client's secret as it stands in the header.
func plainly(yes, no http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if id, password, _ := r.BasicAuth(); id != "cloud" || password != secret {
			no(w, r)
			return
		}
		yes(w, r)
	}
}

func badRequest(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }

// An issuer that refuses the secret escaped gets the secret itself, and only that from then on.
func TestIssuerThatDoesNotUnescape(t *testing.T) {
	yes := saying(http.StatusOK, map[string]any{"active": true, "sub": someone, "client_id": "cloud", "eduperson_entitlement": []string{member}})
	for what, no := range map[string]http.HandlerFunc{
		"by the book":            saying(http.StatusUnauthorized, map[string]any{"error": "invalid_client"}),
		"glewlwyd's for a code":  saying(http.StatusForbidden, map[string]any{"error": "unauthorized_client"}),
		"glewlwyd's for a token": badRequest,
	} {
		t.Run(what, func(t *testing.T) {
			still(t, func(w *world) {
				w.answering(openidtest.Introspection, plainly(yes, no))
				w.is(w.accept("opaque"), someone, member)
				w.is(w.accept("another"), someone, member)
				w.asked(openidtest.Introspection, 3)
			})
		})
	}
}

// A refresh token that is good once is not spent on finding out how the issuer takes a secret.
func TestRefreshTokenIsNotSpent(t *testing.T) {
	for _, asks := range []bool{true, false} {
		still(t, func(w *world) {
			fresh := true
			spend := func(to http.ResponseWriter, r *http.Request) {
				if r.FormValue("grant_type") == "refresh_token" {
					fresh = false
				}
				badRequest(to, r)
			}
			give := func(to http.ResponseWriter, r *http.Request) {
				if !fresh || r.FormValue("grant_type") != "refresh_token" {
					saying(http.StatusBadRequest, map[string]any{"error": "invalid_grant"})(to, r)
					return
				}
				saying(http.StatusOK, map[string]any{"access_token": "opaque", "token_type": "bearer"})(to, r)
			}
			b := openidtest.Behaviour{Instead: map[string]http.HandlerFunc{openidtest.Token: plainly(give, spend),
				openidtest.Introspection: plainly(saying(http.StatusOK, map[string]any{"active": false}), badRequest),
				openidtest.Userinfo:      saying(http.StatusOK, map[string]any{"sub": someone, "eduperson_entitlement": []string{member}})}}
			if !asks {
				b.Document = map[string]any{"introspection_endpoint": nil}
			}
			w.op.Be(b)
			p, err := w.client.Refresh(w.Context(), w.s, "good once")
			if err != nil {
				w.Fatal(err)
			}
			w.is(p, someone, member)
		})
	}
}

// What is refused for another reason is not asked again: a terminal would have asked too often.
func TestRefusedOnce(t *testing.T) {
	still(t, func(w *world) {
		w.answering(openidtest.Introspection, saying(http.StatusBadRequest, map[string]any{"error": "slow_down"}))
		w.unreachable("opaque")
		w.asked(openidtest.Introspection, 1)
	})
}

// A client whose secret is wrong is refused, however it is written.
func TestWrongSecret(t *testing.T) {
	still(t, func(w *world) {
		w.s.ClientSecret = "not " + secret
		w.unreachable("opaque")
		w.asked(openidtest.Introspection, 2)
	})
}
