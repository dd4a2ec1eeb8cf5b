package awssign

import (
	"crypto/sha1" // version 2 of the protocol
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strings"
	"time"
)

var methods2 = map[string]func() hash.Hash{"HmacSHA256": sha256.New, "HmacSHA1": sha1.New}

func (s *Signed) read2() error {
	p := s.request.params()
	if v := p.Get("SignatureVersion"); v != "2" {
		return refuse(Malformed, "The signature is of version '%s'; this cloud knows 2 and 4.", v)
	}
	if methods2[p.Get("SignatureMethod")] == nil {
		return refuse(Malformed, "SignatureMethod is HmacSHA256 or HmacSHA1.")
	}
	s.Version, s.Access, s.Token, s.signature = 2, p.Get("AWSAccessKeyId"), p.Get("SecurityToken"), p.Get("Signature")
	if end := p.Get("Expires"); end != "" {
		at, ok := parseTime2(end)
		if !ok {
			return refuse(Malformed, "Expires is a time in the form of ISO 8601.")
		}
		s.Until = at
		return nil
	}
	s.At, _ = parseTime2(p.Get("Timestamp")) // without one it is too old
	return nil
}

// parseTime2 reads a time; without a zone it is in UTC.
func parseTime2(text string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

func (s *Signed) signature2(secret string) string {
	p := s.request.params()
	path := s.request.Path
	if path == "" {
		path = "/"
	}
	text := strings.Join([]string{s.request.Verb, strings.ToLower(s.request.Host), path, canonicalQuery(p, "Signature")}, "\n")
	return base64.StdEncoding.EncodeToString(mac(methods2[p.Get("SignatureMethod")], []byte(secret), text))
}
