// Package operator does what an operator asks of a running cloud, through the API that everybody uses and with the
// credentials that the operator has: make an identity provider known, give a virtual organisation its place here.
//
//	nubo vo add ──► operator ── HTTP ──► the cloud
//	                   └ what is wanted, beside what is there: make, change, or leave
//
// Everything it does may be asked again: what is there and as it should be stays, what differs is changed, and what a
// killed run left undone is done. It says each thing that it did as soon as it is done.
//
// It has no rule about the cloud and sees none of its insides. Command nubo calls it.
package operator
