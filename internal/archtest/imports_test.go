package archtest

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// rule says what the packages of a folder may import of this module. The first rule whose folder fits
// a package is the one; a package without a rule fails the test, so that somebody decides.
type rule struct {
	folder  string
	may     []string // folders
	because string
}

const (
	nounsOnly  = "it decides or keeps by itself; what it needs of others is handed to it by daemon as an interface"
	useCase    = "use-case packages say what they need of each other in interfaces of their own; bytes, rows, packets and protocols are other people's business"
	driverOnly = "drivers know guests, disks and NICs; they must work without a project, a flavor or a control plane"
	translator = "a dialect translates and decides nothing: it calls use cases and sees no store, host or other dialect"
)

// useCases is what every use-case package may stand on.
var useCases = []string{"internal/cloud", "internal/spec", "internal/agentapi", "internal/operation", "internal/policy", "internal/quota",
	"internal/placement", "internal/reconcile", "internal/imageformat"}

// served is what dialects may call.
var served = []string{"internal/dialect", "internal/cloud", "internal/spec", "internal/compute", "internal/inventory", "internal/network", "internal/volume",
	"internal/image", "internal/identity", "internal/idempotency", "internal/policy", "internal/quota", "internal/vocabulary"}

var rules = []rule{
	{"internal/cloud", nil, "the nouns stand on the standard library only: everything else stands on them"},
	{"internal/spec", nil, "the nouns below stand on the standard library only: drivers of any kind stand on them"},
	{"internal/agentapi", []string{"internal/spec"}, "it is a wire contract: one day it is gRPC between processes of different versions"},

	{"internal/operation", []string{"internal/cloud"}, nounsOnly},
	{"internal/policy", []string{"internal/cloud"}, nounsOnly},
	{"internal/quota", []string{"internal/cloud"}, nounsOnly},
	{"internal/idempotency", []string{"internal/cloud"}, nounsOnly},
	{"internal/placement", []string{"internal/cloud"}, "it is a pure function of a request and an inventory"},
	{"internal/reconcile", nil, "it is a loop; what is reconciled is the caller's"},
	{"internal/store", []string{"internal/store", "internal/cloud"}, "it knows rows, columns and transactions, and no rule about the nouns"},
	{"internal/identity", []string{"internal/cloud", "internal/policy", "internal/mapping", "internal/openid", "internal/saml"}, nounsOnly},
	{"internal/mapping", []string{"internal/entitlement"}, "it is a language, and pure"},
	{"internal/entitlement", nil, "it is a grammar, and pure"},
	{"internal/openid", nil, "it speaks with issuers and knows no user, project or role"},
	{"internal/saml", []string{"internal/saml"}, "it is a protocol between organisations: it knows an issuer's words and no user here"},

	{"internal/compute", useCases, useCase},
	{"internal/inventory", []string{"internal/cloud", "internal/policy"}, useCase},
	{"internal/network", useCases, useCase},
	{"internal/volume", useCases, useCase},
	{"internal/image", useCases, useCase},
	{"internal/vocabulary", []string{"internal/cloud", "internal/policy"}, useCase},
	{"internal/fleet", []string{"internal/agentapi", "internal/spec", "internal/cloud"}, "it passes on what hosts report and decides nothing about it"},

	{"internal/agent", []string{"internal/agentapi", "internal/reconcile", "internal/spec"}, "an agent is told what is wanted in spec's words; it must run on hosts without a control plane"},
	{"internal/driver/hypervisor/*", []string{"internal/driver/hypervisor", "internal/agent", "internal/spec", "internal/imageformat"}, driverOnly},
	{"internal/driver/block/*", []string{"internal/driver/block", "internal/agent", "internal/spec", "internal/imageformat"}, driverOnly},
	{"internal/driver/fabric/*", []string{"internal/driver/fabric", "internal/agent", "internal/spec"}, driverOnly},
	{"internal/imageformat", []string{"internal/imageformat", "internal/spec"}, "it looks at files from outside, for use cases and drivers alike"},
	{"internal/backupstore", []string{"internal/cloud"}, "it implements what package volume asks for, and knows no more"},
	{"internal/imagestore", []string{"internal/image", "internal/cloud"}, "it implements what package image asks for, and knows no more"},
	{"internal/samlfeed", []string{"internal/saml"}, "it fetches what package saml reads, and knows no more"},
	{"internal/webfetch", []string{"internal/cloud"}, "it fetches for use cases and knows none"},
	{"internal/metadata", []string{"internal/agent", "internal/spec"}, "it runs on hosts and sees what the agent sees"},
	{"internal/console", []string{"internal/cloud", "internal/spec"}, "it joins a browser to a guest's display for whoever holds a ticket"},

	{"internal/dialect/openstack/*", append([]string{"internal/dialect/openstack"}, served...), translator},
	{"internal/dialect/*", served, translator},
	{"internal/dialect", []string{"internal/cloud"}, "it says what a dialect is; it must not know one"},

	{"internal/minimal", []string{"internal/minimal"}, "the guest image is a product of its own: it knows the cloud only by what guests see of it"},
	{"internal/doctor", []string{"internal/driver", "internal/spec"}, "it looks at a host that may have no cloud yet"},
	{"internal/operator", []string{"internal/mapping"}, "it is a client of the cloud like any other, and sees what the API shows"},
	{"internal/login", []string{"internal/openid"}, "it is a client of the cloud like any other, for a person's terminal"},
	{"internal/trace", []string{"internal/cloud"}, "it writes down what others did, and has no part in it"},
	{"internal/config", nil, "it is read before anything exists"},
	{"internal/archtest", nil, "it looks at all code from outside"},
	{"internal/testcloud", []string{"internal"}, "it builds a whole cloud in a test's process"},
	{"internal/daemon", []string{"internal"}, "it is the only place that knows everything"},
	{"cmd/nubo-guest", []string{"internal/minimal"}, "it runs inside guests"},
	{"cmd", []string{"internal/daemon", "internal/config", "internal/minimal", "internal/doctor", "internal/store",
		"internal/mapping", "internal/entitlement", "internal/operator", "internal/login", "internal/openid", "internal/trace"}, "a command is a thin way to call what daemon built; operator verbs on files go to their package"},
	{"test", []string{"internal", "test"}, "tests of real things look wherever they need to"},
}

