// Package openstack is what the OpenStack services have in common on the wire:
// routing, tokens, request ids, JSON bodies, faults, paging and microversions. The services
// themselves are the folders below (keystone, nova, glance, neutron, cinder, placement).
//
// It decides nothing about the cloud. HTTP error codes appear in faults.go only.
//
// Sources: the API references at docs.openstack.org/api-ref, and the API-SIG
// guidelines (errors, microversions, pagination).
package openstack
