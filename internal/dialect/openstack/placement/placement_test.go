package placement_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/placement"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// client asks a cloud with two simulated hosts as its administrator.
type client struct {
	t       *testing.T
	handler http.Handler
	token   string
	names   map[string]string // "$P" -> an id
}

func newClient(t *testing.T) *client {
	tc := testcloud.New(t, testcloud.Options{Hosts: 2})
	c := &client{t: t, handler: tc.Handler(), names: map[string]string{}}
	body := fmt.Sprintf(`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": %q}}},
		"scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}`, tc.Password())
	c.token = c.send("", "POST /v3/auth/tokens", body).Header().Get("X-Subject-Token")
	var list struct {
		Providers []struct{ UUID string } `json:"resource_providers"`
	}
	c.read("1.0", "GET /resource_providers", &list)
	c.names["$HOST"] = list.Providers[0].UUID
	for _, name := range []string{"$P", "$Q", "$C", "$G"} {
		c.names[name] = cloud.NewID()
	}
	return c
}

func (c *client) send(version, request, body string) *httptest.ResponseRecorder {
	for name, id := range c.names {
		request, body = strings.ReplaceAll(request, name, id), strings.ReplaceAll(body, name, id)
	}
	method, path, _ := strings.Cut(request, " ")
	if !strings.HasPrefix(path, "/v3") {
		path = "/placement" + path
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Auth-Token", c.token)
	r.Header.Set("OpenStack-API-Version", "placement "+version)
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w
}

func (c *client) read(version, request string, v any) {
	c.t.Helper()
	if err := json.Unmarshal(c.send(version, request, "").Body.Bytes(), v); err != nil {
		c.t.Fatal(err)
	}
}

// step is a request and what its answer must be.
type step struct {
	version, request, body string
	code                   int
	has                    string // somewhere in the answer
}

func (c *client) walk(steps []step) {
	c.t.Helper()
	for _, s := range steps {
		w := c.send(s.version, s.request, s.body)
		has := s.has
		for name, id := range c.names {
			has = strings.ReplaceAll(has, name, id)
		}
		if text := strings.ReplaceAll(w.Body.String(), " ", ""); w.Code != s.code || !strings.Contains(text, strings.ReplaceAll(has, " ", "")) {
			c.t.Errorf("%s %s %s: %d %s, want %d with %s", s.version, s.request, s.body, w.Code, w.Body, s.code, has)
		}
	}
}

const stock = `{"resource_provider_generation": 0, "inventories": {"CUSTOM_SLOT": {"total": 10, "max_unit": 4}}}`

// Providers, words, stock and claims are kept by the rules of the reference.
func TestProvidersAndClaims(t *testing.T) {
	newClient(t).walk([]step{
		{"1.19", "POST /resource_providers", `{"name": "p", "uuid": "$P"}`, 201, ""},
		{"1.20", "POST /resource_providers", `{"name": "p"}`, 409, "placement"},
		{"1.23", "POST /resource_providers", `{"name": "p"}`, 409, "placement.duplicate_name"},
		{"1.20", "POST /resource_providers", `{"name": "q", "uuid": "$Q", "parent_provider_uuid": "$P"}`, 200, `"root_provider_uuid":"$P"`},
		{"1.13", "POST /resource_providers", `{"name": "r", "parent_provider_uuid": "$P"}`, 400, ""},
		{"1.37", "PUT /resource_providers/$P", `{"name": "p", "parent_provider_uuid": "$Q"}`, 400, "below itself"},
		{"1.23", "DELETE /resource_providers/$P", "", 409, "cannot_delete_parent"},
		{"1.23", "PUT /resource_providers/$Q/inventories", stock, 400, "CUSTOM_SLOT"},
		{"1.7", "PUT /resource_classes/CUSTOM_SLOT", "", 201, ""},
		{"1.7", "PUT /resource_classes/CUSTOM_SLOT", "", 204, ""},
		{"1.2", "PUT /resource_classes/VCPU", `{"name": "CUSTOM_X"}`, 400, "standard"},
		{"1.23", "PUT /resource_providers/$Q/inventories", stock, 200, `"resource_provider_generation":1`},
		{"1.23", "PUT /resource_providers/$Q/inventories", stock, 409, "concurrent_update"},
		{"1.28", "PUT /allocations/$C", `{"allocations": {"$Q": {"resources": {"CUSTOM_SLOT": 5}}}, "project_id": "p", "user_id": "u", "consumer_generation": null}`, 409, "max_unit"},
		{"1.28", "PUT /allocations/$C", `{"allocations": {"$Q": {"resources": {"CUSTOM_SLOT": 4}}}, "project_id": "p", "user_id": "u", "consumer_generation": null}`, 204, ""},
		{"1.28", "PUT /allocations/$C", `{"allocations": {"$Q": {"resources": {"CUSTOM_SLOT": 1}}}, "project_id": "p", "user_id": "u", "consumer_generation": null}`, 409, "generation"},
		{"1.28", "GET /allocations/$C", "", 200, `"consumer_generation":1`},
		{"1.0", "GET /resource_providers/$Q/usages", "", 200, `"CUSTOM_SLOT":4`},
		{"1.38", "GET /usages?project_id=p", "", 200, `"unknown":{"CUSTOM_SLOT":4,"consumer_count":1}`},
		{"1.23", "DELETE /resource_providers/$Q/inventories/CUSTOM_SLOT", "", 409, "inventory.inuse"},
		{"1.7", "DELETE /resource_classes/CUSTOM_SLOT", "", 409, ""},
		{"1.30", "POST /reshaper", `{"inventories": {"$Q": {"resource_provider_generation": 2, "inventories": {}}, "$P": {"resource_provider_generation": 0, "inventories": {"CUSTOM_SLOT": {"total": 4}}}},
			"allocations": {"$C": {"allocations": {"$P": {"resources": {"CUSTOM_SLOT": 4}}}, "project_id": "p", "user_id": "u", "consumer_generation": 1}}}`, 204, ""},
		{"1.0", "GET /resource_providers/$P/usages", "", 200, `"CUSTOM_SLOT":4`},
		{"1.0", "DELETE /allocations/$C", "", 204, ""},
		{"1.0", "DELETE /allocations/$C", "", 404, ""},
		{"1.0", "DELETE /resource_providers/$Q", "", 204, ""},
		{"1.0", "DELETE /resource_providers/$P", "", 204, ""},
	})
}

// A host is a provider whose own numbers cannot be written; what is claimed of it is missing for instances.
func TestHosts(t *testing.T) {
	c := newClient(t)
	var inv struct {
		Inventories map[string]struct{ Total, Reserved int }
	}
	c.read("1.0", "GET /resource_providers/$HOST/inventories", &inv)
	room := inv.Inventories["MEMORY_MB"].Total - inv.Inventories["MEMORY_MB"].Reserved
	claim := fmt.Sprintf(`{"allocations": {"$HOST": {"resources": {"MEMORY_MB": %d}}}, "project_id": "p", "user_id": "u", "consumer_generation": null}`, room)
	c.walk([]step{
		{"1.0", "DELETE /resource_providers/$HOST", "", 409, "host"},
		{"1.5", "DELETE /resource_providers/$HOST/inventories", "", 409, "reports"},
		{"1.6", "GET /resource_providers/$HOST/traits", "", 200, "COMPUTE_NODE"},
		{"1.6", "PUT /traits/CUSTOM_FAST", "", 201, ""},
		{"1.6", "PUT /resource_providers/$HOST/traits", `{"resource_provider_generation": 0, "traits": ["CUSTOM_FAST"]}`, 200, "COMPUTE_NODE"},
		{"1.22", "GET /allocation_candidates?resources=VCPU:1&required=CUSTOM_FAST", "", 200, "$HOST"},
		{"1.28", "PUT /allocations/$C", claim, 204, ""},
		{"1.22", "GET /allocation_candidates?resources=MEMORY_MB:1&required=CUSTOM_FAST", "", 200, `"allocation_requests":[]`},
	})
}

// Candidates may be spread over a tree, or take from providers that share with it; groups come from one provider each.
func TestCandidates(t *testing.T) {
	c := newClient(t)
	c.walk([]step{
		{"1.20", "POST /resource_providers", `{"name": "p", "uuid": "$P"}`, 200, ""},
		{"1.20", "POST /resource_providers", `{"name": "q", "uuid": "$Q", "parent_provider_uuid": "$P"}`, 200, ""},
		{"1.20", "PUT /resource_providers/$P/inventories", `{"resource_provider_generation": 0, "inventories": {"FPGA": {"total": 1}}}`, 200, ""},
		{"1.20", "PUT /resource_providers/$Q/inventories", `{"resource_provider_generation": 0, "inventories": {"VGPU": {"total": 2}}}`, 200, ""},
		{"1.19", "PUT /resource_providers/$P/aggregates", `{"resource_provider_generation": 1, "aggregates": ["$G"]}`, 200, ""},
		{"1.29", "GET /allocation_candidates?resources=FPGA:1,VGPU:1", "", 200, `"VGPU":1`},
		{"1.28", "GET /allocation_candidates?resources=FPGA:1,VGPU:1", "", 200, `"allocation_requests":[]`},
		{"1.29", "GET /allocation_candidates?resources1=VGPU:1&resources2=VGPU:1&group_policy=isolate", "", 200, `"allocation_requests":[]`},
		{"1.29", "GET /allocation_candidates?resources1=VGPU:1&resources2=VGPU:1&group_policy=none", "", 200, `"VGPU":2`},
		{"1.29", "GET /allocation_candidates?resources1=VGPU:1&resources2=VGPU:2&group_policy=none", "", 200, `"allocation_requests":[]`},
		{"1.29", "GET /allocation_candidates?resources1=VGPU:1&resources2=VGPU:1", "", 400, "group_policy"},
		{"1.32", "GET /allocation_candidates?resources=VGPU:1&member_of=!$G", "", 200, `"allocation_requests":[]`},
		{"1.36", "GET /allocation_candidates?resources_A=VGPU:1&resources_B=FPGA:1&group_policy=none&same_subtree=_A,_B", "", 200, `"_A":["$Q"]`},
		{"1.10", "GET /allocation_candidates?resources=VGPU:1&limit=1", "", 400, "limit"},
		{"1.10", "GET /allocation_candidates?resources=VGPU:0", "", 400, "resources"},
		{"1.39", "GET /allocation_candidates?resources=VGPU:1&required=NO_SUCH", "", 400, "NO_SUCH"},
	})
}

// TestEveryRouteButDiscoveryNeedsAToken asks each without one.
func TestEveryRouteButDiscoveryNeedsAToken(t *testing.T) {
	s := placement.New(placement.Deps{Log: slog.New(slog.DiscardHandler)})
	for _, route := range s.Routes() {
		method, pattern, _ := strings.Cut(route, " ")
		if pattern == "/{$}" {
			continue
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, strings.NewReplacer("{", "", "}", "").Replace(pattern), nil))
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", route, w.Code)
		}
	}
}
