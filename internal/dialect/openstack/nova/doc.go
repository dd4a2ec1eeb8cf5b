// Package nova speaks OpenStack Compute v2.1 with microversions 2.1 to 2.96
// about the instances of package compute. Older microversions are converted at the
// edge: views add and leave out keys by the request's version.
//
// The image, network and volume proxies that ended with 2.36 are served to older versions (proxies.go), and /v2 is
// 2.1 without microversions.
//
// What Compute removed for all versions (cells, agents, certificates, fixed IPs and more) is 410.
//
// Knowingly absent: image caching of aggregates, file injection and live migration (404 or 400); setting a password in the
// guest, crash dumps, host power actions (409 or 501). Extra specs are checked for form from 2.86 on; of them hw:machine_type and hw:firmware_type are honoured.
//
// Kept from Nova's own services: os-services and the zone "internal" show, as its scheduler and conductor, the process that
// answers. Of several processes each shows itself.
//
// Source: https://docs.openstack.org/api-ref/compute/ and its microversion history.
package nova
