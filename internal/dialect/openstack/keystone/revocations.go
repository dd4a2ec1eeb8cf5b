package keystone

import (
	"net/http"
	"time"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) revocationRoutes() {
	a.Handle("GET /v3/OS-REVOKE/events", a.listRevocations)
	// Tokens that a certificate could check are no more.
	a.Handle("GET /v3/OS-SIMPLE-CERT/ca", noCertificates)
	a.Handle("GET /v3/OS-SIMPLE-CERT/certificates", noCertificates)
}

func noCertificates(http.ResponseWriter, *http.Request) error {
	return openstack.Gone("There are no certificates to check tokens with: tokens are checked by the Identity API.")
}

// listRevocations dates its answer with the newest event, which is what a client asks for the later ones with.
func (a *api) listRevocations(w http.ResponseWriter, r *http.Request) error {
	var since time.Time
	if text := r.URL.Query().Get("since"); text != "" {
		at, err := parseTime("request", "since", text)
		if err != nil {
			return err
		}
		since = *at
	}
	list, err := a.identity.ListRevoked(r.Context(), since)
	if err != nil {
		return err
	}
	if n := len(list); n > 0 {
		w.Header().Set("Date", list[n-1].IssuedBefore.UTC().Format(http.TimeFormat))
	}
	return a.list(w, r, "events", each(list, revocationObject), 0)
}

func revocationObject(v identity.Revoked) object {
	o := object{"issued_before": v.IssuedBefore.UTC().Format(tokenTime)}
	for key, value := range map[string]string{"audit_id": v.AuditID, "user_id": string(v.User), "project_id": string(v.Project),
		"domain_id": string(v.Domain), "OS-TRUST:trust_id": string(v.Trust), "OS-OAUTH1:access_token_id": string(v.Delegation)} {
		if value != "" {
			o[key] = value
		}
	}
	return o
}
