package linux

import (
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/fabrictest"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/charon"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// The Linux fabric keeps the contract, on a host of its own.
func TestContract(t *testing.T) {
	needRoot(t)
	fabrictest.Run(t, func(t *testing.T) fabrictest.Subject {
		w := newWorld(t)
		lacks := ""
		if _, err := charon.Program(); err != nil {
			lacks = err.Error()
		}
		return fabrictest.Subject{Fabric: w.fabric, NoVPN: lacks, Restart: func() agent.Fabric {
			must(t, w.fabric.Close())
			w.open()
			return w.fabric
		}}
	})
}

// Guests' traffic goes on while the process is away and after it is back; and then
// it is served again.
func TestRestartUnnoticed(t *testing.T) {
	w, r, a, b := outsideWorld(t)
	r.Floating = []spec.FloatingIP{{External: addr("172.24.4.100"), Internal: b.port.Addresses[0]}}
	w.router(r)
	inside, _ := w.reaches(a.ns, b.port.Addresses[0], 80)
	out, _ := w.reaches(a.ns, outsideAddr, 80)
	in, _ := w.reaches(w.host, addr("172.24.4.100"), 80)
	all := func(when string) {
		t.Helper()
		if !alive(inside, patience) || !alive(out, patience) || !alive(in, patience) {
			t.Errorf("a connection broke %s", when)
		}
	}
	must(t, w.fabric.Close())
	all("while the process was away")
	w.open()
	must(t, w.fabric.Adopt(context.Background()))
	all("when it was back")
	if got, err := get(a.ns, "http://169.254.169.254/"); err != nil || got != "pa /" {
		t.Errorf("metadata right after adoption: %q, %v", got, err)
	}
	a.lease()
	// The agent then ensures everything again.
	w.network(publicNetwork())
	w.network(privateNetwork("n1"))
	w.group(openGroup("g"))
	_, err := w.fabric.EnsurePort(context.Background(), a.port)
	must(t, err)
	_, err = w.fabric.EnsurePort(context.Background(), b.port)
	must(t, err)
	w.router(r)
	all("when everything was ensured again")
}

// killed is run as a process of its own by TestKilledAnywhere, and killed.
func TestKilledHelper(t *testing.T) {
	path := os.Getenv("FABRIC_TEST_HELPER")
	if path == "" {
		t.Skip("is the part of TestKilledAnywhere that gets killed")
	}
	b, err := os.ReadFile(path)
	must(t, err)
	var o struct{ StateDir, HostNamespace string }
	must(t, json.Unmarshal(b, &o))
	f, err := New(Options{StateDir: o.StateDir, HostNamespace: o.HostNamespace, VerifyInterval: -1})
	must(t, err)
	must(t, f.Adopt(context.Background()))
	for {
		makeAll(t, f)
		removeAll(t, f)
	}
}

func makeAll(t *testing.T, f *Fabric) {
	ctx := context.Background()
	must(t, f.EnsureNetwork(ctx, publicNetwork()))
	must(t, f.EnsureNetwork(ctx, privateNetwork("n1")))
	must(t, f.EnsureGroup(ctx, openGroup("g")))
	_, err := f.EnsurePort(ctx, portOn("n1", "pa", 10, "g"))
	must(t, err)
	must(t, f.EnsureRouter(ctx, spec.Router{ID: "r", Generation: 1, AdminUp: true, Gateway: gateway(),
		Interfaces: []spec.RouterInterface{routerInterface("r1", "n1", "fa:16:3e:01:00:02", "10.0.0.1/24")}}))
	gw := gateway()
	gw.Port, gw.MAC, gw.SNAT, gw.Addresses = "gw-d", "fa:16:3e:01:00:04", false, []netip.Prefix{prefix("172.24.4.11/24")}
	face := []spec.PortID{"d1"}
	must(t, f.EnsureRouter(ctx, spec.Router{ID: "d", Generation: 1, AdminUp: true, Gateway: gw,
		Interfaces: []spec.RouterInterface{routerInterface("d1", "n1", "fa:16:3e:01:00:05", "10.0.0.9/24")},
		Domain: &spec.RoutingDomain{
			Tables:  []spec.RouteTable{{ID: "t", Interfaces: face, Routes: []spec.TableRoute{{Destination: prefix("0.0.0.0/0"), NAT: "n"}, {Destination: prefix("10.0.0.64/26")}}}},
			NATs:    []spec.NAT{{ID: "n", Interface: "d1", Internal: addr("10.0.0.50"), External: addr("172.24.4.50")}},
			Filters: []spec.PacketFilter{{ID: "f", Interfaces: face}}}}))
}

func removeAll(t *testing.T, f *Fabric) {
	ctx := context.Background()
	must(t, f.RemoveRouter(ctx, "r"))
	must(t, f.RemoveRouter(ctx, "d"))
	must(t, f.RemovePort(ctx, "pa"))
	must(t, f.RemoveGroup(ctx, "g"))
	must(t, f.RemoveNetwork(ctx, "n1"))
	must(t, f.RemoveNetwork(ctx, "public"))
}

// Whatever moment the process is killed at, the next one finishes the work or removes
// what is there (the world looks for leftovers).
func TestKilledAnywhere(t *testing.T) {
	w := newWorld(t)
	must(t, w.fabric.Close())
	path := t.TempDir() + "/options"
	b, _ := json.Marshal(map[string]string{"StateDir": w.options.StateDir, "HostNamespace": w.options.HostNamespace})
	must(t, os.WriteFile(path, b, 0o600))
	for i := range 12 {
		helper := exec.Command(os.Args[0], "-test.run=^TestKilledHelper$")
		helper.Env = append(os.Environ(), "FABRIC_TEST_HELPER="+path)
		must(t, helper.Start())
		// The moment is what is being tried out: another one each time.
		time.Sleep(time.Duration(80+37*i) * time.Millisecond)
		must(t, helper.Process.Kill())
		if err := helper.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the helper ended by itself: %v", err)
		}
		w.open()
		must(t, w.fabric.Adopt(context.Background()))
		if i%2 == 0 {
			makeAll(t, w.fabric)
			g := w.plug(portOn("n1", "pa", 10, "g"))
			if _, err := g.tryLease(patience); err != nil {
				t.Errorf("after kill %d: no lease: %v", i, err)
			}
		} else {
			removeAll(t, w.fabric)
			w.nothingLeft()
		}
		must(t, w.fabric.Close())
	}
	w.open()
	must(t, w.fabric.Adopt(context.Background()))
}

