package guest

import (
	"encoding/binary"
	"reflect"
	"testing"

	"github.com/nubo-cloud/nubo/internal/minimal/fsprobe"
)

func TestParseCmdline(t *testing.T) {
	got := parseCmdline("console=tty0 console=ttyS0,115200 root=LABEL=nubo-root quiet dyndbg=\"file a.c +p\"\n")
	want := cmdline{"console": "ttyS0,115200", "root": "LABEL=nubo-root", "quiet": "", "dyndbg": "file a.c +p"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestParseEvent(t *testing.T) {
	got := parseEvent("add@/devices/pci0/virtio1/net/eth1\x00ACTION=add\x00DEVPATH=/devices/pci0/virtio1/net/eth1\x00SUBSYSTEM=net\x00INTERFACE=eth1\x00SEQNUM=99\x00")
	want := event{action: "add", path: "/devices/pci0/virtio1/net/eth1", subsystem: "net", iface: "eth1"}
	if got != want {
		t.Errorf("got %+v", got)
	}
}

func TestRootMatcher(t *testing.T) {
	ext := fsprobe.Info{Type: "ext4", Label: "nubo-root", UUID: "ab-cd"}
	for _, c := range []struct {
		want, name string
		info       fsprobe.Info
		fits       bool
	}{
		{"LABEL=nubo-root", "vda1", ext, true},
		{"LABEL=other", "vda1", ext, false},
		{"UUID=AB-CD", "vda1", ext, true},
		{"/dev/vda1", "vda1", ext, true},
		{"/dev/vda1", "vdb1", ext, false},
		{"LABEL=nubo-root", "vda1", fsprobe.Info{Type: "vfat", Label: "nubo-root"}, false},
	} {
		if got := rootMatcher(c.want)(c.name, c.info); got != c.fits {
			t.Errorf("root=%s on %s %+v: %v", c.want, c.name, c.info, got)
		}
	}
}

func TestIsPowerPress(t *testing.T) {
	press := func(kind, code uint16, value uint32) []byte {
		b := make([]byte, inputEventBytes)
		binary.LittleEndian.PutUint16(b[16:], kind)
		binary.LittleEndian.PutUint16(b[18:], code)
		binary.LittleEndian.PutUint32(b[20:], value)
		return b
	}
	if !isPowerPress(press(1, 116, 1)) {
		t.Error("the power key pressed is not seen")
	}
	for name, b := range map[string][]byte{"released": press(1, 116, 0), "another key": press(1, 30, 1), "the end of a report": press(0, 0, 0)} {
		if isPowerPress(b) {
			t.Errorf("%s is taken for a press", name)
		}
	}
}
