package openstack

import (
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// networks makes two networks, one with IPv4 and IPv6, and a router between them and the outside.
func (s *site) networks(t *testing.T) {
	s.user.Run("network create blue")
	s.user.Run("subnet create --network blue --subnet-range 10.11.0.0/24 --gateway 10.11.0.1 --dns-nameserver 192.0.2.53 blue4")
	s.user.Run("subnet create --network blue --ip-version 6 --ipv6-ra-mode slaac --ipv6-address-mode slaac --subnet-range fd11::/64 blue6")
	s.user.Run("network create green")
	s.user.Run("subnet create --network green --subnet-range 10.12.0.0/24 --allocation-pool start=10.12.0.100,end=10.12.0.199 --no-dhcp green4")
	s.user.Run("subnet set --dhcp green4")
	contains(t, "subnet's pool", s.user.Object("subnet show green4").String("allocation_pools"), `"10.12.0.100"`, `"10.12.0.199"`)
	equal(t, "subnets of blue", len(s.user.List("subnet list --network blue")), 2)

	s.user.Run("router create edge")
	s.user.Run("router set --external-gateway public edge")
	s.user.Run("router add subnet edge blue4")
	s.user.Run("router add subnet edge blue6")
	contains(t, "router's gateway", s.user.Object("router show edge").String("external_gateway_info"), "172.24.4.")
	s.user.Refused("subnet delete blue4", "409")
	s.user.Refused("network create --external mine", "403")
}

// securityGroups makes a group that lets in SSH and ping.
func (s *site) securityGroups(t *testing.T) {
	s.user.Run("security group create --description logins login")
	s.user.Run("security group rule create --protocol tcp --dst-port 22 --remote-ip 0.0.0.0/0 login")
	s.user.Run("security group rule create --protocol icmp login")
	s.user.Run("security group rule create --ethertype IPv6 --protocol ipv6-icmp login")
	// The two that every new group has let everything out.
	equal(t, "rules", len(s.user.List("security group rule list login")), 5)
	s.user.Refused("security group rule create --protocol icmp login", "409")
}

// floatingIP gives server one a public address and logs in through it.
func (s *site) floatingIP(t *testing.T) {
	s.address = s.user.Object("floating ip create public").String("floating_ip_address")
	s.user.Run("server add floating ip one " + s.address)
	contains(t, "server's addresses", s.user.Object("server show one").String("addresses"), s.address)
	equal(t, "host's name in the guest", s.login(t).Run("hostname"), "one")
}

// ruleRemoved takes the rule for SSH away: neither new connections nor the open one go on. Then it comes back.
func (s *site) ruleRemoved(t *testing.T) {
	g := s.login(t)
	rules := s.user.List("security group rule list --protocol tcp login")
	equal(t, "rules for TCP", len(rules), 1)
	s.user.Run("security group rule delete " + rules[0].ID())
	cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), func() error {
		c, err := s.cloud.Host.TrySSH(t, s.address, s.key, nil)
		if err != nil {
			return nil // as it should be
		}
		c.Close()
		return errStillOpen
	})
	const silence = 5 * time.Second
	if out, err := g.Try("hostname", silence); err == nil {
		t.Fatalf("the connection from before still works: %q", out)
	}
	s.user.Run("security group rule create --protocol tcp --dst-port 22 login")
	s.login(t)
}

type openError struct{}

func (openError) Error() string { return "new connections are still let in" }

var errStillOpen = openError{}

// lookInside compares what was asked for with what the guest has.
func (s *site) lookInside(t *testing.T) {
	g := s.in(t)
	contains(t, "addresses in the guest", g.Run("ip -o addr"), "10.11.0.50/24", "10.12.0.", "fd11::")
	equal(t, "result of user-data", g.Run("cat /var/log/by-user-data"), "user data ran")
	meta := g.Run("curl -s http://169.254.169.254/openstack/latest/meta_data.json")
	contains(t, "metadata", meta, `"purpose"`, `"testing"`, `"name"`, s.user.Object("server show one").ID())
	contains(t, "EC2 metadata", g.Run("curl -s http://169.254.169.254/latest/meta-data/public-keys/0/openssh-key"), "ssh-ed25519")
	contains(t, "disks", g.Run("sudo blkid"), "config-2")
	drive := strings.Fields(g.Run("sudo blkid | grep config-2"))[0]
	g.Run("sudo mkdir -p /tmp/drive && sudo mount -o ro " + strings.TrimSuffix(drive, ":") + " /tmp/drive")
	equal(t, "user-data on the config drive", g.Run("sudo cat /tmp/drive/openstack/latest/user_data"), strings.TrimSpace(userData))
	g.Run("sudo umount /tmp/drive")
	g.Run("ping -c 1 -W 5 10.11.0.1")
	g.Run("ping -c 1 -W 5 172.24.4.1")
}
