package testcloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// benchServers is how many servers the budget of a list speaks of.
const benchServers = 1000

// BenchmarkServersDetail is the whole of GET /servers/detail but the network: routes, token, policy, store and encoding.
func BenchmarkServersDetail(b *testing.B) {
	c := filled(b, benchServers)
	for name, path := range map[string]string{"detail": "/compute/v2.1/servers/detail", "plain": "/compute/v2.1/servers"} {
		b.Run(name, func(b *testing.B) { c.benchGet(b, path) })
	}
}

// benchCloud is a cloud with its administrator's token.
type benchCloud struct {
	*Cloud
	b     *testing.B
	token string
}

// filled has one real server and copies of its rows.
func filled(b *testing.B, servers int) *benchCloud {
	b.Helper()
	c := &benchCloud{Cloud: New(b, Options{Hosts: 10, CPUs: 1000, MemoryMiB: 1 << 20, Database: "sqlite://" + filepath.Join(b.TempDir(), "nubo.db")}), b: b}
	c.token = c.adminToken()
	n := c.TenantOf(b, c.adminProject(), cloud.UserID(cloud.NewID()))
	c.copyServer(n.Create(n.Request("first")), servers)
	return c
}

func (c *benchCloud) must(err error) {
	c.b.Helper()
	if err != nil {
		c.b.Fatal(err)
	}
}

func (c *benchCloud) adminProject() cloud.ProjectID {
	list, err := c.Store.Projects.List(context.Background(), cloud.Where(cloud.Eq("name", "admin")))
	c.must(err)
	return list[0].ID
}

func (c *benchCloud) adminToken() string {
	body := fmt.Sprintf(`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": %q}}},
		"scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}`, c.Password())
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v3/auth/tokens", bytes.NewReader([]byte(body))))
	return w.Header().Get("X-Subject-Token")
}

// copyServer makes the rows of servers like one, with their ports, until there are so many.
func (c *benchCloud) copyServer(like *cloud.Instance, servers int) {
	ports, err := c.Store.Ports.List(context.Background(), cloud.Where(cloud.Eq("instance_id", like.ID)))
	c.must(err)
	c.must(c.Store.Update(context.Background(), func(ctx context.Context) error {
		for i := 1; i < servers; i++ {
			in, port := *like, *ports[0]
			in.ID, in.Name = cloud.InstanceID(cloud.NewID()), fmt.Sprint("server-", i)
			port.ID, port.InstanceID, port.MAC = cloud.PortID(cloud.NewID()), in.ID, fmt.Sprintf("fa:16:3e:ff:%02x:%02x", i>>8, i&255)
			port.Addresses = []cloud.PortAddress{{SubnetID: port.Addresses[0].SubnetID, Address: netip.AddrFrom4([4]byte{10, 0, byte(i>>8) + 1, byte(i)})}}
			if err := errors.Join(c.Store.Instances.Insert(ctx, &in), c.Store.Ports.Insert(ctx, &port)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// benchGet asks the same again and again, and tells what the processor did, which a busy machine does not change.
func (c *benchCloud) benchGet(b *testing.B, path string) {
	b.ReportAllocs()
	before := processorTime()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("X-Auth-Token", c.token)
		r.Header.Set("Openstack-Api-Version", "compute 2.90")
		w := httptest.NewRecorder()
		if c.Handler().ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	b.ReportMetric(float64((processorTime()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// processorTime is what this process used, in user and system mode.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
