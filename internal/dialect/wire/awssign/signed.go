package awssign

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signed is what a request says of its signature.
type Signed struct {
	Version         int // 2 or 4
	Access          string
	Region, Service string // of version 4
	Token           string // of a session
	At              time.Time
	Until           time.Time // of an address that is good for a while; zero for any other request

	request   Request
	headers   http.Header
	scope     scope
	names     []string // of the headers that were signed
	stamp     string   // At as it was signed
	presigned bool
	signature string
}

// Verify tells whether the request was signed with the secret.
func (s *Signed) Verify(secret string) bool { return same(s.signatureBy(secret), s.signature) }

func (s *Signed) signatureBy(secret string) string {
	if s.Version == 2 {
		return s.signature2(secret)
	}
	return s.signature4(secret)
}

// read finds the signature in the header, or in the query.
func (r Request) read() (*Signed, error) {
	s := &Signed{request: r, headers: r.headers()}
	authorization := s.headers["authorization"]
	inHeader, inQuery := len(authorization) > 0, r.Query.Has("X-Amz-Credential") || r.Query.Has("X-Amz-Algorithm")
	switch {
	case inHeader && inQuery || len(authorization) > 1:
		return nil, refuse(Malformed, "The request is signed more than once; sign it in the header or in the query.")
	case inHeader:
		return s, s.readHeader(authorization[0])
	case inQuery:
		return s, s.readQuery()
	case r.params().Has("SignatureVersion"):
		return s, s.read2()
	}
	return nil, refuse(NotSigned, "The request is not signed. Sign it with an access key.")
}

// params are those of the address and of the body.
func (r Request) params() url.Values {
	all := url.Values{}
	for _, some := range []url.Values{r.Query, r.Form} {
		for name, values := range some {
			all[name] = append(all[name], values...)
		}
	}
	return all
}

func (s *Signed) readHeader(text string) error {
	method, fields, _ := strings.Cut(text, " ")
	found := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		found[name] = value
	}
	s.signature, s.Token = found["Signature"], get(s.headers, "x-amz-security-token")
	if err := s.readScope(method, found["Credential"], found["SignedHeaders"]); err != nil {
		return err
	}
	return s.readTime(s.sentTime())
}

// sentTime is when the request was signed, as its headers say. An ordinary Date will do.
func (s *Signed) sentTime() string {
	if at := get(s.headers, "x-amz-date"); at != "" {
		return at
	}
	at, err := http.ParseTime(get(s.headers, "date"))
	if err != nil {
		return ""
	}
	return at.UTC().Format(timeFormat)
}

func (s *Signed) readQuery() error {
	q := s.request.Query
	for name, values := range q {
		if strings.HasPrefix(name, "X-Amz-") && len(values) > 1 {
			return refuse(Malformed, "The query has %s more than once.", name)
		}
	}
	s.presigned, s.signature, s.Token = true, q.Get("X-Amz-Signature"), q.Get("X-Amz-Security-Token")
	if err := s.readScope(q.Get("X-Amz-Algorithm"), q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders")); err != nil {
		return err
	}
	if err := s.readTime(q.Get("X-Amz-Date")); err != nil {
		return err
	}
	return s.readEnd(q.Get("X-Amz-Expires"))
}

func (s *Signed) readScope(method, credential, names string) (err error) {
	if method != algorithm4 {
		return refuse(Malformed, "The request is signed by '%s'; this cloud knows %s.", method, algorithm4)
	}
	if s.scope, err = parseScope(credential); err != nil {
		return err
	}
	if names == "" {
		return refuse(Malformed, "The signature does not say which headers it is of (SignedHeaders).")
	}
	s.Version, s.Access, s.Region, s.Service = 4, s.scope.access, s.scope.region, s.scope.service
	s.names = strings.Split(names, ";")
	return nil
}

const timeFormat = "20060102T150405Z"

func (s *Signed) readTime(stamp string) (err error) {
	if s.At, err = time.Parse(timeFormat, stamp); err != nil {
		return refuse(Malformed, "The request needs the time of its signature (X-Amz-Date), as in 20060102T150405Z.")
	}
	if !strings.HasPrefix(stamp, s.scope.date) {
		return refuse(Malformed, "The date in the credential is %s, and that of the signature %s.", s.scope.date, stamp)
	}
	s.stamp = stamp
	return nil
}

// presignedMax is how long an address can be good for, in seconds.
const presignedMax = 7 * 24 * 3600

func (s *Signed) readEnd(seconds string) error {
	n, err := strconv.Atoi(seconds)
	if err != nil || n < 1 || n > presignedMax {
		return refuse(Malformed, "X-Amz-Expires is a number of seconds from 1 to %d.", presignedMax)
	}
	s.Until = s.At.Add(time.Duration(n) * time.Second)
	return nil
}

// sound refuses a signature that leaves out what must not be changed on the way. What a caller who only passes parts on has left out
// nobody knows: this is for requests as they were received.
func (s *Signed) sound(bodyHash string) error {
	if s.signature == "" {
		return refuse(Malformed, "The request names an access key and has no signature.")
	}
	if s.Version == 2 {
		return nil
	}
	for name := range s.headers {
		must := name == "host" || strings.HasPrefix(name, "x-amz-")
		if must && !slices.Contains(s.names, name) {
			return refuse(Malformed, "The header '%s' has to be signed, and is not one of SignedHeaders.", name)
		}
	}
	for _, name := range s.names {
		if len(s.headers[name]) == 0 {
			return refuse(Malformed, "SignedHeaders has '%s', a header that the request does not have.", name)
		}
	}
	if sent := get(s.headers, "x-amz-content-sha256"); sent != "" && !strings.EqualFold(sent, bodyHash) {
		return refuse(WrongBody, "The body is not the one that X-Amz-Content-Sha256 is the hash of.")
	}
	return nil
}

// get is the first value of a header by its name in lower case.
func get(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
