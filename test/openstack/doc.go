// Package openstack holds the test that uses a cloud as its tenants do: with Debian's own openstack
// client, a browser and ssh.
package openstack
