// Package isolation holds the tests of what guests can and cannot send to each other.
package isolation
