package metadata

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/metadata"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// python is the distribution's, whose cloud-init this is.
const python = "/usr/bin/python3"

// boxed is a network namespace with the metadata service in it, at the address that guests ask.
type boxed struct{ md spec.Metadata }

// run makes the namespace on a thread of its own, which ends with it, and runs a program in it.
func (b *boxed) run(t *testing.T, name string, args ...string) ([]byte, error) {
	t.Helper()
	type result struct {
		out []byte
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is of no use to anybody after this
		out, err := b.inside(name, args)
		done <- result{out, err}
	}()
	r := <-done
	return r.out, r.err
}

func (b *boxed) inside(name string, args []string) ([]byte, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, err
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(169, 254, 169, 254), Mask: net.CIDRMask(32, 32)}}
	if err := netlink.AddrAdd(lo, address); err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp4", "169.254.169.254:80")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	lookup := func(context.Context, spec.PortID) (spec.Metadata, error) { return b.md, nil }
	h := metadata.NewHandler(lookup, metadata.Layout{Region: "us-east-1"}, nil, nil)
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeMetadata(w, r, "port") })) // until the listener is closed
	c := exec.Command(name, args...)
	c.Stderr = os.Stderr
	return c.Output()
}

// crawled is what crawl.py prints.
type crawled struct {
	Taken    bool           `json:"taken"`
	Cloud    string         `json:"cloud"`
	Token    bool           `json:"token"`
	ID       string         `json:"id"`
	Metadata map[string]any `json:"metadata"`
	UserData string         `json:"userdata"`
	Keys     []string       `json:"keys"`
	Identity map[string]any `json:"identity"`
	Zone     string         `json:"zone"`
	Region   string         `json:"region"`
	Network  map[string]any `json:"network"`
}

func machine() spec.Metadata {
	at := func(prefix, gateway string) spec.MetadataAddress {
		return spec.MetadataAddress{Address: netip.MustParsePrefix(prefix), Gateway: netip.MustParseAddr(gateway), Mode: "dhcp4"}
	}
	return spec.Metadata{InstanceID: "83679162-1378-4288-a2d4-70e13ec132aa", Hostname: "ip-10-0-0-5", Zone: "us-east-1a", Size: "t3.micro", Account: "123456789012",
		Short: spec.MetadataShort{Instance: "0123456789abcdef0", Image: "0123456789abcdef1", Reservation: "0123456789abcdef2"}, CreatedAt: time.Unix(1_700_000_000, 0),
		UserData: []byte("#cloud-config\n{}\n"), Keys: []spec.PublicKey{{Name: "mine", Type: "ssh", Data: "ssh-ed25519 AAAA me"}},
		Properties: map[string]string{"Name": "web", "a/b": "no path"}, Access: spec.MetadataAccess{ShowProperties: true},
		NICs: []spec.MetadataNIC{
			{MAC: "02:00:00:00:00:01", Addresses: []spec.MetadataAddress{at("10.0.0.5/24", "10.0.0.1"), at("10.0.0.6/24", "10.0.0.1")}, Groups: []string{"default"},
				Public: []spec.MetadataPublic{{Address: netip.MustParseAddr("192.0.2.7"), Fixed: netip.MustParseAddr("10.0.0.5")}}, Blocks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
				Short: spec.MetadataNICShort{Port: "0123456789abcdef3", Subnet: "0123456789abcdef4", Domain: "0123456789abcdef5", Groups: []string{"0123456789abcdef6"}}},
			{MAC: "02:00:00:00:00:02", Addresses: []spec.MetadataAddress{at("10.0.1.5/24", "10.0.1.1")}},
		},
		Disks: []spec.MetadataDisk{{Volume: "v", Device: "/dev/xvda"}, {Volume: "w", Device: "/dev/xvdf"}}}
}

// TestCloudInit: cloud-init believes the service and takes all of it, by a token where the firmware says Amazon, by none where it says nothing.
func TestCloudInit(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("makes a network namespace, which needs root")
	}
	if err := exec.Command(python, "-c", "import cloudinit").Run(); err != nil {
		t.Skip("needs Debian's cloud-init, which is not installed")
	}
	for name, c := range map[string]struct {
		serial, manufacturer, cloud string
		required                    bool
	}{
		"with a token":       {"ec279162-1378-4288-a2d4-70e13ec132aa", "Amazon EC2", "aws", false},
		"where it must have": {"ec279162-1378-4288-a2d4-70e13ec132aa", "Amazon EC2", "aws", true},
		"without a token":    {"83679162-1378-4288-a2d4-70e13ec132aa", "Nubo", "unknown", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := boxed{machine()}
			b.md.Access.TokensRequired = c.required
			out, err := b.run(t, python, "crawl.py", c.serial, c.manufacturer)
			cloudtest.Check(t, err)
			var got crawled
			cloudtest.Check(t, json.Unmarshal(out, &got))
			if !got.Taken || got.Cloud != c.cloud || got.Token != (c.cloud == "aws") {
				t.Fatalf("taken: %v, as %q, with a token: %v", got.Taken, got.Cloud, got.Token)
			}
			checkCrawled(t, got)
		})
	}
}

// checkCrawled compares what was taken with what there was.
func checkCrawled(t *testing.T, got crawled) {
	t.Helper()
	if got.ID != "i-0123456789abcdef0" || got.UserData != "#cloud-config\n{}\n" || !slices.Equal(got.Keys, []string{"ssh-ed25519 AAAA me"}) ||
		got.Zone != "us-east-1a" || got.Region != "us-east-1" {
		t.Errorf("taken: id %s, user data %q, keys %v, %s in %s", got.ID, got.UserData, got.Keys, got.Zone, got.Region)
	}
	if got.Token && (got.Identity["accountId"] != "123456789012" || got.Identity["imageId"] != "ami-0123456789abcdef1") { // elsewhere it does not ask
		t.Errorf("identity: %v", got.Identity)
	}
	for path, want := range map[string]string{"public-ipv4": "192.0.2.7", "local-ipv4": "10.0.0.5", "instance-type": "t3.micro", "reservation-id": "r-0123456789abcdef2"} {
		if got.Metadata[path] != want {
			t.Errorf("%s is %v, want %s", path, got.Metadata[path], want)
		}
	}
	tags, _ := got.Metadata["tags"].(map[string]any)
	if text, _ := json.Marshal(tags["instance"]); string(text) != `{"Name":"web"}` {
		t.Errorf("tags: %s", text)
	}
	devices, _ := json.Marshal(got.Metadata["block-device-mapping"])
	if string(devices) != `{"ami":"xvda","ebs0":"xvdf","root":"/dev/xvda"}` {
		t.Errorf("devices: %s", devices)
	}
	nics, _ := got.Network["ethernets"].(map[string]any)
	first, _ := nics["eth0"].(map[string]any)
	if len(nics) != 2 || first["dhcp4"] != true {
		t.Errorf("network: %v", got.Network)
	}
	if addresses, _ := json.Marshal(first["addresses"]); string(addresses) != `["10.0.0.6/24"]` {
		t.Errorf("further addresses: %s", addresses)
	}
}
