package awssign

import (
	"bufio"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	signedAt = "20150830T123600Z"
	form     = "Action=DescribeInstances&Version=2016-11-15"
)

var noon = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// client signs as the clients do that were seen: it is the other half of this package, and only in tests.
type client struct {
	secret, region, service, token string
	presigned                      bool
}

var usual = client{secret: exampleSecret, region: "us-east-1", service: "ec2"}

// sign answers the text of a request with its signature.
func (c client) sign(t *testing.T, verb, target, body string, headers ...string) string {
	t.Helper()
	if c.presigned {
		return c.presign(t, verb, target)
	}
	headers = append(headers, "X-Amz-Date: "+signedAt)
	if c.token != "" {
		headers = append(headers, "X-Amz-Security-Token: "+c.token)
	}
	if body != "" {
		headers = append(headers, "Content-Type: application/x-www-form-urlencoded; charset=utf-8")
	}
	names := []string{"content-length", "host"}
	for _, h := range headers {
		name, _, _ := strings.Cut(h, ":")
		names = append(names, strings.ToLower(name))
	}
	authorization := func(signature string) string {
		return "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20150830/" + c.region + "/" + c.service + "/aws4_request, SignedHeaders=" +
			strings.Join(names, ";") + ", Signature=" + signature
	}
	first := text(verb, target, body, append(headers, authorization("x"))...)
	s, err := received(receive(t, first))
	if err != nil {
		t.Fatal(err)
	}
	read, err := s.read()
	if err != nil {
		t.Fatal(err)
	}
	return text(verb, target, body, append(headers, authorization(read.signatureBy(c.secret)))...)
}

func (c client) presign(t *testing.T, verb, target string) string {
	t.Helper()
	target += "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20150830%2F" + c.region + "%2F" + c.service + "%2Faws4_request&X-Amz-Date=" + signedAt +
		"&X-Amz-Expires=60&X-Amz-SignedHeaders=host"
	s, err := received(receive(t, text(verb, target, "")))
	if err != nil {
		t.Fatal(err)
	}
	read, err := s.read()
	if err != nil {
		t.Fatal(err)
	}
	return text(verb, target+"&X-Amz-Signature="+read.signatureBy(c.secret), "")
}

func text(verb, target, body string, headers ...string) string {
	length := "Content-Length: " + map[bool]string{true: "43", false: "0"}[body != ""]
	return strings.Join(append([]string{verb + " " + target + " HTTP/1.1", "Host: cloud:8700", length}, headers...), "\r\n") + "\r\n\r\n" + body
}

// receive is the request as a server hands it on, and its body.
func receive(t *testing.T, text string) (*http.Request, []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(text, "\r\n\r\n")
	return r, []byte(body)
}

var here = Scope{Region: func(name string) bool { return name == "us-east-1" }, Service: "ec2"}

// verdict is the reason for which a received request is refused, empty if it is not.
func verdict(t *testing.T, text string, now time.Time) Reason {
	t.Helper()
	s, err := Read(receive(t, text))
	if err == nil {
		err = s.Check(now, here)
	}
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal.Reason
	case err != nil:
		t.Fatal(err)
	case !s.Verify(exampleSecret):
		return Mismatch
	case s.Access != "AKID":
		t.Errorf("the access key is %q", s.Access)
	}
	return ""
}

