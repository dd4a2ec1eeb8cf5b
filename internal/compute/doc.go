// Package compute holds the use cases on instances, flavors, key pairs and
// instance groups: what may be asked, by whom, from which state, and by which steps it comes about.
//
// A verb on an instance is a file: validate and authorise, then in one
// transaction count quota, choose the host, change the row and start an
// Operation, whose steps are listed in the same file. Steps are repeatable and speak to
// hosts through agentapi only.
//
// It does not know how bytes are stored, packets are filtered or requests arrive: other use-case packages
// and the dialects do. It is called by the dialects, by package operation (steps), and
// by package fleet (what hosts report).
package compute
