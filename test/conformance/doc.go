// Package conformance has suites that others wrote judge a whole cloud with real guests: Tempest, in the part that the
// OpenStack interoperability guideline requires and in a further one, the acceptance tests of the Go client library, and the functional tests of the openstack client.
//
// The cloud is started as an operator would start it, with the settings that the suites ask of any cloud
// (settings in cloud_test.go), and knows nothing of them. A test passes when none of the listed cases fails; those that
// were skipped are printed with the suite's own reason.
//
// `make test` runs the interoperability part, `make conformance` all of it, and writes docs/conformance.md. With NUBO_CONFORMANCE_ONLY, an expression, it is a part of them.
package conformance
