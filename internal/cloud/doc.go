// Package cloud holds the nouns of the control plane: what a user owns and an
// operator runs, their states, the errors a caller may see, and the shape of
// the store that keeps them. One file per noun.
//
// It holds no behaviour that needs a database, a host or a protocol, and no
// word of any dialect. Every package above imports it; it imports the standard
// library only.
//
// Three facts about an instance are kept apart, each with one writer:
//
//	wanted     what its owner asked for                 written by use cases
//	observed   what its host last reported              written by the host's reports
//	held by    the Operation that is changing it now    written by package operation
//
// What an API shows is computed from the three, in the dialect.
package cloud
