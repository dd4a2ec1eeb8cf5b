// Package oauthsign reads requests that are signed as OAuth 1.0 has it, and verifies the signatures. It is pure: it knows neither
// who may sign nor which signatures were seen before.
//
// Two methods of signing are known: HMAC-SHA1, and PLAINTEXT, which shows the secrets and hides nothing unless the
// connection does.
//
// Source: https://www.rfc-editor.org/rfc/rfc5849
package oauthsign