// TestReceivedRequests: each thing that may be wrong has its own reason.
func TestReceivedRequests(t *testing.T) {
	good := usual.sign(t, "POST", "/", form)
	session, presigned := usual, usual
	session.token, presigned.presigned = "a/token==", true
	address := presigned.sign(t, "GET", "/?Action=DescribeInstances", "")
	elsewhere, other, wrong := usual, usual, usual
	elsewhere.region, other.service, wrong.secret = "eu-north-9", "iam", "x"
	for name, c := range map[string]struct {
		text  string
		after time.Duration
		want  Reason
	}{
		"good":                        {text: good},
		"a minute late":               {text: good, after: time.Minute},
		"a query":                     {text: usual.sign(t, "GET", "/?Filter.1.Value.1=a%2Fb&Action=X&Filter.1.Value.1=*", "")},
		"repeated header":             {text: usual.sign(t, "GET", "/", "", "X-Amz-Meta: a   b")},
		"hash of the body":            {text: usual.sign(t, "POST", "/", form, "X-Amz-Content-Sha256: "+hexHash(form))},
		"session":                     {text: session.sign(t, "POST", "/", form)},
		"presigned":                   {text: address},
		"presigned, almost over":      {text: address, after: 59 * time.Second},
		"presigned, over":             {text: address, after: time.Minute, want: Expired},
		"presigned, from the future":  {text: address, after: -6 * time.Minute, want: Stale},
		"presigned, altered":          {text: strings.Replace(address, "DescribeInstances", "RunInstances", 1), want: Mismatch},
		"presigned for a year":        {text: strings.Replace(address, "Expires=60", "Expires=31536000", 1), want: Malformed},
		"presigned twice over":        {text: strings.Replace(address, "X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Expires=60", 1), want: Malformed},
		"old":                         {text: good, after: 6 * time.Minute, want: Stale},
		"from the future":             {text: good, after: -6 * time.Minute, want: Stale},
		"another body":                {text: strings.Replace(good, "Describe", "Destroys", 1), want: Mismatch},
		"another host":                {text: strings.Replace(good, "cloud:8700", "cloud:8701", 1), want: Mismatch},
		"another secret":              {text: wrong.sign(t, "POST", "/", form), want: Mismatch},
		"another region":              {text: elsewhere.sign(t, "POST", "/", form), want: WrongRegion},
		"another service":             {text: other.sign(t, "POST", "/", form), want: WrongService},
		"another hash":                {text: usual.sign(t, "POST", "/", form, "X-Amz-Content-Sha256: "+hexHash("")), want: WrongBody},
		"body not hashed":             {text: usual.sign(t, "POST", "/", form, "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD"), want: WrongBody},
		"nothing":                     {text: text("POST", "/", form), want: NotSigned},
		"bearer token":                {text: text("POST", "/", form, "Authorization: Bearer x"), want: Malformed},
		"no date":                     {text: strings.Replace(good, "X-Amz-Date: "+signedAt, "X-Amz-Data: "+signedAt, 1), want: Malformed},
		"another day":                 {text: strings.Replace(good, "X-Amz-Date: 20150830", "X-Amz-Date: 20150831", 1), want: Malformed},
		"no signature":                {text: strings.Replace(good, "Signature=", "Sig=", 1), want: Malformed},
		"no headers":                  {text: strings.Replace(good, "SignedHeaders=", "Signed=", 1), want: Malformed},
		"short credential":            {text: strings.Replace(good, "/us-east-1", "", 1), want: Malformed},
		"host not signed":             {text: strings.Replace(good, ";host", "", 1), want: Malformed},
		"token not signed":            {text: strings.Replace(good, "\r\nAuth", "\r\nX-Amz-Security-Token: x\r\nAuth", 1), want: Malformed},
		"signed header gone":          {text: strings.Replace(good, ";host", ";host;x-gone", 1), want: Malformed},
		"two signatures":              {text: strings.Replace(address, "\r\n\r\n", "\r\nAuthorization: AWS4-HMAC-SHA256 x\r\n\r\n", 1), want: Malformed},
		"a query that does not read":  {text: strings.Replace(address, "Action", "%zz", 1), want: Malformed},
		"asymmetric":                  {text: strings.Replace(good, "AWS4-HMAC", "AWS4-ECDSA-P256", 1), want: Malformed},
		"version 1":                   {text: text("GET", "/?SignatureVersion=1&Signature=x", ""), want: Malformed},
		"version 2 of another method": {text: text("GET", "/?SignatureVersion=2&SignatureMethod=MD5&Signature=x", ""), want: Malformed},
		"version 2 without time":      {text: text("GET", "/?SignatureVersion=2&SignatureMethod=HmacSHA1&Signature=x", ""), want: Stale},
		"version 2 until then":        {text: text("GET", "/?SignatureVersion=2&SignatureMethod=HmacSHA1&Signature=x&Expires=2015-08-30T12:36:00Z", ""), want: Expired},
		"version 2, malformed end":    {text: text("GET", "/?SignatureVersion=2&SignatureMethod=HmacSHA1&Signature=x&Expires=soon", ""), want: Malformed},
	} {
		if got := verdict(t, c.text, noon.Add(c.after)); got != c.want {
			t.Errorf("%s: refused as %q, want %q", name, got, c.want)
		}
	}
	if s, err := Read(receive(t, session.sign(t, "POST", "/", form))); err != nil || s.Token != session.token {
		t.Errorf("the token of the session is %q: %v", s.Token, err)
	}
}

// TestSignedVersion2: a signature of version 2 is made over what stands in the address and in the body, and nothing else fits.
func TestSignedVersion2(t *testing.T) {
	target := "/?AWSAccessKeyId=AKID&Action=X&SignatureMethod=HmacSHA256&SignatureVersion=2&Timestamp=2015-08-30T12:36:00Z"
	request, err := received(receive(t, text("GET", target, "")))
	if err != nil {
		t.Fatal(err)
	}
	s, err := request.read()
	if err != nil {
		t.Fatal(err)
	}
	signature := strings.ReplaceAll(strings.ReplaceAll(s.signatureBy(exampleSecret), "+", "%2B"), "=", "%3D")
	sent := text("GET", target+"&Signature="+signature, "")
	if got := verdict(t, sent, noon); got != "" {
		t.Errorf("refused: %s", got)
	}
	if got := verdict(t, strings.Replace(sent, "Action=X", "Action=Y", 1), noon); got != Mismatch {
		t.Errorf("altered: %q", got)
	}
	if got := verdict(t, sent, noon.Add(time.Hour)); got != Stale {
		t.Errorf("later: %q", got)
	}
}

func BenchmarkVerify(b *testing.B) {
	r := Request{Verb: "POST", Host: "cloud", Path: "/", BodyHash: hexHash(form), Headers: http.Header{"X-Amz-Date": {signedAt},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature=x"}}}
	for b.Loop() {
		r.Verify(exampleSecret, "x")
	}
}
