// Package mapping reads the rules by which what an identity provider says of a person becomes a user, groups and
// projects here, and applies them. The language is the one that sites' files are written in, in its three versions, with
// the odd corners that those files may lean on: its texts are Python's. One thing is ours: a condition may compare entitlements as such.
//
// It is pure: rules in, rules or a sentence about what is wrong out; an assertion in, what the person gets out. Package
// identity keeps the rules.
//
// Source: https://docs.openstack.org/keystone/latest/admin/federation/mapping_combinations.html
package mapping
