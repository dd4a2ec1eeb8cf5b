// Package login gets a person at a terminal credentials for a cloud, by the person's identity provider.
//
//	device sign-in at the provider ─► access token ─► the cloud: who are you, which projects ─► an application credential
//	   (a page and a code to type)                                                               └► an entry of clouds.yaml
//
// The application credential works for as long as the person's membership does, so other clients need not know the provider.
// It is a client of the cloud's API like any other. Command nubo calls it.
package login
