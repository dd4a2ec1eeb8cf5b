package awssign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/url"
	"path"
	"slices"
	"strings"
)

const (
	algorithm4 = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	// objectStore is the one service whose clients sign paths as they stand.
	objectStore = "s3"
)

func (s *Signed) signature4(secret string) string {
	text := strings.Join([]string{algorithm4, s.stamp, s.scope.String(), hexHash(s.canonical())}, "\n")
	return hex.EncodeToString(mac(sha256.New, s.scope.key(secret), text))
}

// canonical is the request in the form that is hashed.
func (s *Signed) canonical() string {
	var headers strings.Builder
	for _, name := range s.names {
		if values, ok := s.headers[name]; ok {
			headers.WriteString(name + ":" + canonicalValue(values) + "\n")
		}
	}
	without := ""
	if s.presigned {
		without = "X-Amz-Signature"
	}
	return strings.Join([]string{s.request.Verb, canonicalPath(s.request.Path, s.Service), canonicalQuery(s.request.Query, without),
		headers.String(), strings.Join(s.names, ";"), s.request.BodyHash}, "\n")
}

// canonicalValue joins the values of a repeated header, each without blanks around it and with single ones within.
func canonicalValue(values []string) string {
	clean := make([]string, len(values))
	for i, v := range values {
		clean[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(clean, ",")
}

// canonicalPath is the shortest path to the same place, each part escaped once more than it was sent.
func canonicalPath(sent, service string) string {
	if service == objectStore {
		return sent
	}
	short := path.Clean("/" + sent)
	if strings.HasSuffix(sent, "/") && short != "/" {
		short += "/"
	}
	parts := strings.Split(short, "/")
	for i, p := range parts {
		parts[i] = escape(p)
	}
	return strings.Join(parts, "/")
}

// canonicalQuery is the parameters in order, but for one.
func canonicalQuery(params url.Values, without string) string {
	var pairs [][2]string
	for name, values := range params {
		for _, v := range values {
			if name != without {
				pairs = append(pairs, [2]string{escape(name), escape(v)})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	text := make([]string, len(pairs))
	for i, p := range pairs {
		text[i] = p[0] + "=" + p[1]
	}
	return strings.Join(text, "&")
}

// escape leaves the unreserved characters of RFC 3986 alone.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// scope is what a key of version 4 is good for.
type scope struct{ access, date, region, service string }

// parseScope reads a credential from its end: an access key may have slashes in it.
func parseScope(text string) (scope, error) {
	f := strings.Split(text, "/")
	n := len(f)
	if n < 5 || f[n-1] != terminator || len(f[n-4]) != len("20060102") {
		return scope{}, refuse(Malformed, "The credential reads KEY/DATE/REGION/SERVICE/%s, and not '%s'.", terminator, text)
	}
	return scope{strings.Join(f[:n-4], "/"), f[n-4], f[n-3], f[n-2]}, nil
}

func (s scope) parts() []string { return []string{s.date, s.region, s.service, terminator} }

func (s scope) String() string { return strings.Join(s.parts(), "/") }

func (s scope) key(secret string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range s.parts() {
		key = mac(sha256.New, key, part)
	}
	return key
}

func mac(h func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(h, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
