// Package simulate holds the test of a cloud of a thousand simulated hosts, run by an ordinary user.
package simulate
