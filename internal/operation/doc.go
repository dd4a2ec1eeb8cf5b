// Package operation runs Operations: lists of steps, each with a do and an undo,
// that survive the process. An Operation is a row, inserted in the transaction
// of the change it stands for; every step's end is a row too, so whoever comes after a
// crash goes on at the step that was interrupted, and runs it again.
//
//	Start ---> pending ---> running --do, do, do--> succeeded
//	             |             | error, deadline or Cancel
//	             v             v
//	         cancelled     unwinding --undo, undo--> failed
//	                           | an undo keeps failing
//	                           v
//	                         stuck
//
// A step may be the last from which there is a way back (Step.Forward): after it an Operation that cannot
// go on is failed without being unwound. One that is cancelled while pending is unwound like any other, as
// the first step's undo also takes back what was written when the Operation was started.
//
// One Operation runs per subject at a time; later ones wait in the order they were made. Several
// processes on one database share the work: a row is leased to the process that runs it, and a lease not
// renewed is taken over. A nudge after commit starts the work at once; the sweep on a timer only finds what
// a nudge missed.
//
// It knows no noun: the use-case packages register their Kinds.
package operation
