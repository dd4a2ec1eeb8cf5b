package awssign

import (
	"crypto/sha1" // the first version of the protocol
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// VerifyText tells whether the text that a request to an object store came down to was signed with the secret: of version 4
// when it says so, and then for that service, or of the first version.
func VerifyText(secret, text, signature string) bool {
	lines := strings.Split(text, "\n")
	if lines[0] != algorithm4 {
		return same(base64.StdEncoding.EncodeToString(mac(sha1.New, []byte(secret), text)), signature)
	}
	if len(lines) != 4 {
		return false
	}
	s, err := parseScope("/" + lines[2])
	return err == nil && s.service == objectStore && same(hex.EncodeToString(mac(sha256.New, s.key(secret), text)), signature)
}
