package awssign

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Request is the parts of a request that clients sign.
type Request struct {
	Verb, Host string
	Path       string      // as it was sent
	Query      url.Values  // of the address
	Form       url.Values  // of the body; version 2 signs them too
	Headers    http.Header // names in any case
	BodyHash   string      // SHA-256 of the body in hex; version 4 only
}

// Verify tells whether a request was signed with the secret and came to this signature, whatever the request itself says that it came
// to. The version is the one that the request speaks of.
func (r Request) Verify(secret, signature string) bool {
	s, err := r.read()
	return err == nil && same(s.signatureBy(secret), signature)
}

// Read takes a request apart that came with this body. The body of the request itself is left alone.
func Read(r *http.Request, body []byte) (*Signed, error) {
	request, err := received(r, body)
	if err != nil {
		return nil, err
	}
	s, err := request.read()
	if err != nil {
		return nil, err
	}
	return s, s.sound(hexHash(body))
}

// received is a request as Go's server hands it on, which keeps Host and Content-Length apart from the headers.
func received(r *http.Request, body []byte) (Request, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Request{}, refuse(Malformed, "The query of the address does not read: %v.", err)
	}
	form := url.Values{}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ = url.ParseQuery(string(body)) // what does not read is found by who reads the parameters
	}
	headers := r.Header.Clone()
	if r.ContentLength >= 0 {
		headers.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	return Request{Verb: r.Method, Host: r.Host, Path: sentPath(r), Query: query, Form: form, Headers: headers, BodyHash: hexHash(body)}, nil
}

// sentPath is the path as it stood in the first line of the request.
func sentPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if strings.HasPrefix(path, "/") {
		return path
	}
	return r.URL.EscapedPath()
}

// headers are the values of the headers by their names in lower case. The host is one of them.
func (r Request) headers() http.Header {
	lower := http.Header{}
	for name, values := range r.Headers {
		name = strings.ToLower(name)
		lower[name] = append(lower[name], values...)
	}
	if len(lower["host"]) == 0 && r.Host != "" {
		lower["host"] = []string{r.Host}
	}
	return lower
}

func hexHash[T string | []byte](text T) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
