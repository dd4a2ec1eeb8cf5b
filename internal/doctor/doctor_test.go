package doctor

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// healthy is a host where nothing is to be said.
func healthy() Facts {
	return Facts{
		Root: true, Hypervisor: spec.Hypervisor{Version: "7.2.22", Acceleration: "kvm", Firmwares: []spec.Firmware{spec.FirmwareBIOS, spec.FirmwareUEFI}},
		QemuImg: "qemu-img version 7.2.22", Nft: "nftables v1.0.6", Features: []Feature{{Name: "bridge", Use: "networks"}, {Name: "vxlan", Use: "more hosts", Optional: true}}, Cgroups: "v2",
		StateDir: "/var/lib/nubo", FileSystem: "XFS", FreeBytes: 100 * gib, Reflink: true, CPUs: 8, MemoryBytes: 32 * gib, MemoryFreeBytes: 30 * gib,
		NeighboursMax: 1024, ConnectionsMax: 262144, Listen: "127.0.0.1:8700", NoVNC: true,
	}
}

// TestHealthyHost proves that a host without faults gets no advice.
func TestHealthyHost(t *testing.T) {
	for _, f := range Judge(healthy()) {
		if f.Level != OK || f.Do != "" {
			t.Errorf("%+v", f)
		}
	}
}

// TestFaults proves that each fault is found, is as bad as it is, and comes with what to do.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Facts)
		check string
		level Level
		says  []string // in what, why or do
	}{
		"not root": {func(f *Facts) { f.Root = false }, "user", Problem, []string{"run nubo as root"}},
		"no QEMU":  {func(f *Facts) { f.HypervisorError = "executable file not found" }, "qemu", Problem, []string{"apt-get install qemu-system-x86"}},
		"no KVM":   {func(f *Facts) { f.Hypervisor.Acceleration, f.KVMError = "tcg", "no such file or directory" }, "kvm", Warning, []string{"cannot be opened", "TCG", "modprobe"}},
		"KVM that hangs": {func(f *Facts) {
			f.Hypervisor.Acceleration, f.Hypervisor.AccelerationReason = "tcg", "KVM does not run a guest here: it hangs without a word"
		}, "kvm", Warning, []string{"opens but does not boot a guest", "hangs without a word", "TCG", "slower"}},
		"KVM for root only": {func(f *Facts) {
			f.Hypervisor.Acceleration, f.Hypervisor.AccelerationReason = "tcg", "only root may use /dev/kvm"
		}, "kvm", Warning, []string{"boots a guest for root", "chmod 660"}},
		"KVM for root that hangs": {func(f *Facts) {
			f.Hypervisor.Acceleration, f.Hypervisor.AccelerationReason = "tcg", "only root may use /dev/kvm"
			f.KVMForRoot = "it hangs without a word"
		}, "kvm", Warning, []string{"opens but does not boot a guest", "hangs without a word", "TCG"}},
		"no firmware": {func(f *Facts) { f.Hypervisor.Firmwares = nil }, "uefi", Warning, []string{"apt-get install ovmf"}},
		"no nft":      {func(f *Facts) { f.Nft = "" }, "nft", Problem, []string{"apt-get install nftables"}},
		"no qemu-img": {func(f *Facts) { f.QemuImg = "" }, "qemu-img", Problem, []string{"apt-get install qemu-utils"}},
		"no bridge":   {func(f *Facts) { f.Features[0].Error, f.Features[0].Do = "operation not supported", "modprobe bridge" }, "kernel", Problem, []string{"bridge does not work", "modprobe bridge"}},
		"no vxlan":    {func(f *Facts) { f.Features[1].Error, f.Features[1].Do = "operation not supported", "modprobe vxlan" }, "kernel", Warning, []string{"vxlan does not work"}},
		"a firewall":  {func(f *Facts) { f.Firewalls = []string{"the chain ip filter FORWARD"} }, "firewall", Warning, []string{"iptables -I FORWARD -i nbu+ -j ACCEPT"}},
		"another cloud": {func(f *Facts) {
			f.Clashes, f.PublicNetwork = []string{"nbu0 (172.24.4.1/24, of another Nubo on this machine)"}, "172.24.4.0/24"
		}, "public", Warning, []string{"nbu0", "172.24.4.0/24", "another public_network"}},
		"no cgroups":         {func(f *Facts) { f.CgroupsError = "read-only file system" }, "cgroups", Warning, []string{"memory"}},
		"state not writable": {func(f *Facts) { f.StateDirError = "/var/lib cannot be written" }, "state", Problem, []string{"--state-dir"}},
		"disk full":          {func(f *Facts) { f.FreeBytes = gib / 2 }, "state", Problem, []string{"0.5 GiB free"}},
		"disk nearly full":   {func(f *Facts) { f.FreeBytes = 5 * gib }, "state", Warning, []string{"5.0 GiB free"}},
		"no memory":          {func(f *Facts) { f.MemoryFreeBytes = gib / 8 }, "memory", Problem, []string{"no guest fits"}},
		"little memory":      {func(f *Facts) { f.MemoryFreeBytes = gib / 2 }, "memory", Warning, []string{"few guests"}},
		"few neighbours":     {func(f *Facts) { f.MemoryBytes = bigHost }, "neighbours", Warning, []string{"gc_thresh3"}},
		"few connections":    {func(f *Facts) { f.ConnectionsMax = 1000 }, "connections", Warning, []string{"nf_conntrack_max"}},
		"address in use":     {func(f *Facts) { f.ListenError = "address already in use" }, "listen", Problem, []string{"--listen"}},
		"no console page":    {func(f *Facts) { f.NoVNC = false }, "console", Warning, []string{"apt-get install novnc"}},
	} {
		t.Run(name, func(t *testing.T) {
			facts := healthy()
			c.spoil(&facts)
			r := Judge(facts)
			found := false
			for _, f := range r {
				if f.Level == OK {
					continue
				}
				if f.Check != c.check || f.Level != c.level {
					t.Errorf("unexpected finding %+v", f)
					continue
				}
				found = true
				for _, s := range c.says {
					if !strings.Contains(f.What+" "+f.Why+" "+f.Do, s) {
						t.Errorf("%+v does not say %q", f, s)
					}
				}
				if f.Why == "" || f.Do == "" {
					t.Errorf("%+v does not say why or what to do", f)
				}
			}
			if !found {
				t.Errorf("%s was not found in %+v", c.check, r)
			}
			if (r.Problems() > 0) != (c.level == Problem) {
				t.Errorf("%d problems with a %s", r.Problems(), c.level)
			}
		})
	}
}

