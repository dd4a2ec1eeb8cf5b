package linux

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// trunkGuest is a guest that speaks 802.1Q: what it has for a tag is a namespace of its own with an eth0, whose frames the
// pump tags as the guest's kernel would.
type trunkGuest struct {
	*world
	wire *os.File
	taps map[int]*os.File
}

func (w *world) trunkGuest(parent spec.Port, tags ...int) (*trunkGuest, map[int]*netns.Handle) {
	w.t.Helper()
	tap, err := w.fabric.EnsurePort(context.Background(), parent)
	must(w.t, err)
	inside, err := netns.Open(tap.Namespace)
	must(w.t, err)
	defer inside.Close()
	g := &trunkGuest{world: w, wire: openTap(w.t, inside, tap.Name), taps: map[int]*os.File{}}
	sides := map[int]*netns.Handle{}
	for _, tag := range append([]int{0}, tags...) {
		w.guests++
		sides[tag] = newSpace(w.t, w.name(fmt.Sprintf("guest%d", w.guests)))
		g.taps[tag] = openTap(w.t, sides[tag], "eth0")
		go g.outwards(tag)
	}
	go g.inwards()
	return g, sides
}

// outwards tags what one side sends.
func (g *trunkGuest) outwards(tag int) {
	buf := make([]byte, 65536)
	for {
		n, err := g.taps[tag].Read(buf)
		if err != nil {
			return
		}
		frame := buf[:n]
		if tag != 0 {
			head := binary.BigEndian.AppendUint16(append([]byte{}, frame[:12]...), 0x8100)
			frame = append(binary.BigEndian.AppendUint16(head, uint16(tag)), frame[12:]...)
		}
		g.wire.Write(frame)
	}
}

// inwards gives each side what carries its tag.
func (g *trunkGuest) inwards() {
	buf := make([]byte, 65536)
	for {
		n, err := g.wire.Read(buf)
		if err != nil {
			return
		}
		frame, tag := buf[:n], 0
		if binary.BigEndian.Uint16(frame[12:]) == 0x8100 {
			tag = int(binary.BigEndian.Uint16(frame[14:]) & 0xfff)
			frame = append(append([]byte{}, frame[:12]...), frame[16:]...)
		}
		if to := g.taps[tag]; to != nil {
			to.Write(frame)
		}
	}
}

// dress gives one side of the guest the addresses of a port.
func dress(t *testing.T, side *netns.Handle, p spec.Port) {
	t.Helper()
	must(t, side.Do(func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		mac, _ := parseMAC(p.MAC)
		if err := netlink.LinkSetHardwareAddr(l, mac); err != nil {
			return err
		}
		return addressed("eth0", netip.PrefixFrom(p.Addresses[0], 24))
	}))
}

// trunkWorld is a guest on network a whose frames with tag 100 are on network b and with 200 on network c; all three
// networks have the same addresses, and a neighbour.
type trunkWorld struct {
	*world
	sides      map[int]*netns.Handle
	ports      map[int]spec.Port
	neighbours map[int]*guest
}

var trunkTags = map[int]spec.NetworkID{0: "a", 100: "b", 200: "c"}

func newTrunkWorld(t *testing.T) *trunkWorld {
	w := &trunkWorld{world: newWorld(t), ports: map[int]spec.Port{}, neighbours: map[int]*guest{}}
	w.group(openGroup("open"))
	for tag, id := range trunkTags {
		w.network(privateNetwork(id))
		w.ports[tag] = portOn(id, spec.PortID(fmt.Sprintf("trunk-%d", tag)), 10, "open")
		w.neighbours[tag] = w.guest(portOn(id, spec.PortID(fmt.Sprintf("neighbour-%d", tag)), 20, "open"))
	}
	_, w.sides = w.trunkGuest(w.ports[0], 100, 200, 300)
	for _, tag := range []int{100, 200} {
		p := w.ports[tag]
		p.Branch = &spec.Branch{Parent: "trunk-0", Tag: tag}
		w.ports[tag] = p
		_, err := w.fabric.EnsurePort(context.Background(), p)
		must(t, err)
	}
	for tag, p := range w.ports {
		dress(t, w.sides[tag], p)
	}
	return w
}

