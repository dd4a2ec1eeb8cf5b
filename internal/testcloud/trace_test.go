package testcloud_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/testcloud"
	"github.com/nubo-cloud/nubo/internal/trace"
)

// Every request that would change something is written down with who made it from where, whatever came of it; others are not,
// and no body is.
func TestTraced(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{})
	ask := func(method, path, token, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("X-Auth-Token", token)
		r.Header.Set("User-Agent", "tracer")
		w := httptest.NewRecorder()
		c.Handler().ServeHTTP(w, r)
		return w
	}
	const login = `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","domain":{"id":"default"},"password":"%s"}}},"scope":{"project":{"name":"admin","domain":{"id":"default"}}}}}`
	token := ask("POST", "/identity/v3/auth/tokens", "", fmt.Sprintf(login, c.Password())).Header().Get("X-Subject-Token")
	ask("POST", "/identity/v3/auth/tokens", "", fmt.Sprintf(login, "wrong"))
	ask("GET", "/identity/v3/projects", token, "")
	made := ask("POST", "/identity/v3/projects", token, `{"project":{"name":"traced"}}`)
	ask("DELETE", "/network/v2.0/networks/nothing", token, "")
	ask("DELETE", "/network/v2.0/networks/nothing", "forged", "")
	if made.Code != http.StatusCreated {
		t.Fatalf("%d: %s", made.Code, made.Body)
	}
	var all []trace.Entry
	testcloud.Eventually(t, "the log is written", func() bool {
		var err error
		all, err = trace.NewReader(c.Traces(), trace.Filter{}).All()
		return err == nil && len(all) >= 7
	})
	var got, signIns []string
	for _, e := range all {
		if e.Kind == trace.KindSignIn {
			signIns = append(signIns, fmt.Sprintf("%s by %s from %s, refused %t", e.User, e.Protocol, e.From, e.Reason != ""))
		}
		if e.Kind == trace.KindRequest {
			got = append(got, fmt.Sprintf("%s %s %d by %q from %s with %s", e.Method, e.Path, e.Status, e.User, e.From, e.Agent))
		}
		if e.Kind == trace.KindRequest && e.RequestID == "" {
			t.Errorf("without an id: %+v", e)
		}
	}
	if want := []string{"admin by password from 192.0.2.1, refused false", "admin by password from 192.0.2.1, refused true"}; !slices.Equal(signIns, want) {
		t.Errorf("sign-ins %q, want %q", signIns, want)
	}
	const from = " from 192.0.2.1 with tracer"
	want := []string{
		`POST /identity/v3/auth/tokens 201 by ""` + from,
		`POST /identity/v3/auth/tokens 401 by ""` + from,
		`POST /identity/v3/projects 201 by "admin"` + from,
		`DELETE /network/v2.0/networks/nothing 404 by "admin"` + from,
		`DELETE /network/v2.0/networks/nothing 401 by ""` + from,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