// TestRunningDaemonIsNoFault proves that its own daemon's port is not taken for a stranger's.
func TestRunningDaemonIsNoFault(t *testing.T) {
	f := healthy()
	f.Running, f.ListenError = true, "address already in use"
	if r := Judge(f); r.Problems() > 0 {
		t.Errorf("%+v", r)
	}
}

// TestDrops proves that another firewall is seen, and one that lets guests through is not complained about.
func TestDrops(t *testing.T) {
	const docker = "chain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n"
	for chain, want := range map[string]bool{
		docker + "\t}": true,
		docker + "\t\tiifname \"nbu*\" accept\n\t}":  false,
		strings.Replace(docker, "drop", "accept", 1): false,
	} {
		if got := drops(chain); got != want {
			t.Errorf("drops(%q) = %v", chain, got)
		}
	}
}

// TestForms proves that each finding is one line of text, and that the JSON form says the same.
func TestForms(t *testing.T) {
	r := Report{{"kvm", Warning, "does not\nboot", "guests are slow", "nothing"}, {Check: "nft", Level: OK, What: "v1"}}
	var text, encoded bytes.Buffer
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	want := "warning  kvm            does not boot; guests are slow. To do: nothing\nok       nft            v1\n"
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}
	if err := r.WriteJSON(&encoded); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(encoded.Bytes(), &back); err != nil || len(back) != 2 || back[0] != r[0] {
		t.Errorf("%v: %s", err, encoded.String())
	}
}
