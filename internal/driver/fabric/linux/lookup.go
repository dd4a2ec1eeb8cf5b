package linux

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// lookup is one wanted rule of policy routing: what comes in at a link looks into a table. They are asked in order of priority.
type lookup struct {
	family   int
	priority int
	link     string // its name; empty: whatever comes in, and our own packets
	table    int
}

// setLookups makes these, and no others with our mark, the rules of the current thread's namespace. New ones are there before old
// ones go: of two with one priority the older is asked first, so each link changes its table at once.
func setLookups(want []lookup) error {
	have, err := ourLookups()
	if err != nil {
		return err
	}
	for _, l := range want {
		if have[l] {
			delete(have, l)
		} else if err := netlink.RuleAdd(l.netlink()); err != nil {
			return fmt.Errorf("table %d for %s: %w", l.table, l.link, err)
		}
	}
	for l := range have {
		if err := netlink.RuleDel(l.netlink()); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove table %d of %s: %w", l.table, l.link, err)
		}
	}
	return nil
}

func ourLookups() (map[lookup]bool, error) {
	have := map[lookup]bool{}
	list, err := netlink.RuleList(netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list rules of policy routing: %w", err)
	}
	for _, r := range list {
		if r.Protocol == routeProtocol {
			have[lookup{family: r.Family, priority: r.Priority, link: r.IifName, table: r.Table}] = true
		}
	}
	return have, nil
}

func (l lookup) netlink() *netlink.Rule {
	r := netlink.NewRule()
	r.Family, r.Priority, r.IifName, r.Table, r.Protocol = l.family, l.priority, l.link, l.table, routeProtocol
	return r
}
