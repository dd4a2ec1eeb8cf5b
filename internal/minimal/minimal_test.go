package minimal

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestModuleIndexesListNeedsDeepestLast(t *testing.T) {
	mods := []module{
		{name: "virtio_net", file: "net/virtio_net.ko", depends: []string{"net_failover", "virtio"}, aliases: []string{"virtio:d1v*"}},
		{name: "net_failover", file: "net/net_failover.ko", depends: []string{"failover"}},
		{name: "failover", file: "net/failover.ko"},
		{name: "virtio", file: "virtio.ko"},
	}
	dep, alias := moduleIndexes(mods)
	if !strings.HasPrefix(string(dep), "net/virtio_net.ko: virtio.ko net/net_failover.ko net/failover.ko\n") {
		t.Errorf("modules.dep:\n%s", dep)
	}
	if string(alias) != "alias virtio:d1v* virtio_net\n" {
		t.Errorf("modules.alias:\n%s", alias)
	}
}

func TestReadInfo(t *testing.T) {
	var m module
	m.readInfo("license=GPL\x00alias=fs-vfat\x00depends=fat,nls-base\x00vermagic=6\x00")
	if !reflect.DeepEqual(m.depends, []string{"fat", "nls_base"}) || !reflect.DeepEqual(m.aliases, []string{"fs-vfat"}) {
		t.Errorf("got %+v", m)
	}
}

func TestUnsignedCutsOnlyASignature(t *testing.T) {
	trailer := make([]byte, 12)
	binary.BigEndian.PutUint32(trailer[8:], 5)
	signed := append(append([]byte("module"), "SIGNA"...), trailer...)
	signed = append(signed, "~Module signature appended~\n"...)
	if got := unsigned(signed); string(got) != "module" {
		t.Errorf("got %q", got)
	}
	if got := unsigned([]byte("module")); string(got) != "module" {
		t.Errorf("without a signature: %q", got)
	}
}

func TestDependencies(t *testing.T) {
	got := dependencies("linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n |Depends: kmod\n  Depends: <linux-initramfs-tool>\n    dracut\n")
	if want := []string{"linux-image-6.1.0-56-cloud-amd64", "kmod", "linux-initramfs-tool"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestImageDependency(t *testing.T) {
	for text, want := range map[string][]string{
		"Package: linux-image-cloud-amd64\nDepends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)\n": {"linux-image-6.1.0-56-cloud-amd64", "6.1.192-2"},
		"Depends: base, linux-image-6.8.0-31-generic, linux-firmware\n":                               {"linux-image-6.8.0-31-generic", ""},
	} {
		if m := imageDependency.FindStringSubmatch(text); m == nil || !reflect.DeepEqual(m[1:], want) {
			t.Errorf("%q: %q", text, m)
		}
	}
}

func TestWriteCPIO(t *testing.T) {
	var b bytes.Buffer
	writeCPIO(&b, 1, entry{path: "/a", perm: 0o4755, uid: 7, data: []byte("xyz")})
	writeCPIO(&b, 2, entry{path: "/l", mode: fs.ModeSymlink, perm: 0o777, link: "a"})
	if b.Len()%4 != 0 {
		t.Errorf("%d bytes are not aligned", b.Len())
	}
	head := b.String()[:110]
	if head[:6] != "070701" || head[14:22] != "000089ED" || head[22:30] != "00000007" || head[54:62] != "00000003" {
		t.Errorf("header %s", head)
	}
	if !strings.Contains(b.String(), "0000A1FF") {
		t.Error("the symbolic link has not a link's mode")
	}
}

func TestDebugfsErrors(t *testing.T) {
	if err := debugfsErrors("debugfs: mkdir /usr\nAllocated inode: 12\n\n"); err != nil {
		t.Errorf("no error: %v", err)
	}
	if err := debugfsErrors("debugfs: write x /y\nwrite: No space left on device\n"); err == nil {
		t.Error("a full filesystem is not seen")
	}
}

func TestBuildSaysWhatIsMissing(t *testing.T) {
	if err := Build(context.Background(), Options{CacheDir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "--output") {
		t.Errorf("without an output: %v", err)
	}
	dynamic := filepath.Join(t.TempDir(), "busybox")
	if err := os.WriteFile(dynamic, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := checkStatic(dynamic); err == nil {
		t.Error("a file that is no program passes for BusyBox")
	}
}
