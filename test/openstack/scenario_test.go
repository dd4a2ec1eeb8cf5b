package openstack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// site is one cloud that the steps of the scenario use one after the other.
type site struct {
	cloud *cloudtest.Cloud
	files cloudtest.Files
	key   cloudtest.Key
	admin *cloudtest.Client // the administrator
	user  *cloudtest.Client // a member of project lab

	address string           // floating IP of server one
	guest   *cloudtest.Guest // a connection to server one, for the length of a step
}

// TestOrdinaryClient goes through everything a tenant does, in the order a tenant would.
// Each step stands on those before it; the first that fails says which verb is wrong.
func TestOrdinaryClient(t *testing.T) {
	files := cloudtest.Need(t, "qemu-system-x86_64", "qemu-img", "openstack", "nft", "ip")
	s := &site{files: files}
	s.cloud = cloudtest.Start(t, files, cloudtest.Settings{"check_seconds": 2, "shutdown_seconds": 10,
		"volume_backends": []map[string]any{{"name": "default"}, {"name": "second"}}})
	s.key = cloudtest.NewKey(t, s.cloud.Host.Dir)
	s.admin = s.cloud.Client(t)
	s.user = s.cloud.Client(t, "OS_USERNAME=alice", "OS_PASSWORD=wonderland", "OS_PROJECT_NAME=lab") // of whom the first step makes an account
	steps := []struct {
		name string
		run  func(*site, *testing.T)
	}{
		{"projects, users, roles, tokens", (*site).identity},
		{"images", (*site).images},
		{"flavors and key pairs", (*site).flavors},
		{"networks", (*site).networks},
		{"security groups", (*site).securityGroups},
		{"create a server", (*site).createServer},
		{"list servers with filters and pages", (*site).listServers},
		{"floating IP and login", (*site).floatingIP},
		{"what the guest was given", (*site).lookInside},
		{"console log", (*site).consoleLog},
		{"console in a browser", (*site).consolePage},
		{"security group rule removed", (*site).ruleRemoved},
		{"volumes of a running guest", (*site).volumes},
		{"a volume moves under its guest", (*site).moveUnderGuest},
		{"boot from volume", (*site).bootFromVolume},
		{"boot by kernel and ramdisk", (*site).directBoot},
		{"stop and start", (*site).stopStart},
		{"reboot", (*site).reboot},
		{"pause and suspend", (*site).pauseSuspend},
		{"lock", (*site).lock},
		{"resize", (*site).resize},
		{"image of a server, rebuild", (*site).rebuild},
		{"rescue", (*site).rescue},
		{"shelve", (*site).shelve},
		{"quota", (*site).quota},
		{"usage", (*site).usage},
		{"delete everything", (*site).deleteAll},
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) { s.as(t, func() { step.run(s, t) }) }) {
			return // what follows stands on it
		}
	}
}

// as makes failures of the clients end the step that runs.
func (s *site) as(t *testing.T, run func()) {
	s.admin, s.user = s.admin.For(t), s.user.For(t)
	defer func() {
		if s.guest != nil {
			s.guest.Close()
			s.guest = nil
		}
	}()
	run()
}

// in is a connection to server one.
func (s *site) in(t *testing.T) *cloudtest.Guest {
	t.Helper()
	if s.guest == nil {
		return s.login(t)
	}
	return s.guest
}

// awaitServer waits until a server shows a status; ERROR ends the test at once.
func (s *site) awaitServer(t *testing.T, name, status string) cloudtest.Object {
	t.Helper()
	var o cloudtest.Object
	cloudtest.Eventually(t, cloudtest.Patience(30*time.Second), func() error {
		o = s.user.Object("server show " + name)
		switch o.String("status") {
		case status:
			if task := o.String("OS-EXT-STS:task_state"); task != "" && task != "None" {
				return fmt.Errorf("server %s is %s but still %s", name, status, task)
			}
			return nil
		case "ERROR":
			if status != "ERROR" {
				t.Fatalf("server %s is in ERROR: %s", name, o.String("fault"))
			}
		}
		return fmt.Errorf("server %s is %s (%s), not %s", name, o.String("status"), o.String("OS-EXT-STS:task_state"), status)
	})
	return o
}

// awaitStatus waits until another thing ("volume", "volume snapshot", "image") shows a status.
func (s *site) awaitStatus(t *testing.T, noun, name, status string) cloudtest.Object {
	t.Helper()
	var o cloudtest.Object
	cloudtest.Eventually(t, cloudtest.Patience(20*time.Second), func() error {
		o = s.user.Object(noun + " show " + name)
		if got := o.String("status"); got != status {
			if got == "error" {
				t.Fatalf("%s %s is in error: %v", noun, name, o)
			}
			return fmt.Errorf("%s %s is %s, not %s", noun, name, got, status)
		}
		return nil
	})
	return o
}

// gone waits until a server is no longer shown.
func (s *site) gone(t *testing.T, name string) {
	t.Helper()
	cloudtest.Eventually(t, cloudtest.Patience(20*time.Second), func() error {
		if a := s.user.Try("server", "show", name); a.Code == 0 {
			return fmt.Errorf("server %s is still shown", name)
		}
		return nil
	})
}

// login opens a new connection to server one.
func (s *site) login(t *testing.T) *cloudtest.Guest {
	t.Helper()
	if s.guest != nil {
		s.guest.Close()
	}
	s.guest = s.cloud.Host.SSH(t, s.address, s.key, nil)
	return s.guest
}

// loginAfterBoot waits until server one answers with another boot than before.
func (s *site) loginAfterBoot(t *testing.T, before string) *cloudtest.Guest {
	t.Helper()
	cloudtest.Eventually(t, cloudtest.Patience(45*time.Second), func() error {
		g, err := s.cloud.Host.TrySSH(t, s.address, s.key, nil)
		if err != nil {
			return err
		}
		defer g.Close()
		now, err := g.Try("cat /proc/sys/kernel/random/boot_id", cloudtest.Patience(5*time.Second))
		if err == nil && now == before {
			err = fmt.Errorf("the guest has not booted again")
		}
		return err
	})
	return s.login(t)
}

// equal compares what a step saw with what it should.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s is %v, not %v", what, got, want)
	}
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Fatalf("%s lacks %q:\n%s", what, p, text)
		}
	}
}
