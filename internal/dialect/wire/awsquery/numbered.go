package awsquery

import (
	"cmp"
	"slices"
	"strconv"
)

// numbered are a node's parts in the order of the numbers that they are named by.
func (n *node) numbered() ([]*node, error) {
	type member struct {
		number int
		node   *node
	}
	var members []member
	for name, part := range n.parts {
		number, err := strconv.Atoi(name)
		if err != nil || number < 0 {
			return nil, &Error{Parameter: part.path, Unknown: true, Why: "is not recognized: members of a list are numbered"}
		}
		members = append(members, member{number, part})
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.number, b.number) })
	nodes := make([]*node, len(members))
	for i, m := range members {
		nodes[i] = m.node
	}
	return nodes, nil
}
