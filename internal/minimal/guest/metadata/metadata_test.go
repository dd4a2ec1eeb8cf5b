package metadata

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/netconf"
)

const metaData = `{"uuid": "83679162-1378-4288-a2d4-70e13ec132aa", "hostname": "test.novalocal", "name": "test",
 "admin_pass": "s3cret", "public_keys": {"mykey": "ssh-ed25519 AAAA me\n"},
 "keys": [{"name": "mykey", "type": "ssh", "data": "ssh-ed25519 AAAA me\n"}, {"name": "x", "type": "x509", "data": "no"}]}`

const networkData = `{"links": [
  {"id": "tap1", "type": "ovs", "ethernet_mac_address": "FA:16:3E:00:00:01", "mtu": 1450},
  {"id": "tap2", "type": "ovs", "ethernet_mac_address": "fa:16:3e:00:00:02", "mtu": null}],
 "networks": [
  {"id": "n0", "type": "ipv4", "link": "tap1", "ip_address": "10.1.0.5", "netmask": "255.255.255.0",
   "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.1.0.1"}], "services": [{"type": "dns", "address": "10.1.0.2"}]},
  {"id": "n1", "type": "ipv6", "link": "tap1", "ip_address": "2001:db8::5", "netmask": "ffff:ffff:ffff:ffff::", "routes": []},
  {"id": "n2", "type": "ipv4_dhcp", "link": "tap2"}],
 "services": [{"type": "dns", "address": "8.8.8.8"}]}`

func TestFromDirReadsAConfigDrive(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "openstack", "latest")
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"meta_data.json": metaData, "network_data.json": networkData, "user_data": "#!/bin/sh\n"} {
		if err := os.WriteFile(filepath.Join(base, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in, err := FromDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if in.ID != "83679162-1378-4288-a2d4-70e13ec132aa" || in.Hostname != "test.novalocal" || in.AdminPass != "s3cret" ||
		!reflect.DeepEqual(in.Keys, []string{"ssh-ed25519 AAAA me"}) || string(in.UserData) != "#!/bin/sh\n" {
		t.Errorf("got %+v", in)
	}
	fixed, err := in.Network.Fixed()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]netconf.Fixed{"fa:16:3e:00:00:01": {
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.1.0.5/24"), netip.MustParsePrefix("2001:db8::5/64")},
		Routes:    []netconf.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.1.0.1")}},
		DNS:       []netip.Addr{netip.MustParseAddr("10.1.0.2"), netip.MustParseAddr("8.8.8.8")},
		MTU:       1450,
	}}
	if !reflect.DeepEqual(fixed, want) {
		t.Errorf("fixed addresses:\n%+v\nwant\n%+v", fixed, want)
	}
	if _, err := FromDir(t.TempDir()); !errors.Is(err, ErrNone) {
		t.Errorf("an empty drive: %v", err)
	}
}

func TestFromServiceOpenStack(t *testing.T) {
	s := serve(t, map[string]string{"GET /openstack/latest/meta_data.json": metaData, "GET /openstack/latest/user_data": "#cloud-config\n"})
	in, err := FromService(context.Background(), s.URL)
	if err != nil || in.Source != "openstack metadata service" || string(in.UserData) != "#cloud-config\n" {
		t.Errorf("got %+v, %v", in, err)
	}
}

func TestFromServiceEC2(t *testing.T) {
	s := serve(t, map[string]string{
		"PUT /latest/api/token":                           "tok",
		"GET /latest/meta-data/instance-id":               "i-1",
		"GET /latest/meta-data/hostname":                  "ip-10-0-0-1",
		"GET /latest/meta-data/public-keys/":              "0=mine\n",
		"GET /latest/meta-data/public-keys/0/openssh-key": "ssh-rsa BBBB mine\n",
	})
	in, err := FromService(context.Background(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	want := &Instance{ID: "i-1", Hostname: "ip-10-0-0-1", Keys: []string{"ssh-rsa BBBB mine"}, Source: "ec2 metadata service"}
	if !reflect.DeepEqual(in, want) {
		t.Errorf("got %+v", in)
	}
}

func TestFromServiceWithNothing(t *testing.T) {
	if _, err := FromService(context.Background(), serve(t, nil).URL); !errors.Is(err, ErrNone) {
		t.Errorf("got %v", err)
	}
}

func serve(t *testing.T, answers map[string]string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[r.Method+" "+r.URL.Path]
		if strings.HasPrefix(r.URL.Path, "/latest/meta-data") && r.Header.Get("X-aws-ec2-metadata-token") != "tok" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(body))
	}))
	if answers == nil {
		s.Config.Handler = http.NotFoundHandler()
	}
	t.Cleanup(s.Close)
	return s
}

func TestParseUserData(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("#!/bin/sh\necho zipped\n"))
	z.Close()
	multi := "Content-Type: multipart/mixed; boundary=\"==B==\"\nMIME-Version: 1.0\n\n--==B==\nContent-Type: text/x-shellscript\n\n#!/bin/sh\necho one\n" +
		"--==B==\nContent-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\nI2Nsb3VkLWNvbmZpZwpob3N0bmFtZTogaAo=\n--==B==--\n"
	for name, c := range map[string]struct {
		raw  string
		want []Kind
	}{
		"a script":       {"#!/bin/sh\nexit 0\n", []Kind{Script}},
		"a cloud-config": {"#cloud-config\nruncmd: []\n", []Kind{CloudConfig}},
		"something":      {"hello", []Kind{Unknown}},
		"nothing":        {" \n", nil},
		"gzip":           {zipped.String(), []Kind{Script}},
		"multipart":      {multi, []Kind{Script, CloudConfig}},
	} {
		parts, err := Parse([]byte(c.raw))
		var got []Kind
		for _, p := range parts {
			got = append(got, p.Kind)
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	parts, err := Parse([]byte(multi))
	if err != nil || string(parts[1].Body) != "#cloud-config\nhostname: h\n" {
		t.Errorf("base64 part: %q, %v", parts[1].Body, err)
	}
}

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig([]byte(`#cloud-config
hostname: web
ssh_authorized_keys: [ssh-ed25519 AAAA]
password: pw
chpasswd:
  expire: false
  list: |
    root:rootpw
unknown_module: {a: b}
write_files:
  - {path: /etc/x, content: aGVsbG8=, encoding: b64, permissions: '0600'}
runcmd:
  - echo one
  - [echo, two, words]
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Passwords("cirros"); !reflect.DeepEqual(got, [][2]string{{"cirros", "pw"}, {"root", "rootpw"}}) {
		t.Errorf("passwords: %v", got)
	}
	if b, err := c.WriteFiles[0].Bytes(); err != nil || string(b) != "hello" || c.WriteFiles[0].Mode() != 0o600 {
		t.Errorf("file: %q %o %v", b, c.WriteFiles[0].Mode(), err)
	}
	if want := []Command{{Shell: "echo one"}, {Words: []string{"echo", "two", "words"}}}; !reflect.DeepEqual(c.RunCmd, want) {
		t.Errorf("commands: %+v", c.RunCmd)
	}
	if _, err := ParseConfig([]byte("#cloud-config\n\tnot yaml")); err == nil {
		t.Error("a document that is no YAML is taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Content-Type: multipart/mixed; boundary=x\n\n--x\n\n#!a\n--x--"))
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, _ := Parse(b)
		for _, p := range parts {
			if p.Kind == CloudConfig {
				_, _ = ParseConfig(p.Body)
			}
		}
	})
}
