package oauthsign

import (
	"crypto/hmac"
	"crypto/sha1" // as the protocol has it
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The methods of signing.
const (
	methodHMAC  = "HMAC-SHA1"
	methodPlain = "PLAINTEXT"
)

// Request is a signed request.
type Request struct {
	Consumer, Token, Verifier string
	Nonce                     string
	At                        time.Time // zero if the request does not say, which only PLAINTEXT may

	verb, method, signature string
	pairs                   []string // what is signed besides verb and address, escaped and in order
}

// Read takes the parts of a signature off a request: from its header Authorization, its query and its form. The error says what is
// missing or wrong, for the client.
func Read(r *http.Request) (*Request, error) {
	all, err := parameters(r)
	if err != nil {
		return nil, err
	}
	one := map[string]string{}
	q := &Request{verb: r.Method}
	for _, p := range all {
		if _, twice := one[p.name]; twice && strings.HasPrefix(p.name, "oauth_") {
			return nil, fmt.Errorf("%s is given twice", p.name)
		}
		one[p.name] = p.value
		if p.name != "oauth_signature" && p.name != "realm" {
			q.pairs = append(q.pairs, escape(p.name)+"="+escape(p.value))
		}
	}
	slices.Sort(q.pairs)
	q.Consumer, q.Token, q.Verifier, q.Nonce = one["oauth_consumer_key"], one["oauth_token"], one["oauth_verifier"], one["oauth_nonce"]
	q.method, q.signature = one["oauth_signature_method"], one["oauth_signature"]
	return q, q.check(one)
}

func (q *Request) check(one map[string]string) error {
	needed := []string{"oauth_consumer_key", "oauth_signature_method", "oauth_signature"}
	if q.method != methodPlain {
		needed = append(needed, "oauth_nonce", "oauth_timestamp")
	}
	for _, name := range needed {
		if one[name] == "" {
			return fmt.Errorf("%s is missing", name)
		}
	}
	if q.method != methodPlain && q.method != methodHMAC {
		return fmt.Errorf("oauth_signature_method is neither %s nor %s", methodHMAC, methodPlain)
	}
	if v, ok := one["oauth_version"]; ok && v != "1.0" {
		return fmt.Errorf("oauth_version is not 1.0")
	}
	if text := one["oauth_timestamp"]; text != "" {
		seconds, err := strconv.ParseUint(text, 10, 40)
		if err != nil {
			return fmt.Errorf("oauth_timestamp is not a number of seconds")
		}
		q.At = time.Unix(int64(seconds), 0).UTC()
	}
	return nil
}

// Verify tells whether the request was signed with the secrets, for one of these addresses (scheme, host and path).
func (q *Request) Verify(consumer, token string, addresses ...string) bool {
	key := escape(consumer) + "&" + escape(token)
	if q.method == methodPlain {
		return same(q.signature, key)
	}
	return slices.ContainsFunc(addresses, func(address string) bool {
		h := hmac.New(sha1.New, []byte(key))
		h.Write([]byte(q.text(address)))
		return same(q.signature, base64.StdEncoding.EncodeToString(h.Sum(nil)))
	})
}

func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// text is what is signed.
func (q *Request) text(address string) string {
	return strings.Join([]string{strings.ToUpper(q.verb), escape(usual(address)), escape(strings.Join(q.pairs, "&"))}, "&")
}

// usual is an address with scheme and host in lower case, without the port that the scheme has anyway.
func usual(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	scheme, host = strings.ToLower(scheme), strings.ToLower(host)
	if _, port, err := net.SplitHostPort(host); err == nil && (scheme == "http" && port == "80" || scheme == "https" && port == "443") {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return scheme + "://" + host + "/" + path
}

// escape leaves the unreserved characters of RFC 3986 alone.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
