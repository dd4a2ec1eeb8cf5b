// Package metadata lays out what a guest is told about itself (spec.Metadata) in
// the forms guests read: the OpenStack and EC2 trees over HTTP at 169.254.169.254,
// and the same trees on a config drive (ISO 9660 or VFAT, labelled config-2).
//
//	spec.Metadata -> Layout -> openstack/VERSION/{meta_data,network_data,vendor_data}.json, user_data
//	                        -> VERSION/meta-data/..., user-data
//	Handler = Layout + lookup + tokens + passwords;   drive = Layout + ISO 9660 writer
//
// How a guest may ask is its owner's to say (spec.MetadataAccess): not at all, with a token only (EC2's IMDSv2), and how far away the
// answer with a token is heard. The EC2 tree has an identity document, which others check by the certificate that the cloud shows at
// /ec2/instance-identity.pem: "signature" is of the bare document, "pkcs7" and "rsa2048" are a message that holds it.
//
// It decides nothing about the guest and keeps nothing but, through Passwords, what the guest posts. Who
// asks is established by the fabric (agent.MetadataHandler), never by the request. Called by agent; wired in daemon.
//
// The OpenStack tree follows Nova's api/metadata/base.py, the EC2 tree the
// instance metadata categories of Amazon's user guide; cloud-init, cloudbase-init and curl are the readers kept in mind.
package metadata
