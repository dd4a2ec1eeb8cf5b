package openstack

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

const userData = "#!/bin/sh\necho user data ran > /var/log/by-user-data\n"

func (s *site) flavors(t *testing.T) {
	s.admin.Run("flavor create --ram 160 --disk 1 --vcpus 1 --property x:speed=slow t1")
	s.admin.Run("flavor create --ram 192 --disk 2 --vcpus 2 t2")
	equal(t, "flavor's RAM", s.user.Object("flavor show t1").String("ram"), "160")
	contains(t, "flavor's properties", s.admin.Object("flavor show t1").String("properties"), "slow")
	s.user.Run("keypair", "create", "--public-key", s.key.PublicFile, "mine")
	equal(t, "key pairs", len(s.user.List("keypair list")), 1)
	contains(t, "public key", s.user.Run("keypair show --public-key mine"), "ssh-ed25519")
	contains(t, "private key", s.user.Run("keypair create generated"), "PRIVATE KEY")
	s.user.Run("keypair delete generated")
}

// createServer makes server one with everything one can ask for.
func (s *site) createServer(t *testing.T) {
	script := filepath.Join(s.cloud.Host.Dir, "user-data")
	cloudtest.Check(t, os.WriteFile(script, []byte(userData), 0o644))
	blue, green := s.user.Object("network show blue").ID(), s.user.Object("network show green").ID()
	made := s.user.Object("server", "create", "--wait", "--image", "minimal", "--flavor", "t1", "--key-name", "mine",
		"--security-group", "login", "--user-data", script, "--config-drive", "true", "--property", "purpose=testing",
		"--nic", "net-id="+blue+",v4-fixed-ip=10.11.0.50", "--nic", "net-id="+green, "one")
	equal(t, "status", made.String("status"), "ACTIVE")
	shown := s.user.Object("server show one")
	equal(t, "id", shown.ID(), made.ID())
	contains(t, "power state", "1 Running", shown.String("OS-EXT-STS:power_state")) // the number or its name, as the client likes
	contains(t, "addresses", shown.String("addresses"), "10.11.0.50", "10.12.0.1", "fd11:")
	contains(t, "properties", shown.String("properties"), "testing")
	equal(t, "key name", shown.String("key_name"), "mine")
	if shown.String("config_drive") != "True" && shown.String("config_drive") != "true" {
		t.Fatalf("config drive is %q", shown.String("config_drive"))
	}
	s.user.Refused("server create --image minimal --flavor t1 --network nowhere two", "nowhere")
	s.user.Refused("server create --image minimal --flavor t1 --nic net-id="+blue+",v4-fixed-ip=10.11.0.50 two", "10.11.0.50")
	s.user.Refused("server create --image minimal --flavor t1 --nic net-id="+blue+",v4-fixed-ip=10.99.0.50 two", "10.99.0.50")
}

// listServers needs a few servers, which never get to boot whole.
func (s *site) listServers(t *testing.T) {
	for _, name := range []string{"list-a", "list-b"} {
		s.user.Run("server create --wait --image minimal --flavor t1 --network green " + name)
	}
	count := func(filter string, want int) {
		t.Helper()
		equal(t, "number of servers with "+filter, len(s.user.List("server list "+filter)), want)
	}
	count("", 3)
	count("--name list-", 2)
	count("--name ^one$", 1)
	count("--status ACTIVE", 3)
	count("--status SHUTOFF", 0)
	count("--flavor t1", 3)
	count("--flavor t2", 0)
	count("--image minimal", 3)
	count("--ip 10.11.0.50", 1)
	count("--long", 3)
	seen, marker := map[string]bool{}, ""
	for range 3 {
		page := s.user.List("server list --limit 1 " + marker)
		equal(t, "servers on a page", len(page), 1)
		seen[page[0].String("Name")] = true
		marker = "--marker " + page[0].ID()
	}
	equal(t, "servers on three pages", len(seen), 3)
	count("--limit 1 "+marker, 0)
	equal(t, "servers of the administrator's own project", len(s.admin.List("server list")), 0)
	equal(t, "servers of all", len(s.admin.List("server list --all-projects")), 3)
	s.user.Refused("server list --all-projects", "403")
	s.user.Run("server delete --wait list-a list-b")
	count("", 1)
}

func (s *site) consoleLog(t *testing.T) {
	cloudtest.Eventually(t, cloudtest.Patience(20*time.Second), func() error {
		text := s.user.Run("console log show one")
		if len(text) < 200 {
			return errShort
		}
		contains(t, "console log", text, "nubo-guest")
		return nil
	})
	if last := s.user.Run("console log show --lines 2 one"); len(last) > 1000 {
		t.Fatalf("two lines of the console log have %d bytes", len(last))
	}
}

type shortError struct{}

func (shortError) Error() string { return "the console log is still short" }

var errShort = shortError{}

func (s *site) directBoot(t *testing.T) {
	kernel, ramdisk := s.user.Object("image show kernel").ID(), s.user.Object("image show ramdisk").ID()
	s.user.Run("image", "create", "--disk-format", "qcow2", "--container-format", "bare", "--file", s.files.Image,
		"--property", "kernel_id="+kernel, "--property", "ramdisk_id="+ramdisk, "direct")
	s.user.Run("server create --wait --image direct --flavor t1 --network blue --key-name mine --security-group login direct")
	s.user.Run("server add floating ip direct " + s.spareAddress())
	g := s.cloud.Host.SSH(t, s.spareAddress(), s.key, nil)
	if out, err := g.Try("ls /sys/firmware/qemu_fw_cfg/by_name/opt 2>/dev/null; cat /proc/cmdline", cloudtest.Patience(5*time.Second)); err != nil {
		t.Fatal(err)
	} else {
		t.Logf("kernel's command line: %s", out)
	}
	g.Close()
	s.user.Run("server remove floating ip direct " + s.spareAddress())
	s.user.Run("server delete --wait direct")
	s.user.Run("image delete direct")
}

// spareAddress is a second floating IP, made once.
func (s *site) spareAddress() string {
	for _, f := range s.user.List("floating ip list") {
		if a := f.String("Floating IP Address"); a != s.address {
			return a
		}
	}
	return s.user.Object("floating ip create public").String("floating_ip_address")
}
