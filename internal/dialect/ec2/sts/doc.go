// Package sts is the other half of Amazon's dialect: the token service, which says who a caller is and gives out credentials that end
// by themselves. Package ec2 reads requests and verifies signatures, and hands on those whose action is one of this package; errors
// and answers have a form of their own here.
//
//	GetCallerIdentity, GetSessionToken, AssumeRole   signed; the caller's own project
//	AssumeRoleWithWebIdentity                        not signed: the token of an identity provider proves who asks
//
// A role's name arn:aws:iam::ACCOUNT:role/ROLE says which project (by its account number) and which of the roles one has there. Credentials
// are identity.Sessions, whose access keys begin with ASIA. Knowingly absent: policies of a session (refused, because nothing would
// enforce them), multi-factor codes (refused), GetFederationToken, AssumeRoleWithSAML, DecodeAuthorizationMessage. Tags and identifiers for
// others' trust policies are taken and mean nothing.
//
// Source: https://docs.aws.amazon.com/STS/latest/APIReference/
package sts
