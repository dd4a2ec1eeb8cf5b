// Package identity is the use cases on domains, projects, users, groups, roles,
// role assignments, application credentials, trusts, delegations, limits and tokens, and on the catalog of
// services. It turns a credential into a token and a token into a cloud.Principal.
//
// It is not policy (package policy decides what a Principal may do; this package asks it like
// any other) and not a protocol: the Identity API is dialect/openstack/keystone.
//
// A token is self-contained. It carries its claims sealed with a key of the
// cloud, so that checking one costs a decryption and a look into memory:
//
//	password, token or         roles on the scope            claims sealed
//	application credential --> (users, groups, projects) --> with the newest key --> "nubo1...."
//
//	what an identity provider says --> mapping's rules --> user, projects, Standing (groups, until when)
//	(packages openid, saml)                                    |  asked again as long as it can be
//	                                                           v
//	                                       a token without a scope, as for a password
//
//	token --> opened with the key it names --> expired? --> voided since it was issued? --> Principal
//	                                                        (moments in memory, rows in the store)
//
// What must end tokens early (a password changed, a role taken away, a project disabled, a
// token revoked) inserts a Revocation in the same transaction as the change. Every process
// keeps the unexpired ones in memory and looks for new ones each second, so a
// change made by another process counts within about a second; one made by the same
// process counts at once.
package identity
