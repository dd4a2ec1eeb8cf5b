package netconf

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
)

// resolver gathers name servers from every source and writes resolv.conf.
type resolver struct {
	path    string
	mu      sync.Mutex
	entries []resolverEntry
}

type resolverEntry struct {
	link, source string
	servers      []netip.Addr
	search       []string
}

func (r *resolver) set(link, source string, servers []netip.Addr, search []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := resolverEntry{link, source, servers, search}
	i := slices.IndexFunc(r.entries, func(o resolverEntry) bool { return o.link == link && o.source == source })
	if i < 0 {
		r.entries = append(r.entries, e)
	} else {
		r.entries[i] = e
	}
	r.write()
}

func (r *resolver) forget(link string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = slices.DeleteFunc(r.entries, func(e resolverEntry) bool { return e.link == link })
	r.write()
}

func (r *resolver) write() {
	// The guest's root is its own; a failed write shows in the next name that
	// is not found, and there is nobody to return it to.
	_ = os.WriteFile(r.path, []byte(r.text()), 0o644)
}

func (r *resolver) text() string {
	var b strings.Builder
	var search, servers []string
	for _, e := range r.entries {
		for _, s := range e.search {
			if !slices.Contains(search, s) {
				search = append(search, s)
			}
		}
		for _, a := range e.servers {
			s := a.String()
			if a.IsLinkLocalUnicast() {
				s += "%" + e.link
			}
			if !slices.Contains(servers, s) {
				servers = append(servers, s)
			}
		}
	}
	if len(search) > 0 {
		b.WriteString("search " + strings.Join(search, " ") + "\n")
	}
	for _, s := range servers {
		b.WriteString("nameserver " + s + "\n")
	}
	return b.String()
}