// What somebody broke is found and repaired; what somebody else made is left alone.
func TestVerifyRepairs(t *testing.T) {
	w, a, b := pair(t)
	w.group(ingressGroup("gb", 2, tcpRule(22, false)))
	inside, err := netns.Open(a.tap.Namespace)
	must(t, err)
	defer inside.Close()
	ctx := context.Background()
	must(t, w.fabric.Verify(ctx))
	w.run(inside, "nft", "delete", "table", "inet", "nubo")
	w.run(inside, "nft", "flush", "chain", "bridge", "nubo", "ingress")
	w.run(inside, "nft", "add", "table", "inet", "theirs")
	must(t, inside.Do(func() error {
		l, err := netlink.LinkByName(b.tap.Name)
		if err != nil {
			return err
		}
		return netlink.LinkSetNoMaster(l)
	}))
	must(t, w.fabric.Verify(ctx))
	w.reaches(a.ns, b.port.Addresses[0], 22)
	w.blocked(a.ns, b.port.Addresses[0], 23)
	if out := w.run(inside, "nft", "list", "tables"); !strings.Contains(out, "theirs") {
		t.Errorf("another's table is gone: %s", out)
	}
}

// A bridge that somebody removed comes back with ports, router and services.
func TestVerifyRemakesBridge(t *testing.T) {
	w, r, a, b := outsideWorld(t)
	w.router(r)
	inside, err := netns.Open(a.tap.Namespace)
	must(t, err)
	defer inside.Close()
	must(t, inside.Do(func() error { return removeLink(bridgeName) }))
	must(t, w.fabric.Verify(context.Background()))
	a.lease()
	w.reaches(a.ns, b.port.Addresses[0], 80)
	if got, err := get(a.ns, "http://169.254.169.254/"); err != nil || got != "pa /" {
		t.Errorf("metadata: %q, %v", got, err)
	}
}

// A namespace that only has the name is not taken over.
func TestForeignNamespace(t *testing.T) {
	w := newWorld(t)
	name := w.fabric.names.network("n1")
	must(t, netns.Create(name, func() error { return nil }))
	err := w.fabric.EnsureNetwork(context.Background(), privateNetwork("n1"))
	if err == nil || !strings.Contains(err.Error(), "not made by us") {
		t.Errorf("error %v", err)
	}
	if !netns.Exists(name) {
		t.Error("it was removed")
	}
	must(t, netns.Delete(name))
}
