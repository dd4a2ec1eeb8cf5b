// Package ec2 proves the Amazon EC2 API with unmodified clients against a cloud with real guests: the Go SDK in the tests
// themselves, and Debian's awscli, boto3 and libcloud as programs.
package ec2