// TestImportDirection proves that imports point the way the architecture says.
func TestImportDirection(t *testing.T) {
	for _, f := range source(t).files {
		if f.test {
			continue // tests may stand on fakes and whole clouds
		}
		r := ruleOf(f.dir())
		if r == nil {
			t.Errorf("%s: there is no rule about what it may import; add one to the table, with a reason", f.dir())
			continue
		}
		for _, i := range f.imports() {
			suiteOf := strings.HasSuffix(f.dir(), "test") && path.Dir(f.dir()) == i // a suite knows what it proves
			if !under(i, "internal", "cmd", "test") || under(i, r.may...) || suiteOf {
				continue
			}
			t.Errorf("%s must not import %s, because %s", f.path, i, r.because)
		}
	}
}

func ruleOf(dir string) *rule {
	for i := range rules {
		if under(dir, rules[i].folder) {
			return &rules[i]
		}
	}
	return nil
}

// TestStandardLibraryOnly proves that the nouns, and what is pure, need nobody else's code.
func TestStandardLibraryOnly(t *testing.T) {
	pure := []string{"internal/cloud", "internal/spec", "internal/agentapi", "internal/placement", "internal/policy", "internal/quota",
		"internal/operation", "internal/reconcile", "internal/config", "internal/archtest", "internal/entitlement"}
	for _, f := range source(t).files {
		if f.test || !under(f.dir(), pure...) {
			continue
		}
		for _, i := range f.imports() {
			if strings.Contains(strings.Split(i, "/")[0], ".") {
				t.Errorf("%s must not import %s: everything stands on this package, and would stand on that too", f.path, i)
			}
		}
	}
}

