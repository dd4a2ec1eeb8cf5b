package simulate

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/hypervisors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/volumeattach"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

const (
	hosts  = 1000
	nobody = 65534
)

// serve starts the cloud as an ordinary user and returns its openrc file.
func serve(t *testing.T) map[string]string {
	t.Helper()
	binary := cloudtest.Binary(t)
	dir, err := os.MkdirTemp("", "nubotest-")
	cloudtest.Check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	own := filepath.Join(dir, "nubo") // the user must be able to reach it
	b, err := os.ReadFile(binary)
	cloudtest.Check(t, err)
	cloudtest.Check(t, os.WriteFile(own, b, 0o755))
	cloudtest.Check(t, os.Chmod(dir, 0o755))
	state := filepath.Join(dir, "state")
	cloudtest.Check(t, os.Mkdir(state, 0o755))
	command := exec.Command(own, "serve", "--simulate", fmt.Sprint(hosts), "--listen", freeAddress(t), "--state-dir", state, "--log-level", "warn")
	command.Dir, command.Env = "/", []string{"PATH=/usr/bin:/bin"}
	command.Stderr = os.Stderr
	if os.Geteuid() == 0 {
		cloudtest.Check(t, os.Chown(state, nobody, nobody))
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: false}}
	}
	out, err := command.StdoutPipe()
	cloudtest.Check(t, err)
	began := time.Now()
	cloudtest.Check(t, command.Start())
	t.Cleanup(func() {
		cloudtest.Check(t, command.Process.Signal(syscall.SIGTERM))
		if err := command.Wait(); err != nil {
			t.Errorf("nubo serve ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "nubo: ready at ") {
		t.Fatalf("nubo serve said %q: %v", line, err)
	}
	t.Logf("%d hosts answer after %v", hosts, time.Since(began).Round(time.Millisecond))
	return openrc(t, filepath.Join(state, "admin-openrc.sh"))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	cloudtest.Check(t, err)
	defer l.Close()
	return l.Addr().String()
}

func openrc(t *testing.T, path string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(path)
	cloudtest.Check(t, err)
	values := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^export (OS_\w+)=(.*)$`).FindAllStringSubmatch(string(b), -1) {
		values[m[1]] = m[2]
	}
	return values
}

// TestThousandHosts uses the same API as on real hosts.
func TestThousandHosts(t *testing.T) {
	env := serve(t)
	c := cloudtest.NewSDK(t, gophercloud.AuthOptions{IdentityEndpoint: env["OS_AUTH_URL"], Username: env["OS_USERNAME"], Password: env["OS_PASSWORD"],
		TenantName: env["OS_PROJECT_NAME"], DomainName: "Default"}, http.DefaultTransport)
	ctx, cancel := context.WithTimeout(context.Background(), cloudtest.Patience(time.Minute))
	defer cancel()
	checkHosts(ctx, t, c)
	image, network := prepare(ctx, t, c)
	made := createServers(ctx, t, c, image, network)
	attach(ctx, t, c, made[0])
	deleteServers(ctx, t, c, made)
}

func checkHosts(ctx context.Context, t *testing.T, c *cloudtest.SDK) {
	t.Helper()
	// The API answers before every host has reported.
	cloudtest.Eventually(t, cloudtest.Patience(20*time.Second), func() error {
		pages, err := hypervisors.List(c.Compute, hypervisors.ListOpts{}).AllPages(ctx)
		if err != nil {
			return err
		}
		all, err := hypervisors.ExtractHypervisors(pages)
		up := map[string]bool{}
		for _, h := range all {
			if h.State == "up" && h.Status == "enabled" {
				up[h.HypervisorHostname] = true
			}
		}
		if err == nil && len(up) != hosts {
			err = fmt.Errorf("%d hosts are up", len(up))
		}
		return err
	})
}

func prepare(ctx context.Context, t *testing.T, c *cloudtest.SDK) (image, network string) {
	t.Helper()
	i, err := images.Create(ctx, c.Image, images.CreateOpts{Name: "i", DiskFormat: "raw", ContainerFormat: "bare"}).Extract()
	cloudtest.Check(t, err)
	cloudtest.Check(t, imagedata.Upload(ctx, c.Image, i.ID, strings.NewReader(strings.Repeat("x", 64<<10))).ExtractErr())
	n, err := networks.Create(ctx, c.Network, networks.CreateOpts{Name: "n"}).Extract()
	cloudtest.Check(t, err)
	_, err = subnets.Create(ctx, c.Network, subnets.CreateOpts{NetworkID: n.ID, CIDR: "10.0.0.0/24", IPVersion: 4}).Extract()
	cloudtest.Check(t, err)
	return i.ID, n.ID
}

// createServers makes a few at once and waits until all run, on different hosts.
func createServers(ctx context.Context, t *testing.T, c *cloudtest.SDK, image, network string) []string {
	t.Helper()
	const count = 8
	ids := make([]string, count)
	for i := range ids {
		s, err := servers.Create(ctx, c.Compute, servers.CreateOpts{Name: fmt.Sprintf("s%d", i), ImageRef: image, FlavorRef: "1",
			Networks: []servers.Network{{UUID: network}}}, nil).Extract()
		cloudtest.Check(t, err)
		ids[i] = s.ID
	}
	on := map[string]bool{}
	for _, id := range ids {
		cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), func() error {
			s, err := servers.Get(ctx, c.Compute, id).Extract()
			if err == nil && s.Status != "ACTIVE" {
				err = fmt.Errorf("server is %s: %s", s.Status, s.Fault.Message)
			}
			if err == nil {
				on[s.HypervisorHostname] = true
			}
			return err
		})
	}
	if len(on) < 2 {
		t.Errorf("all servers are on %v", on)
	}
	return ids
}

func attach(ctx context.Context, t *testing.T, c *cloudtest.SDK, server string) {
	t.Helper()
	v, err := volumes.Create(ctx, c.Volume, volumes.CreateOpts{Size: 1}, nil).Extract()
	cloudtest.Check(t, err)
	cloudtest.Check(t, volumes.WaitForStatus(ctx, c.Volume, v.ID, "available"))
	_, err = volumeattach.Create(ctx, c.Compute, server, volumeattach.CreateOpts{VolumeID: v.ID}).Extract()
	cloudtest.Check(t, err)
	cloudtest.Check(t, volumes.WaitForStatus(ctx, c.Volume, v.ID, "in-use"))
	cloudtest.Check(t, volumeattach.Delete(ctx, c.Compute, server, v.ID).ExtractErr())
	cloudtest.Check(t, volumes.WaitForStatus(ctx, c.Volume, v.ID, "available"))
	cloudtest.Check(t, volumes.Delete(ctx, c.Volume, v.ID, nil).ExtractErr())
}

func deleteServers(ctx context.Context, t *testing.T, c *cloudtest.SDK, ids []string) {
	t.Helper()
	for _, id := range ids {
		cloudtest.Check(t, servers.Delete(ctx, c.Compute, id).ExtractErr())
	}
	cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), func() error {
		pages, err := servers.List(c.Compute, servers.ListOpts{}).AllPages(ctx)
		if err != nil {
			return err
		}
		if left, err := servers.ExtractServers(pages); err != nil || len(left) > 0 {
			return fmt.Errorf("%d servers are left, %v", len(left), err)
		}
		return nil
	})
}
