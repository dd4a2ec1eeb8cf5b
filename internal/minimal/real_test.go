package minimal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/minimal"
	"golang.org/x/crypto/ssh"
)

func TestMain(m *testing.M) {
	if to := os.Getenv(proxyEnv); to != "" {
		os.Exit(proxy(to))
	}
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

var built struct {
	once sync.Once
	dir  string
	err  error
}

// image builds the image once for all tests and gives its directory.
func image(t *testing.T) string {
	t.Helper()
	if os.Getenv("NUBO_TEST_REAL") == "" {
		t.Skip("boots real guests: needs NUBO_TEST_REAL=1, qemu-system-x86, apt and the packages of minimal.Packages")
	}
	built.once.Do(func() { built.dir, built.err = buildImage() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}

func buildImage() (string, error) {
	dir, err := os.MkdirTemp("", "nubo-minimal-test-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "guest")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "../../cmd/nubo-guest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOAMD64=v1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("build the guest's init: %w: %s", err, out)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = dir
	}
	here, err := os.Getwd()
	if err != nil {
		return dir, err
	}
	output, err := filepath.Rel(here, dir+"/image.qcow2") // as people write it
	if err != nil {
		return dir, err
	}
	return dir, minimal.Build(context.Background(), minimal.Options{
		Output: output, KernelOutput: dir + "/vmlinuz", InitramfsOutput: dir + "/initramfs",
		CacheDir: filepath.Join(cache, "nubo-minimal-test"), GuestProgram: program,
	})
}

// overlay is a disk of 2 GiB that begins as a copy of base.
func overlay(t *testing.T, base string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.qcow2")
	command(t, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, path, "2G")
	return path
}

const countBoots = "#!/bin/sh\necho ran as $(id -un) >> /var/log/boots\necho user-data-was-here\n"

func TestImageIsSmall(t *testing.T) {
	st, err := os.Stat(image(t) + "/image.qcow2")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", st.Size())
	if st.Size() >= 30<<20 {
		t.Errorf("the image has %d bytes; 30 MiB are allowed", st.Size())
	}
}

// One life of an instance on q35 with BIOS: first boot, tools, hot-plugged
// devices, reboot, power button, a copy that becomes another instance.
func TestLifeOnQ35(t *testing.T) {
	dir := image(t)
	key := newKey(t)
	disk := overlay(t, dir+"/image.qcow2")
	args := append([]string{"-M", "q35", "-device", "pcie-root-port,id=port1,chassis=1", "-device", "pcie-root-port,id=port2,chassis=2"}, drive("root", disk, "qcow2", "virtio-blk-pci")...)
	args = append(args, drive("config", configDrive(t, "iso9660", metaData(t, "instance-one", "one.example.org", key), countBoots), "raw", "virtio-blk-pci")...)
	m := start(t, "virtio-net-pci", "", args...)
	c := m.login("cirros", key)
	t.Logf("boot: %s", m.bootTimes())
	checkConsole(t, m)
	checkTools(t, c)
	checkUserData(t, c)
	checkHotPlug(t, m, c)
	hostKeys := runOn(t, c, "cat /etc/ssh/*.pub")
	runOn(t, c, "sudo sh -c 'date > /mnt/timestamp' && sync")
	stamp := runOn(t, c, "cat /mnt/timestamp")

	bootID := runOn(t, c, "cat /proc/sys/kernel/random/boot_id")
	_, _ = tryOn(c, "sudo reboot") // the connection may end before the answer
	eventually(t, "the guest has started again", func() bool {
		c = m.login("root", key)
		out, err := tryOn(c, "cat /proc/sys/kernel/random/boot_id")
		return err == nil && strings.TrimSpace(out) != bootID
	})
	if got := runOn(t, c, "cat /mnt/timestamp"); got != stamp {
		t.Errorf("after a reboot the file holds %q, not %q", got, stamp)
	}
	if got := runOn(t, c, "cat /etc/ssh/*.pub"); got != hostKeys {
		t.Error("a reboot changed the host keys")
	}
	if got := runOn(t, c, "cat /var/log/boots"); got != "ran as root" {
		t.Errorf("user-data after two boots: %q", got)
	}
	m.powerDown()
	checkFilesystem(t, disk)
	checkCopy(t, disk, key, hostKeys, stamp)
}

func checkConsole(t *testing.T, m *machine) {
	t.Helper()
	for _, want := range []string{"Linux version", "nubo-guest: kernel ready", "nubo-guest: network ready", "nubo-guest: metadata ready",
		"nubo-guest: ssh ready", "BEGIN SSH HOST KEY FINGERPRINTS", "eth0: address 10.0.2.15/24", "user-data-was-here", "one login:"} {
		eventually(t, "the console shows "+want, func() bool { return strings.Contains(m.console(), want) })
	}
}

func checkTools(t *testing.T, c *ssh.Client) {
	t.Helper()
	for command, want := range map[string]string{
		"id -un":         "cirros",
		"sudo -n id -un": "root",
		"hostname":       "one",
		"set -eu -o pipefail; echo a | grep -c a":                                          "1",
		"cat /etc/hosts | grep -c one.example.org":                                         "1",
		"lsblk -lbn --nodeps -o NAME | tr '\\n' ' '":                                       "vda vdb ",
		"sudo blkid | grep config-2 | cut -d: -f1":                                         "/dev/vdb",
		"echo hello | sha256sum | cut -c1-8":                                               "5891b5b5",
		"cat /run/udhcpc.eth0.pid":                                                         "1",
		"ping -c1 -W5 10.0.2.2 >/dev/null; echo $?":                                        "0",
		"sudo rawsend -src-ip 1.2.3.4 -dst-ip 10.0.2.2 -src-mac 02:00:00:00:00:99 -c 2":    "sent 2 frames of 49 bytes on eth0",
		"nc -l -p 4321 > /tmp/nc & sleep 1; echo through | nc 127.0.0.1 4321; cat /tmp/nc": "through",
		"sudo mount -o ro /dev/vdb /media && ls /media; sudo umount /media":                "openstack",
	} {
		if got := runOn(t, c, command); got != strings.TrimSpace(want) {
			t.Errorf("%s: %q, not %q", command, got, want)
		}
	}
	for _, command := range []string{"ip -o addr", "ip route", "ip neigh", "ip link", "free -m", "nproc", "uptime", "ps", "df -h", "dmesg",
		"cat /etc/cirros-release", "which arping udhcpc wget curl mkfs.ext4 chmod date", "sudo udhcpc -n -q -i eth0"} {
		if out, err := tryOn(c, command); err != nil || out == "" {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	if kib := runOn(t, c, "df -k / | tail -1 | awk '{print $2}'"); len(kib) != 7 || kib < "1900000" {
		t.Errorf("the root has %s KiB on a disk of 2 GiB", kib)
	}
	var exit *ssh.ExitError
	if _, err := tryOn(c, "exit 42"); !errors.As(err, &exit) || exit.ExitStatus() != 42 {
		t.Errorf("exit 42 gives %v", err)
	}
	checkTerminal(t, c)
}

func checkTerminal(t *testing.T, c *ssh.Client) {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.RequestPty("vt100", 33, 101, nil); err != nil {
		t.Fatal(err)
	}
	out, err := s.CombinedOutput("tty; stty size")
	if err != nil || !strings.Contains(string(out), "/dev/pts/") || !strings.Contains(string(out), "33 101") {
		t.Errorf("on a terminal: %q, %v", out, err)
	}
}

func checkUserData(t *testing.T, c *ssh.Client) {
	t.Helper()
	eventually(t, "user-data has run", func() bool {
		out, err := tryOn(c, "cat /var/log/boots")
		return err == nil && out == "ran as root\n"
	})
}

func checkHotPlug(t *testing.T, m *machine, c *ssh.Client) {
	t.Helper()
	extra := filepath.Join(t.TempDir(), "extra.raw")
	command(t, "qemu-img", "create", "-q", "-f", "raw", extra, "64M")
	before := runOn(t, c, "ls /dev/vd?")
	disk := "/dev/vd" + string(rune('a'+strings.Count(before, "/dev/vd")))
	m.do("blockdev-add", map[string]any{"driver": "raw", "node-name": "extra", "file": map[string]any{"driver": "file", "filename": extra}})
	m.do("device_add", map[string]any{"driver": "virtio-blk-pci", "id": "extra", "drive": "extra", "bus": m.bus("port1"), "serial": "vol-0123"})
	eventually(t, "the new disk is there", func() bool { _, err := tryOn(c, "test -b "+disk); return err == nil })
	eventually(t, "the new disk has its link", func() bool { _, err := tryOn(c, "test -b /dev/disk/by-id/virtio-vol-0123"); return err == nil })
	runOn(t, c, "sudo mkfs -t ext4 "+disk+" && sudo mount -t ext4 "+disk+" /media && sudo sh -c 'echo kept > /media/f' && sudo umount /media")
	if got := runOn(t, c, "sudo mount "+disk+" /media && cat /media/f && sudo umount /media"); got != "kept" {
		t.Errorf("on the new filesystem: %q", got)
	}
	m.do("device_del", map[string]any{"id": "extra"})
	eventually(t, "the disk is gone", func() bool { _, err := tryOn(c, "test ! -e "+disk); return err == nil })
	m.do("netdev_add", map[string]any{"type": "user", "id": "n1", "net": "10.9.0.0/24"})
	m.do("device_add", map[string]any{"driver": "virtio-net-pci", "id": "nic1", "netdev": "n1", "bus": m.bus("port2")})
	eventually(t, "the new link has an address", func() bool {
		out, err := tryOn(c, "ip -o -4 addr show dev eth1")
		return err == nil && strings.Contains(out, "10.9.0.")
	})
}

// bus is the port on q35; pc plugs into its only bus.
func (m *machine) bus(port string) string {
	if strings.Contains(strings.Join(m.cmd.Args, " "), "-M pc") {
		return "pci.0"
	}
	return port
}

func checkFilesystem(t *testing.T, disk string) {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "raw")
	command(t, "qemu-img", "convert", "-O", "raw", disk, raw)
	out, err := exec.Command("sfdisk", "--verify", raw).CombinedOutput()
	if err != nil {
		t.Errorf("partition table after growing: %v\n%s", err, out)
	}
	var first int64
	out, err = exec.Command("sfdisk", "-d", raw).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if _, rest, ok := strings.Cut(line, "start="); ok && strings.HasPrefix(line, raw+"1 ") {
			_, _ = fmt.Sscan(strings.TrimSuffix(strings.Fields(rest)[0], ","), &first)
		}
	}
	out, err = exec.Command("e2fsck", "-fn", fmt.Sprintf("%s?offset=%d", raw, first*512)).CombinedOutput()
	if err != nil || first == 0 {
		t.Errorf("root filesystem after growing and powering down: %v\n%s", err, out)
	}
}

// checkCopy boots a copy of a used disk as another instance.
func checkCopy(t *testing.T, disk string, oldKey ssh.Signer, oldHostKeys, stamp string) {
	t.Helper()
	key := newKey(t)
	args := append([]string{"-M", "q35"}, drive("root", overlay(t, disk), "qcow2", "virtio-blk-pci")...)
	args = append(args, drive("config", configDrive(t, "vfat", metaData(t, "instance-two", "two", key), countBoots), "raw", "virtio-blk-pci")...)
	m := start(t, "virtio-net-pci", "", args...)
	c := m.login("cirros", key)
	if got := runOn(t, c, "hostname; cat /mnt/timestamp"); got != "two\n"+stamp {
		t.Errorf("the copy says %q", got)
	}
	if got := runOn(t, c, "cat /etc/ssh/*.pub"); got == oldHostKeys {
		t.Error("the copy has the host keys of the instance it was copied from")
	}
	eventually(t, "user-data runs for the new instance", func() bool {
		out, err := tryOn(c, "grep -c ran /var/log/boots")
		return err == nil && out == "2\n"
	})
	config := &ssh.ClientConfig{User: "cirros", Auth: []ssh.AuthMethod{ssh.PublicKeys(oldKey), ssh.Password("gocubsgo")}, HostKeyCallback: ssh.InsecureIgnoreHostKey()}
	if _, err := ssh.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", m.port), config); err == nil {
		t.Error("the copy lets the old key or the well-known password in")
	}
	m.powerDown()
}

// On pc the config drive is a CD-ROM, which the guest finds late, and what is
// plugged in comes by way of ACPI.
func TestLifeOnPC(t *testing.T) {
	dir := image(t)
	key := newKey(t)
	args := append([]string{"-M", "pc"}, drive("root", overlay(t, dir+"/image.qcow2"), "qcow2", "virtio-blk-pci")...)
	args = append(args, drive("config", configDrive(t, "iso9660", metaData(t, "i", "pc", key), ""), "raw,media=cdrom", "ide-cd")...)
	m := start(t, "virtio-net-pci", "", args...)
	c := m.login("cirros", key)
	t.Logf("boot: %s", m.bootTimes())
	checkHotPlug(t, m, c)
	m.powerDown()
}

func TestUEFI(t *testing.T) {
	dir := image(t)
	code, vars := firmware(t)
	key := newKey(t)
	args := []string{"-M", "q35", "-drive", "if=pflash,format=raw,readonly=on,file=" + code, "-drive", "if=pflash,format=raw,file=" + vars}
	args = append(args, drive("root", overlay(t, dir+"/image.qcow2"), "qcow2", "virtio-blk-pci")...)
	args = append(args, drive("config", configDrive(t, "iso9660", metaData(t, "i", "uefi", key), ""), "raw", "virtio-blk-pci")...)
	m := start(t, "virtio-net-pci", "", args...)
	c := m.login("cirros", key)
	t.Logf("boot: %s", m.bootTimes())
	if got := runOn(t, c, "test -d /sys/firmware/efi && df / | tail -1 | cut -d' ' -f1"); got != "/dev/vda1" {
		t.Errorf("root is %q", got)
	}
	m.powerDown()
}

func firmware(t *testing.T) (code, vars string) {
	t.Helper()
	for _, suffix := range []string{"_4M", ""} {
		code = "/usr/share/OVMF/OVMF_CODE" + suffix + ".fd"
		template, err := os.ReadFile("/usr/share/OVMF/OVMF_VARS" + suffix + ".fd")
		if err != nil {
			continue
		}
		vars = filepath.Join(t.TempDir(), "vars.fd")
		if err := os.WriteFile(vars, template, 0o644); err != nil {
			t.Fatal(err)
		}
		return code, vars
	}
	t.Skip("needs the UEFI firmware (package ovmf)")
	return "", ""
}

// Without a disk the initramfs is the whole guest; its metadata comes over the
// network here, from a server behind the metadata address.
func TestDirectBootFromMemoryWithMetadataService(t *testing.T) {
	dir := image(t)
	key := newKey(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/openstack/latest/meta_data.json":
			_, _ = w.Write(metaData(t, "i", "memory", key))
		case "/openstack/latest/user_data":
			_, _ = w.Write([]byte("#cloud-config\nruncmd:\n  - [sh, -c, 'echo cloud-config-ran']\n"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(proxyEnv, s.Listener.Addr().String())
	m := start(t, "virtio-net-pci", ",net=169.0.0.0/8,dhcpstart=169.0.0.15,guestfwd=tcp:169.254.169.254:80-cmd:"+self,
		"-M", "q35", "-kernel", dir+"/vmlinuz", "-initrd", dir+"/initramfs", "-append", minimal.DirectCmdline)
	c := m.login("cirros", key)
	t.Logf("boot: %s", m.bootTimes())
	if got := runOn(t, c, "hostname; curl -s http://169.254.169.254/openstack/latest/user_data | head -1; grep -c ' / ext4' /proc/mounts || true"); got != "memory\n#cloud-config\n0" {
		t.Errorf("the guest says %q", got)
	}
	eventually(t, "cloud-config has run", func() bool { return strings.Contains(m.console(), "cloud-config-ran") })
	m.powerDown()
}

// microvm has virtio-mmio in place of PCI. Under TCG its only clock is the time stamp counter, which a kernel cannot
// calibrate on a busy machine: it is told how fast that counts, as the README tells users to do.
func TestDirectBootOnMicroVM(t *testing.T) {
	dir := image(t)
	key := newKey(t)
	config := configDrive(t, "iso9660", metaData(t, "i", "micro", key), "")
	args := []string{"-M", "microvm", "-kernel", dir + "/vmlinuz", "-initrd", dir + "/initramfs", "-append", minimal.Cmdline + " tsc_early_khz=2000000"}
	args = append(args, drive("root", overlay(t, dir+"/image.qcow2"), "qcow2", "virtio-blk-device")...)
	args = append(args, drive("config", config, "raw", "virtio-blk-device")...)
	m := start(t, "virtio-net-device", "", args...)
	c := m.login("cirros", key)
	t.Logf("boot: %s", m.bootTimes())
	if got := runOn(t, c, "df / | tail -1 | cut -d' ' -f1"); !strings.HasPrefix(got, "/dev/vd") {
		t.Errorf("root is %q", got)
	}
	m.powerDown()
}
