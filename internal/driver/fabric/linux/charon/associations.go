package charon

import (
	"context"
	"slices"

	"github.com/strongswan/govici/vici"
)

// association is an IKE SA of a connection, with its children.
type association struct {
	name, state string
	busy        bool // something is being agreed upon
	children    []childSA
}

// childSA is what carries packets, by the name of the child that it was made of; key is the SPI of what comes in.
type childSA struct{ name, state, key string }

// carrying are the states in which a child carries packets: one that is replaced does until it is deleted.
var carrying = []string{"INSTALLED", "REKEYING", "REKEYED", "UPDATING"}

// carries tells whether any child carries packets.
func (a association) carries() bool {
	return slices.ContainsFunc(a.children, func(c childSA) bool { return slices.Contains(carrying, c.state) })
}

// associations lists those of all connections: there may be several of one, while one replaces another.
func (d *Daemon) associations(ctx context.Context) (all []association, err error) {
	err = d.list(ctx, "list-sas", "list-sa", func(name string, sa *vici.Message) {
		a := association{name: name, state: text(sa, "state"), busy: sa.Get("tasks-active") != nil || sa.Get("tasks-queued") != nil}
		eachMessage(sa, "child-sas", func(_ string, c *vici.Message) {
			a.children = append(a.children, childSA{text(c, "name"), text(c, "state"), text(c, "spi-in")})
		})
		all = append(all, a)
	})
	return all, err
}

// connections lists what is loaded, with the names of its children.
func (d *Daemon) connections(ctx context.Context) (map[string][]string, error) {
	all := map[string][]string{}
	err := d.list(ctx, "list-conns", "list-conn", func(name string, c *vici.Message) {
		all[name] = nil
		eachMessage(c, "children", func(child string, _ *vici.Message) { all[name] = append(all[name], child) })
	})
	return all, err
}

func text(m *vici.Message, key string) string {
	s, _ := m.Get(key).(string)
	return s
}

// eachMessage goes through the messages in one of a message's sections.
func eachMessage(m *vici.Message, section string, each func(name string, inner *vici.Message)) {
	list, _ := m.Get(section).(*vici.Message)
	if list == nil {
		return
	}
	for _, name := range list.Keys() {
		if inner, is := list.Get(name).(*vici.Message); is {
			each(name, inner)
		}
	}
}