func (w *trunkWorld) across(tag int) error {
	return ping(w.sides[tag], w.neighbours[tag].port.Addresses[0])
}

func (w *trunkWorld) allAcross(when string) {
	w.t.Helper()
	for tag := range trunkTags {
		soon(w.t, fmt.Sprintf("tag %d %s", tag, when), func() error { return w.across(tag) })
	}
}

// Each tag is another network, also after the process was killed, and after the kernel lost what carries it.
func TestTrunkCarriesBranches(t *testing.T) {
	w := newTrunkWorld(t)
	w.allAcross("at first")
	for tag := range trunkTags {
		answer(t, w.neighbours[tag].ns, 7)
		_, seen := w.reaches(w.sides[tag], w.neighbours[tag].port.Addresses[0], 7)
		if seen != w.ports[tag].Addresses[0] {
			t.Errorf("tag %d is seen as %s", tag, seen)
		}
	}
	w.restart()
	for _, p := range []int{0, 100, 200} {
		_, err := w.fabric.EnsurePort(context.Background(), w.ports[p])
		must(t, err)
	}
	w.allAcross("after a restart")
	must(t, w.neighbours[0].within(func() error { return removeLink(branchName("trunk-100")) }))
	must(t, w.fabric.Verify(context.Background()))
	w.allAcross("after a repair")
}

func (g *guest) within(do func() error) error {
	inside, err := netns.Open(g.tap.Namespace)
	if err != nil {
		return err
	}
	defer inside.Close()
	return inside.Do(do)
}

// What has a tag that no branch has goes nowhere, and a branch that is taken away takes its network with it.
func TestTrunkDropsOtherTags(t *testing.T) {
	w := newTrunkWorld(t)
	w.allAcross("at first")
	must(t, w.fabric.RemovePort(context.Background(), "trunk-100"))
	if w.across(100) == nil {
		t.Error("frames of a branch that was taken away arrive")
	}
	dress(t, w.sides[300], w.ports[0])
	if ping(w.sides[300], w.neighbours[0].port.Addresses[0]) == nil {
		t.Error("frames with a tag of no branch arrive")
	}
	must(t, w.across(0))
	must(t, w.across(200))
}

// Spoofing and groups are a branch's own.
func TestTrunkFiltersBranches(t *testing.T) {
	w := newTrunkWorld(t)
	w.allAcross("at first")
	must(t, w.sides[100].Do(func() error { return addressed("eth0", netip.MustParsePrefix("10.0.0.66/24")) }))
	if ping(w.sides[100], w.neighbours[100].port.Addresses[0], "-I", "10.0.0.66") == nil {
		t.Error("a branch may send from another's address")
	}
	strict := openGroup("strict")
	strict.Rules = strict.Rules[:2] // out only
	w.group(strict)
	p := w.ports[200]
	p.Generation, p.Groups = 2, []spec.GroupID{"strict"}
	_, err := w.fabric.EnsurePort(context.Background(), p)
	must(t, err)
	if ping(w.neighbours[200].ns, p.Addresses[0]) == nil {
		t.Error("a branch gets what its groups do not allow")
	}
	must(t, w.across(200))
}

// A branch waits for its parent.
func TestBranchNeedsParent(t *testing.T) {
	w := newWorld(t)
	w.group(openGroup("open"))
	w.network(privateNetwork("a"))
	p := portOn("a", "branch", 10, "open")
	p.Branch = &spec.Branch{Parent: "nobody", Tag: 5}
	if _, err := w.fabric.EnsurePort(context.Background(), p); !errors.Is(err, spec.ErrMissing) {
		t.Errorf("got %v, want ErrMissing", err)
	}
	p.Branch.Tag = 4095
	if _, err := w.fabric.EnsurePort(context.Background(), p); !errors.Is(err, spec.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
}
