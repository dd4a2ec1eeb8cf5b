// Package awssign reads and verifies signatures that clients of Amazon's make with an access key: of versions 2 and 4, in a header or in
// an address that is good for a while, and of the text that an object store was asked with. It is pure: it keeps nothing, asks nobody
// and knows no clock.
//
//	*http.Request, body ──Read──► Signed ──Check(now, scope)──► nil or a Refusal
//	                                │
//	                                └──Verify(secret)──► the signature fits, or not
//
// What Signed says is the client's word until Verify has said that it fits. Every step that fails does so with a Refusal, whose Reason
// the caller turns into the words of its protocol.
//
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
package awssign
