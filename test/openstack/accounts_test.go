package openstack

import (
	"fmt"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

func (s *site) quota(t *testing.T) {
	s.admin.Run("quota set --instances 1 --cores 4 --ram 4096 --volumes 1 --gigabytes 5 --networks 3 lab")
	want := map[string]string{"instances": "1", "cores": "4", "ram": "4096", "volumes": "1", "gigabytes": "5", "networks": "3"}
	shown := s.user.Object("quota show")
	for name, limit := range want {
		equal(t, "quota of "+name, shown.String(name), limit)
	}
	s.user.Refused("server create --image minimal --flavor t1 --network blue two", "403", "uota")
	s.user.Refused("volume create --size 6 large", "413", "igabytes")
	s.user.Run("network create red")
	s.user.Refused("network create yellow", "409", "uota")
	s.user.Run("network delete red")
	s.user.Refused("quota set --instances 100 lab", "403")
}

// usage is shown for the time so far.
func (s *site) usage(t *testing.T) {
	u := s.admin.Object("usage show --project lab")
	for _, field := range []string{"CPU Hours", "RAM MB-Hours", "Disk GB-Hours"} {
		if v := u.String(field); v == "" || v == "0" || v == "0.0" {
			t.Fatalf("%s is %q in %v", field, v, u)
		}
	}
	if u.String("Servers") == "0" {
		t.Fatalf("no servers in %v", u)
	}
}

// deleteAll deletes everything through the client and finds every listing empty and nothing on the host.
func (s *site) deleteAll(t *testing.T) {
	s.user.Run("server delete --wait one")
	s.gone(t, "one")
	for _, f := range s.user.List("floating ip list") {
		s.user.Run("floating ip delete " + f.ID())
	}
	s.user.Run("router remove subnet edge blue4")
	s.user.Run("router remove subnet edge blue6")
	s.user.Run("router unset --external-gateway edge")
	s.user.Run("router delete edge")
	s.user.Run("network delete blue green")
	s.user.Run("security group delete login")
	s.user.Run("keypair delete mine")
	s.user.Run("image delete minimal kernel ramdisk")
	s.admin.Run("flavor delete t1 t2")
	for _, noun := range []string{"server", "volume", "volume snapshot", "image", "port", "router", "floating ip", "keypair", "subnet"} {
		cloudtest.Eventually(t, cloudtest.Patience(5*time.Second), func() error {
			if l := s.user.List(noun + " list"); len(l) != 0 {
				return fmt.Errorf("%s list: %v", noun, l)
			}
			return nil
		})
	}
	equal(t, "networks besides public", len(s.user.List("network list --internal")), 0)
	for _, g := range s.admin.List("security group list --project lab") { // default, made by itself
		s.admin.Run("security group delete " + g.ID())
	}
	s.admin.Run("user delete alice")
	s.admin.Run("project delete lab")
	s.cloud.NothingLeft(t)
}
