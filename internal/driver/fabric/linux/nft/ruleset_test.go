package nft

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/vishvananda/netlink"
)

func table(elements []string, rules ...string) Table {
	return Table{Family: "inet", Name: "t", Sets: []Set{{Name: "s", Type: "ipv4_addr", Elements: elements}},
		Chains: []Chain{{Name: "c", Hook: "type filter hook input priority 0; policy accept;", Rules: rules}}}
}

// The difference says no more than what differs, and nothing if nothing does.
func TestChange(t *testing.T) {
	one := table([]string{"10.0.0.1", "10.0.0.2"}, "accept")
	for name, c := range map[string]struct {
		want   Table
		script string
	}{
		"same":     {table([]string{"10.0.0.2", "10.0.0.1"}, "accept"), ""},
		"elements": {table([]string{"10.0.0.2", "10.0.0.3"}, "accept"), "delete element inet t s { 10.0.0.1 }\nadd element inet t s { 10.0.0.3 }\n"},
		"rules":    {table([]string{"10.0.0.1", "10.0.0.2"}, "drop"), "flush chain inet t c\nadd rule inet t c drop\n"},
	} {
		script, ok := Change([]Table{one}, []Table{c.want})
		if !ok || script != c.script {
			t.Errorf("%s: %v\n%s", name, ok, script)
		}
	}
	if _, ok := Change([]Table{one}, nil); ok {
		t.Error("a table may not go by a difference")
	}
}

// The kernel takes what is written, difference after difference, ends where a whole
// replacement would, and what somebody breaks is made again.
func TestApply(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil || os.Geteuid() != 0 {
		t.Skip("needs root and the program nft")
	}
	name := "nubotest-nft"
	ok(t, netns.Create(name, func() error { _, err := netlink.LinkByName("lo"); return err }))
	defer netns.Delete(name)
	ns, err := netns.Open(netns.Path(name))
	ok(t, err)
	defer ns.Close()
	ctx := context.Background()
	grown := table([]string{"10.0.0.9"}, "ip saddr @s jump d", "drop")
	grown.Chains = append(grown.Chains, Chain{Name: "d", Rules: []string{"jump e"}}, Chain{Name: "e", Rules: []string{"accept"}})
	grown.Sets = append(grown.Sets, Set{Name: "m", Type: "ifname : verdict", Elements: []string{`"a" : jump d`, `"b" : drop`}})
	turned := table(nil, "accept")
	turned.Sets = append(turned.Sets, Set{Name: "m", Type: "ifname : verdict", Elements: []string{`"a" : drop`}})
	var s State
	for i, want := range []Table{table([]string{"10.0.0.1"}, "accept"), grown, turned, table(nil), grown} {
		ok(t, s.Apply(ctx, ns, []Table{want}))
		got, err := s.list(ctx, ns)
		ok(t, err)
		ok(t, Run(ctx, ns, Replace([]Table{want})))
		if whole, _ := s.list(ctx, ns); whole != got {
			t.Errorf("step %d: by difference\n%s\nwhole\n%s", i, got, whole)
		}
	}
	ok(t, Run(ctx, ns, "delete table inet t"))
	ok(t, s.Apply(ctx, ns, []Table{turned})) // the difference fails, the whole does not
	if well, err := s.Verify(ctx, ns); !well || err != nil {
		t.Errorf("well %v, %v", well, err)
	}
	ok(t, Run(ctx, ns, "flush chain inet t c"))
	if well, _ := s.Verify(ctx, ns); well {
		t.Error("a flushed chain was not noticed")
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