// TestOneCaller proves that what only one place may know is imported there only, also by tests.
func TestOneCaller(t *testing.T) {
	for _, c := range []struct {
		folder  string
		by      []string
		because string
	}{
		{"internal/daemon", []string{"internal/daemon", "cmd", "internal/testcloud", "test"}, "whoever imports the place that knows everything knows everything"},
		{"internal/dialect/*", []string{"internal/dialect", "internal/daemon", "internal/testcloud", "test"}, "words and rules of a dialect would reach the core"},
		{"internal/testcloud", []string{"internal/testcloud", "internal", "test"}, "it is for tests"},
		{"internal/driver", []string{"internal/driver", "internal/daemon", "internal/testcloud", "internal/doctor", "test",
			"internal/agent", "internal/minimal", "internal/metadata", "internal/compute", "internal/network", "internal/volume"},
			"a driver is chosen in daemon; all others see the interfaces of agent (their tests may take simulators)"},
	} {
		for _, f := range source(t).files {
			for _, i := range f.imports() {
				if under(i, c.folder) && !under(f.dir(), c.by...) {
					t.Errorf("%s must not import %s, because %s", f.path, i, c.because)
				}
			}
		}
	}
}

// TestDialectsShareNoHandler proves that no dialect is built on another one: what they share is grammar, in wire.
func TestDialectsShareNoHandler(t *testing.T) {
	const dialects = "internal/dialect/"
	name := func(dir string) string {
		first, _, _ := strings.Cut(strings.TrimPrefix(dir, dialects), "/")
		return first
	}
	for _, f := range source(t).files {
		if !strings.HasPrefix(f.dir(), dialects) {
			continue
		}
		for _, i := range f.imports() {
			if strings.HasPrefix(i, dialects) && name(i) != name(f.dir()) && name(i) != "wire" {
				t.Errorf("%s must not import %s, because each dialect stands on the core alone", f.path, i)
			}
		}
	}
}

// TestTestCloudIsForTests proves that no product code stands on the test cloud.
func TestTestCloudIsForTests(t *testing.T) {
	for _, f := range source(t).files {
		if !f.test && !under(f.dir(), "internal/testcloud", "test") && slices.Contains(f.imports(), "internal/testcloud") {
			t.Errorf("%s must not import internal/testcloud: it is for tests", f.path)
		}
	}
}

// TestLibrariesHaveOneHome proves that a library can be replaced by changing one package.
func TestLibrariesHaveOneHome(t *testing.T) {
	for _, c := range []struct {
		library string
		homes   []string
	}{
		{"github.com/jackc/pgx", []string{"internal/store"}},
		{"modernc.org/sqlite", []string{"internal/store", "test"}},
		{"github.com/vishvananda/netlink", []string{"internal/driver/fabric/linux", "internal/minimal/guest/netconf", "internal/doctor", "test"}},
		{"github.com/google/nftables", []string{"internal/driver/fabric/linux"}},
		{"github.com/miekg/dns", []string{"internal/driver/fabric/linux"}},
		{"github.com/go-jose/go-jose", []string{"internal/openid"}},
		{"github.com/zitadel/oidc", []string{"internal/openid/openidtest"}},
		{"github.com/coder/websocket", []string{"internal/console", "test"}},
		{"github.com/prometheus/client_golang", []string{"internal/daemon"}},
	} {
		for _, f := range source(t).files {
			for _, i := range f.imports() {
				if (i == c.library || strings.HasPrefix(i, c.library+"/")) && !f.test && !under(f.dir(), c.homes...) {
					t.Errorf("%s must not import %s: its home is %s, so that it can be replaced there", f.path, i, strings.Join(c.homes, ", "))
				}
			}
		}
	}
}
