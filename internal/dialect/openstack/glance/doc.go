// Package glance serves the OpenStack Image service, API v2 (2.0 to 2.17), on packages image and vocabulary.
//
// Its prefix ("/image") has been stripped from the paths here. Links in answers are relative to the
// service, as the API documents them ("/v2/images/…"); clients add their endpoint.
//
// Knowingly absent: locations and direct URLs (whoever writes them reads what the cloud can read), tasks made by
// hand, copying between stores (there is one). Image data is hashed with SHA-512.
//
// What the API calls the cache are the copies that hosts keep of images: a hit is a disk made from one.
//
// Reference: https://docs.openstack.org/api-ref/image/v2/
package glance
