// Package awssign verifies signatures that clients of Amazon's make with an access key: of versions 2 and 4, and of the text that an
// object store was asked with. It is pure: a secret, what was signed and a signature in, true or false out.
//
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
package awssign
