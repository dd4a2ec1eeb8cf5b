package metadata

import (
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Layout says what spec.Metadata does not: names that only one form of metadata has. The zero
// value is ready.
type Layout struct {
	// Region is told to readers of the EC2 tree; empty: the zone.
	Region string
	// EC2ID gives an id its EC2 form: kind is "i", "ami", "eni", "vpc" or "r". nil keeps ids as they are.
	EC2ID func(kind, id string) string
	// Random is where random_seed comes from; nil: the kernel.
	Random io.Reader
}

func (l Layout) ec2ID(kind, id string) string {
	if l.EC2ID == nil || id == "" {
		return id
	}
	return l.EC2ID(kind, id)
}

func (l Layout) region(md spec.Metadata) string {
	if l.Region != "" {
		return l.Region
	}
	return md.Zone
}

// node is a file or a directory of a tree.
type node struct {
	// name is shown behind a directory's entry ("0=mykey"), as EC2 lists public keys.
	name    string
	content []byte
	entries map[string]*node // nil: a file
}

func directory() *node { return &node{entries: map[string]*node{}} }

// put adds a file, making directories on the way.
func (n *node) put(content string, path ...string) {
	for _, name := range path[:len(path)-1] {
		next := n.entries[name]
		if next == nil {
			next = directory()
			n.entries[name] = next
		}
		n = next
	}
	n.entries[path[len(path)-1]] = &node{content: []byte(content)}
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
