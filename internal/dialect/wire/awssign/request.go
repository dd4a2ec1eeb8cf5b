package awssign

import (
	"crypto/hmac"
	"crypto/sha1" // version 2 of the protocol
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/url"
	"slices"
	"strings"
)

// Request is what a client signed.
type Request struct {
	Verb, Host, Path string
	Params           map[string]string
	Headers          map[string]string
	BodyHash         string // SHA-256 of the body in hex; version 4 only
}

// Verify tells whether a request was signed with the secret. The version is the one that the request speaks of.
func (r Request) Verify(secret, signature string) bool {
	if r.Params["SignatureVersion"] == "2" {
		return r.verify2(secret, signature)
	}
	return r.verify4(secret, signature)
}

func (r Request) verify2(secret, signature string) bool {
	text := strings.Join([]string{r.Verb, r.Host, r.Path, query(r.Params)}, "\n")
	var h func() hash.Hash
	switch r.Params["SignatureMethod"] {
	case "HmacSHA256":
		h = sha256.New
	case "HmacSHA1":
		h = sha1.New
	default:
		return false
	}
	return same(base64.StdEncoding.EncodeToString(mac(h, []byte(secret), text)), signature)
}

// verify4 takes the scope and the time from where the client put them: the headers, or the parameters of a signed address.
func (r Request) verify4(secret, signature string) bool {
	credential, signed, at := r.credential()
	scope, ok := parseScope(credential)
	if !ok || at == "" || !strings.HasPrefix(at, scope.date) {
		return false
	}
	text := strings.Join([]string{algorithm4, at, scope.String(), hexHash(r.canonical(signed))}, "\n")
	return same(hex.EncodeToString(mac(sha256.New, scope.key(secret), text)), signature)
}

const algorithm4 = "AWS4-HMAC-SHA256"

func (r Request) credential() (credential, signed, at string) {
	if r.Params["X-Amz-Credential"] != "" {
		return r.Params["X-Amz-Credential"], r.Params["X-Amz-SignedHeaders"], r.Params["X-Amz-Date"]
	}
	headers := r.headers()
	_, fields, _ := strings.Cut(headers["authorization"], " ")
	for _, field := range strings.Split(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			signed = value
		}
	}
	return credential, signed, headers["x-amz-date"]
}

// headers are the headers by their names in lower case.
func (r Request) headers() map[string]string {
	lower := map[string]string{}
	for k, v := range r.Headers {
		lower[strings.ToLower(k)] = v
	}
	return lower
}

// canonical is the request in the form that is hashed.
func (r Request) canonical(signed string) string {
	params := query(r.Params)
	if r.Verb == "POST" {
		params = ""
	}
	have := r.headers()
	var headers []string
	for _, name := range strings.Split(signed, ";") {
		if v, ok := have[name]; ok {
			headers = append(headers, name+":"+strings.TrimSpace(v))
		}
	}
	return strings.Join([]string{r.Verb, r.Path, params, strings.Join(headers, "\n") + "\n", signed, r.BodyHash}, "\n")
}

// query is the parameters in order, without the signature itself.
func query(params map[string]string) string {
	var pairs []string
	for k, v := range params {
		if k != "Signature" && k != "X-Amz-Signature" {
			pairs = append(pairs, escape(k)+"="+escape(v))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escape leaves the unreserved characters of RFC 3986 alone.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// scope is what a key of version 4 is good for.
type scope struct{ access, date, region, service string }

func parseScope(text string) (scope, bool) {
	f := strings.Split(text, "/")
	if len(f) != 5 || f[4] != "aws4_request" {
		return scope{}, false
	}
	return scope{f[0], f[1], f[2], f[3]}, true
}

func (s scope) parts() []string { return []string{s.date, s.region, s.service, "aws4_request"} }

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

func hexHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
