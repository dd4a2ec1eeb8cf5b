// Package shape is the wire shapes of the actions that are served: a Go type for each request, answer and what is in them, made
// from the service's published model. It has no code of its own.
//
// A field's tags name it in requests ("query") and in answers ("xml"); package awsquery reads and writes by them.
//
//	actions.txt --generate--> model.json --generate--> shapes.go, operations.go
//
// To serve another action, add it to actions.txt and run the generator with a published model: go generate makes the types from
// model.json alone.
//
//go:generate go run ./generate
package shape
