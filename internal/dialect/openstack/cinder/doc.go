// Package cinder serves the OpenStack Block Storage service, API v3 with microversions 3.0 to 3.60,
// on package volume. Paths may carry the project's id after "/v3"; the token decides the project.
//
// Its prefix ("/volume") has been stripped from the paths here.
//
// Knowingly absent: consistency groups (groups have taken their place); replication; encryption by
// pools, by anything but LUKS (whose header is of version 1, also where a type says luks2), and images of encrypted volumes;
// back-end limits of QoS specs (those of the front end are kept by the hypervisor); migration between hosts (volumes move
// between the pools of one, attached or not), and of volumes that several instances have; completing one that somebody else
// began, which is the other half of what this service and Compute ask of each other, and nobody else's: it is always refused;
// clusters of back ends; backups anywhere but in a directory. Volumes are not exported to machines outside the cloud, so
// connectors are refused; attachments without one are kept as the client's own notes, and no attachment of
// an instance is removed here (CVE-2023-2088).
//
// Reference: https://docs.openstack.org/api-ref/block-storage/v3/
package cinder
