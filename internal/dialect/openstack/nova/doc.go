// Package nova speaks OpenStack Compute v2.1 with microversions 2.1 to 2.93
// about the instances of package compute. Older microversions are converted at the
// edge: views add and leave out keys by the request's version.
//
// The image, network and volume proxies that ended with 2.36 are served to older versions (proxies.go), and /v2 is
// 2.1 without microversions.
//
// Knowingly absent: cells, agents, certificates, fixed IPs, image caching of aggregates and file injection (404 or 400);
// swapping attached volumes, moving between hosts, setting a password in the guest, host power actions (501).
//
// Source: https://docs.openstack.org/api-ref/compute/ and its microversion history.
package nova
