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

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/store/pgtest"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// onBoth runs a test on a cloud of each database.
func onBoth(t *testing.T, o testcloud.Options, test func(t *testing.T, c *testcloud.Cloud)) {
	t.Run("sqlite", func(t *testing.T) { test(t, testcloud.New(t, o)) })
	t.Run("postgresql", func(t *testing.T) {
		o.Database = pgtest.Start(t)
		test(t, testcloud.New(t, o))
	})
}

// together runs f n times at once and answers the errors.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var w sync.WaitGroup
	for i := range n {
		w.Go(func() { errs[i] = f(i) })
	}
	w.Wait()
	return errs
}

// counted checks that as many as there was room for succeeded and that all others were refused with the kind.
func counted(t *testing.T, errs []error, room int, refusal cloud.Kind) {
	t.Helper()
	made := 0
	for _, err := range errs {
		switch {
		case err == nil:
			made++
		case !cloud.Is(err, refusal):
			t.Errorf("refused with %v (%s)", err, cloud.KindOf(err))
		}
	}
	if made != room {
		t.Errorf("%d were accepted, there was room for %d", made, room)
	}
}

// sound checks that all instances run, that no address is used twice and no host holds more than it has.
func sound(t *testing.T, c *testcloud.Cloud, instances int) {
	t.Helper()
	c.Settle(t)
	for _, l := range append(c.Leftovers(), c.Disagreements()...) {
		t.Error(l)
	}
	if n, err := c.Store.Instances.Count(context.Background(), cloud.Eq("phase", cloud.PhaseReady)); err != nil || n != int64(instances) {
		t.Errorf("%d instances are ready, %v; want %d", n, err, instances)
	}
	views, err := c.Services().Compute.ListHosts(c.Admin(), cloud.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range views {
		if v.UsedMemoryMiB > int(float64(v.MemoryMiB-v.ReservedMiB)*v.MemoryRatio) || v.UsedVCPUs > int(float64(v.VCPUs)*v.VCPURatio) || v.UsedDiskGiB > v.DiskGiB {
			t.Errorf("host %s is overcommitted: %d vCPUs, %d MiB, %d GiB in use", v.Name, v.UsedVCPUs, v.UsedMemoryMiB, v.UsedDiskGiB)
		}
	}
}

// 64 creates at once in a project with room for 50 give 50 instances and 14 refusals that name the quota.
func TestQuotaUnderContention(t *testing.T) {
	onBoth(t, testcloud.Options{Hosts: 3}, func(t *testing.T, c *testcloud.Cloud) {
		n := c.Tenant(t)
		errs := together(64, func(i int) error {
			_, err := c.Services().Compute.CreateInstance(n.Context(), n.Request(fmt.Sprintf("g%d", i)))
			return err
		})
		counted(t, errs, 50, cloud.QuotaExceeded)
		for _, err := range errs {
			if e, _ := cloud.AsError(err); err != nil && e.Field != cloud.QuotaInstances {
				t.Errorf("the refusal does not name the quota: %+v", e)
			}
		}
		sound(t, c, 50)
	})
}

// Hosts with room for 12 take 12 of 30 that are asked for at once, and the others hear what was lacking.
func TestHostsAreNotOvercommitted(t *testing.T) {
	// 512 MiB are kept for the host, 256 MiB each: 4 to a host.
	onBoth(t, testcloud.Options{Hosts: 3, MemoryMiB: 512 + 4*256}, func(t *testing.T, c *testcloud.Cloud) {
		n := c.Tenant(t)
		errs := together(30, func(i int) error {
			_, err := c.Services().Compute.CreateInstance(n.Context(), n.Request(fmt.Sprintf("g%d", i)))
			return err
		})
		counted(t, errs, 12, cloud.NoCapacity)
		for _, err := range errs {
			if err != nil && !strings.Contains(err.Error(), "too little memory") {
				t.Errorf("the refusal does not say what is lacking: %v", err)
			}
		}
		sound(t, c, 12)

		// What one instance leaves, one other gets.
		list, err := c.Store.Instances.List(context.Background(), cloud.Query{})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Services().Compute.DeleteInstance(n.Context(), list[0].ID); err != nil {
			t.Fatal(err)
		}
		c.Settle(t)
		errs = together(8, func(i int) error {
			_, err := c.Services().Compute.CreateInstance(n.Context(), n.Request(fmt.Sprintf("h%d", i)))
			return err
		})
		counted(t, errs, 1, cloud.NoCapacity)
		sound(t, c, 12)
	})
}

// The same as TestQuotaUnderContention over the Nova API, as clients see it.
func TestQuotaUnderContentionOverHTTP(t *testing.T) {
	o := testcloud.Options{Hosts: 3, Config: func(c *config.Config) { c.TokenSeconds = 600 }}
	onBoth(t, o, func(t *testing.T, c *testcloud.Cloud) {
		api := newAPI(t, c)
		image := api.tenant.MakeImage("tiny")
		body := fmt.Sprintf(`{"server": {"name": "g", "flavorRef": "1", "imageRef": %q, "networks": [{"uuid": %q}]}}`, image, api.tenant.Net)
		var mu sync.Mutex
		statuses := map[int]int{}
		together(64, func(int) error {
			status, answer := api.call("POST", "/compute/v2.1/servers", body)
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
			if status == http.StatusForbidden && !strings.Contains(answer, "Quota exceeded for instances") {
				t.Errorf("the refusal is not clear: %s", answer)
			} else if status != http.StatusForbidden && status != http.StatusAccepted {
				t.Errorf("%d %s", status, answer)
			}
			return nil
		})
		if statuses[http.StatusAccepted] != 50 || statuses[http.StatusForbidden] != 14 {
			t.Errorf("answers by status: %v", statuses)
		}
		sound(t, c, 50)
	})
}

// api is a signed-in client of a cloud.
type api struct {
	t       *testing.T
	handler http.Handler
	token   string
	tenant  *testcloud.Tenant
}

func newAPI(t *testing.T, c *testcloud.Cloud) *api {
	t.Helper()
	a := &api{t: t, handler: c.Handler()}
	auth := fmt.Sprintf(`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": %q}}},
		"scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}`, c.Password())
	r := httptest.NewRequest("POST", "/identity/v3/auth/tokens", strings.NewReader(auth))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	var answer struct {
		Token struct {
			Project struct{ ID string }
			User    struct{ ID string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusCreated {
		t.Fatalf("sign in: %d %s, %v", w.Code, w.Body, err)
	}
	a.token = w.Header().Get("X-Subject-Token")
	a.tenant = c.TenantOf(t, cloud.ProjectID(answer.Token.Project.ID), cloud.UserID(answer.Token.User.ID))
	return a
}

func (a *api) call(method, path, body string) (status int, answer string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("X-Auth-Token", a.token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// Instances of one request spread over the hosts as those of many do.
func TestOneRequestSpreads(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{Hosts: 4})
	n := c.Tenant(t)
	r := n.Request("batch")
	r.CountMin, r.CountMax = 8, 8
	made, err := c.Services().Compute.CreateInstance(n.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	on := map[cloud.HostID]int{}
	for _, in := range made {
		on[in.HostID]++
	}
	if len(on) != 4 {
		t.Errorf("8 instances lie on %d of 4 equal hosts: %v", len(on), on)
	}
	sound(t, c, 8)
}
