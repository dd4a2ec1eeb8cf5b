// Package openidtest is an OpenID provider for tests and trials: users, applications, every grant that our clients use, and
// switches that make it misbehave. The protocol is zitadel's implementation (github.com/zitadel/oidc/v3/pkg/op), so what is proved
// with it is not only that we agree with ourselves; the people, and the lies, are ours.
//
//	op := openidtest.New("https://op.example")     // reached by op.Client(), without a network: fit for testing/synctest
//	op, stop, err := openidtest.Listen("127.0.0.1:0") // reached by everybody on this machine
//
// It is not for production: passwords are compared as they are, and whoever opens the sign-in page is signed in.
package openidtest
