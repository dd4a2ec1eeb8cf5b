// Package federation holds tests of federated sign-in beside what others wrote for it.
package federation
