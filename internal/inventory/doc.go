// Package inventory holds the use cases on what there is to consume and who holds it: providers with their stock and traits,
// claims of consumers, and the operators' words for both.
//
// Every host is a provider, with others below it for the traffic it can promise (hosts.go), and every instance a consumer of its
// host. These are views: their numbers are computed from the rows of hosts and instances, which package compute decides about,
// and cannot be written here. Whatever else is written is kept: providers beside the hosts, further classes and traits of hosts,
// claims of other consumers. A claim on a host is counted when instances are placed there.
//
//	cloud.Host      ─┐                          ┌─ Provider, Stock, Traits    providers.go, stock.go
//	cloud.Provider  ─┼─► books (one state) ─────┼─ Claims, Usage              claims.go, usage.go
//	cloud.Instance  ─┤      books.go            └─ Candidates                 candidates.go, tree.go
//	cloud.Claim     ─┘
//
// It places nothing itself: Candidates answers who could give what is asked. It is called by the dialects.
package inventory
