package testcloud_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// keyed sends a create with a key. With cut the client goes away at once.
func (a *api) keyed(path, key, body string, cut bool) (status int, answer string) {
	ctx, cancel := context.WithCancel(a.t.Context())
	defer cancel()
	if cut {
		go cancel()
	}
	r := httptest.NewRequestWithContext(ctx, "POST", path, strings.NewReader(body))
	r.Header.Set("X-Auth-Token", a.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Idempotency-Key", key)
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// repeated are creates of all kinds; %s is a name.
func (a *api) repeated() map[string]string {
	image := a.tenant.MakeImage("tiny")
	return map[string]string{
		"/compute/v2.1/servers":         fmt.Sprintf(`{"server": {"name": "%%s", "flavorRef": "1", "imageRef": %q, "networks": [{"uuid": %q}]}}`, image, a.tenant.Net),
		"/compute/v2.1/os-keypairs":     `{"keypair": {"name": "%s"}}`,
		"/compute/v2.1/flavors":         `{"flavor": {"name": "%s", "ram": 64, "vcpus": 1, "disk": 1}}`,
		"/volume/v3/volumes":            `{"volume": {"name": "%s", "size": 1}}`,
		"/image/v2/images":              `{"name": "%s", "disk_format": "raw", "container_format": "bare"}`,
		"/network/v2.0/networks":        `{"network": {"name": "%s"}}`,
		"/network/v2.0/ports":           fmt.Sprintf(`{"port": {"name": "%%s", "network_id": %q}}`, a.tenant.Net),
		"/network/v2.0/routers":         `{"router": {"name": "%s"}}`,
		"/network/v2.0/security-groups": `{"security_group": {"name": "%s"}}`,
		"/identity/v3/projects":         `{"project": {"name": "%s"}}`,
		"/identity/v3/users":            `{"user": {"name": "%s"}}`,
	}
}

// A create of any noun that is sent again with its key gets the same answer, and the key with another body a conflict.
func TestRepeatedCreates(t *testing.T) {
	onBoth(t, testcloud.Options{Hosts: 1, Config: func(c *config.Config) { c.TokenSeconds = 600 }}, func(t *testing.T, c *testcloud.Cloud) {
		a := newAPI(t, c)
		for path, body := range a.repeated() {
			status, first := a.keyed(path, "key", fmt.Sprintf(body, "one"), false)
			again, second := a.keyed(path, "key", fmt.Sprintf(body, "one"), false)
			if status >= 300 || again != status || second != first {
				t.Errorf("%s: %d %s, then %d %s", path, status, first, again, second)
			}
			if status, answer := a.keyed(path, "key", fmt.Sprintf(body, "two"), false); status != http.StatusConflict || !strings.Contains(answer, "key was used before") {
				t.Errorf("%s: the key with another body: %d %s", path, status, answer)
			}
		}
		c.Settle(t)
	})
}

// 200 creates with 20 keys, from 16 connections some of which break off, give 20 things.
func TestRepeatedCreatesUnderContention(t *testing.T) {
	onBoth(t, testcloud.Options{Hosts: 2, Config: func(c *config.Config) { c.TokenSeconds = 600 }}, func(t *testing.T, c *testcloud.Cloud) {
		a := newAPI(t, c)
		for _, path := range []string{"/compute/v2.1/servers", "/network/v2.0/networks"} {
			a.storm(path, a.repeated()[path])
		}
		sound(t, c, 20)
		_, list := a.call("GET", "/network/v2.0/networks?fields=name", "")
		if n := strings.Count(list, `"storm-`); n != 20 {
			t.Errorf("%d networks: %s", n, list)
		}
	})
}

func (a *api) storm(path, body string) {
	var mu sync.Mutex
	answers := map[string]map[string]bool{}
	together(16, func(g int) error {
		for i := g; i < 200; i += 16 {
			name := fmt.Sprintf("storm-%02d", i%20)
			cut := i < 180 && i%3 == 0 // each key has a last request that nothing cuts off
			status, answer := a.keyed(path, name, fmt.Sprintf(body, name), cut)
			if cut {
				continue
			}
			if status >= 300 || !json.Valid([]byte(answer)) {
				a.t.Errorf("%s: %d %s", path, status, answer)
			}
			mu.Lock()
			if answers[name] == nil {
				answers[name] = map[string]bool{}
			}
			answers[name][answer] = true
			mu.Unlock()
		}
		return nil
	})
	for name, seen := range answers {
		if len(answers) != 20 || len(seen) != 1 {
			a.t.Errorf("%s: %d keys; %s was answered in %d ways", path, len(answers), name, len(seen))
		}
	}
}
