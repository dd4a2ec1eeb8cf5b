package applet

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/minimal/fsprobe"
)

func TestParseSudo(t *testing.T) {
	for line, want := range map[string]sudoCall{
		"-n mkfs -t ext4 /dev/vdb": {user: "root", command: []string{"mkfs", "-t", "ext4", "/dev/vdb"}},
		"-u cirros -i":             {user: "cirros", login: true},
		"-E A=b sh -c ls":          {user: "root", env: []string{"A=b"}, command: []string{"sh", "-c", "ls"}},
		"-nE -- -odd":              {user: "root", command: []string{"-odd"}},
		"-l":                       {user: "root", list: true},
	} {
		got, err := parseSudo(strings.Fields(line))
		if len(got.command) == 0 {
			got.command = nil
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("sudo %s: %+v, %v", line, got, err)
		}
	}
	for _, line := range []string{"", "-n", "-Z ls", "-u"} {
		if got, err := parseSudo(strings.Fields(line)); err == nil {
			t.Errorf("sudo %s: %+v", line, got)
		}
	}
}

func TestMkfsCommand(t *testing.T) {
	for _, c := range []struct{ name, args, want string }{
		{"mkfs.ext4", "/dev/vdb", "mke2fs /dev/vdb"},
		{"mkfs", "-t ext4 -q -E lazy_itable_init=1 /dev/vdb", "mke2fs /dev/vdb"},
		{"mkfs", "-t vfat -n X /dev/vdb", "mkdosfs -n X /dev/vdb"},
		{"mkfs.ext3", "-F -L data /dev/vdb", "mke2fs -F -L data /dev/vdb"},
	} {
		got, err := mkfsCommand(c.name, strings.Fields(c.args))
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: %v, %v", c.name, c.args, got, err)
		}
	}
	if _, err := mkfsCommand("mkfs", []string{"-t", "xfs", "/dev/vdb"}); err == nil {
		t.Error("xfs is promised")
	}
}

func TestLsblkReadsSysfs(t *testing.T) {
	sys := t.TempDir()
	for path, text := range map[string]string{
		"block/vda/size": "2097152", "block/vda/dev": "254:0", "block/vda/ro": "0", "block/vda/removable": "0",
		"block/vda/vda1/size": "2048", "block/vda/vda1/dev": "254:1", "block/vda/vda1/ro": "0", "block/vda/vda1/partition": "1",
		"block/loop0/size": "0",
	} {
		p := filepath.Join(sys, path)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := blocks(sys, false, nil)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%+v, %v", rows, err)
	}
	var out bytes.Buffer
	tab := &table{columns: strings.Split("NAME,MAJ:MIN,RM,SIZE,RO,TYPE,MOUNTPOINTS", ","), bytes: true, mounts: map[string]string{"vda1": "/"}}
	if err := tab.print(&out, rows, false); err != nil {
		t.Fatal(err)
	}
	want := "vda  254:0 0 1073741824 0 disk\nvda1 254:1 0 1048576    0 part /\n"
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
	if s := (&table{}).size(3 << 29); s != "1.5G" {
		t.Errorf("size: %s", s)
	}
}

func TestFormatID(t *testing.T) {
	i := fsprobe.Info{Type: "iso9660", Label: "config-2", UUID: "2026"}
	if got := formatID("/dev/sr0", i, "", "full"); got != "/dev/sr0: LABEL=\"config-2\" UUID=\"2026\" TYPE=\"iso9660\"\n" {
		t.Errorf("got %q", got)
	}
	if got := formatID("/dev/sr0", i, "TYPE", "value"); got != "iso9660\n" {
		t.Errorf("got %q", got)
	}
}

func TestCurl(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "http://"+r.Host+"/here", http.StatusFound)
		case "/missing":
			http.NotFound(w, r)
		default:
			_, _ = w.Write([]byte(r.Method + " " + r.Header.Get("X-A")))
		}
	}))
	defer s.Close()
	for args, want := range map[string]string{
		"-s -H X-A:b URL/x":            "GET b",
		"-sL URL/moved":                "GET ",
		"URL/x -X PUT -w %{http_code}": "PUT 200",
		"-d data URL/x":                "POST ",
	} {
		var out bytes.Buffer
		err := curl("curl", strings.Fields(strings.ReplaceAll(args, "URL", s.URL)), &out)
		if err != nil || out.String() != want {
			t.Errorf("curl %s: %q, %v", args, out.String(), err)
		}
	}
	if err := curl("curl", []string{"-sf", s.URL + "/missing"}, &bytes.Buffer{}); err != exitCode(22) {
		t.Errorf("-f with 404: %v", err)
	}
	if err := curl("curl", []string{"-s", "https://localhost/"}, &bytes.Buffer{}); err == nil {
		t.Error("https is promised")
	}
}

func TestRawsendFrames(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	f := frame{srcMAC: mac, kind: "udp", srcPort: 1, dstPort: 2, payload: []byte("hi")}
	if err := f.setAddresses("", "ff:ff:ff:ff:ff:ff", "10.0.0.1", "10.0.0.2"); err != nil {
		t.Fatal(err)
	}
	b, err := f.encode()
	if err != nil {
		t.Fatal(err)
	}
	// The two checksums, 66cd and 836b, were added up by hand (RFC 1071).
	want := "ffffffffffff020000000001080045000" + "01e0000000040" + "1166cd0a0000010a000002" + "00010002000a" + "836b" + "6869"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if checksum(b[14:34]) != 0 || checksum(append(f.pseudoHeader(protoUDP, 10), b[34:]...)) != 0 {
		t.Error("a checksum does not verify")
	}
	f.kind = "arp-reply"
	if b, err := f.encode(); err != nil || len(b) != 42 || b[21] != 2 {
		t.Errorf("ARP reply: %x, %v", b, err)
	}
	v6 := frame{srcMAC: mac, dstMAC: mac, kind: "icmp", srcIP: netip.MustParseAddr("fe80::1"), dstIP: netip.MustParseAddr("fe80::2")}
	b, err = v6.encode()
	if err != nil || checksum(append(v6.pseudoHeader(protoICMPv6, len(b)-54), b[54:]...)) != 0 {
		t.Errorf("ICMPv6: %x, %v", b, err)
	}
}
