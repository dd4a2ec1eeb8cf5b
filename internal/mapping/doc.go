// Package mapping reads the rules by which what an identity provider says of a person becomes a user, groups and
// projects here. The language is the one that sites' files are written in, in its three versions.
//
// It is pure: rules in, rules or a sentence about what is wrong out. Package identity keeps the rules.
//
// Source: https://docs.openstack.org/keystone/latest/admin/federation/mapping_combinations.html
package mapping
