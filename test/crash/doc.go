// Package crash holds the test that kills the daemon at any moment, on real guests, and then
// wants everything in order again.
package crash
