// Package nova speaks OpenStack Compute v2.1 with microversions 2.1 to 2.93
// about the instances of package compute. Older microversions are converted at the
// edge: views add and leave out keys by the request's version.
//
// Knowingly absent (they answer 404 or 410): cells, agents, certificates, file injection (personality), the
// network, image and volume proxies that ended with 2.36 except security groups of a server.
//
// Source: https://docs.openstack.org/api-ref/compute/ and its microversion history.
package nova
