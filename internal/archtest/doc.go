// Package archtest holds tests about the code itself: which package may import
// which, words that must not leave their dialect, one home for HTTP error codes, package comments, sizes,
// and that docs/requests.md names what exists.
//
// It is not a linter of style: every rule says what would go wrong without it, and a test that fails
// repeats that. A known deviation stands in the rule's own table with its reason. Nothing calls it.
package archtest
