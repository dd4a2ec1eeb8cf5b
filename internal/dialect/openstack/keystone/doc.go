// Package keystone is the OpenStack Identity API v3 on package identity.
//
// Served: tokens (password, token, application_credential), catalog, domains, projects
// and tags, users, groups, roles, implied roles, role assignments and grants (also
// inherited and on the system), application credentials, access rules, trusts, limits, policies, credentials and
// EC2-style access keys, regions, services, endpoints and which of them a project sees (OS-EP-FILTER) and which
// policy is for which of them (OS-ENDPOINT-POLICY), revocation events (OS-REVOKE).
// People of identity providers sign in (OS-FEDERATION: providers, mappings, protocols, auth, websso) by OpenID Connect and SAML,
// without a web server's module in front: what this cloud is registered as with a provider is on the provider, under keys of ours.
// Also kept are service providers, which tokens tell of, and configurations of domains, which
// drive nothing: all users are in this cloud's own store.
// Users let applications act for them by OAuth 1.0 (OS-OAUTH1), with signatures by HMAC-SHA1 or in the plain.
// Services that speak Amazon's protocols have signatures verified here (ec2tokens, s3tokens); administrators alone may ask.
// Knowingly absent so far: assertions for other clouds (OS-FEDERATION saml2, Keystone to Keystone), WS-Federation, OAuth 2.0, the revocation events of roles and application credentials, and users that are
// locked when they do not sign in for long.
//
// It decodes, makes one call, encodes; what may be done is decided in the core.
//
// Source: https://docs.openstack.org/api-ref/identity/v3/
package keystone
