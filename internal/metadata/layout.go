package metadata

import (
	"cmp"
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Layout says what spec.Metadata does not: names that only one form of metadata has. The zero
// value is ready.
type Layout struct {
	// Region is told to readers of the EC2 tree; empty: the zone.
	Region string
	// Place is where a zone of the cloud is in the words of the EC2 tree; nil: in Region, under its own name.
	Place func(zone string) Place
	// Domain is that of the cloud's services; empty: one that leads nowhere.
	Domain string
	// Signer signs identity documents; nil: nobody does.
	Signer Signer
	// TokenKey is what tokens are signed with; empty: a new key, so that a restart ends all tokens.
	TokenKey []byte
	// Random is where random_seed comes from; nil: the kernel.
	Random io.Reader
}

// Place is a zone by its name and id, and its region.
type Place struct{ Region, Zone, ZoneID string }

func (l Layout) place(md spec.Metadata) Place {
	if l.Place != nil {
		return l.Place(md.Zone)
	}
	return Place{Region: cmp.Or(l.Region, md.Zone), Zone: md.Zone}
}

// node is a file or a directory of a tree.
type node struct {
	// name is shown behind a directory's entry ("0=mykey"), as EC2 lists public keys.
	name    string
	content []byte
	// make, if set, makes the content when it is read.
	make    func() ([]byte, error)
	entries map[string]*node // nil: a file
}

func (n *node) read() ([]byte, error) {
	if n.make != nil {
		return n.make()
	}
	return n.content, nil
}

func directory() *node { return &node{entries: map[string]*node{}} }

// put adds a file, making directories on the way.
func (n *node) put(content string, path ...string) {
	n.add(&node{content: []byte(content)}, path...)
}

func (n *node) add(file *node, path ...string) {
	for _, name := range path[:len(path)-1] {
		next := n.entries[name]
		if next == nil {
			next = directory()
			n.entries[name] = next
		}
		n = next
	}
	n.entries[path[len(path)-1]] = file
}

// putSome is put for content that there may be none of.
func (n *node) putSome(content string, path ...string) {
	if content != "" {
		n.put(content, path...)
	}
}

// find follows a path; nil if it leads nowhere.
func (n *node) find(path []string) *node {
	for _, name := range path {
		if n == nil || n.entries == nil {
			return nil
		}
		n = n.entries[name]
	}
	return n
}
