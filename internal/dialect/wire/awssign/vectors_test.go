package awssign

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

const exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

// TestPublishedVectors: the requests of the published suite, signed and altered.
func TestPublishedVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/version4.txt")
	if err != nil {
		t.Fatal(err)
	}
	paragraphs := strings.Split(strings.TrimSpace(string(text)), "\n\n")[1:]
	for _, p := range paragraphs {
		name, rest, _ := strings.Cut(p, "\n")
		signed, rest, _ := strings.Cut(rest, "\n")
		signature, sent, _ := strings.Cut(rest, "\n")
		t.Run(name, func(t *testing.T) {
			r := vector(t, sent)
			r.Headers.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="+
				signed+", Signature="+signature)
			s, err := r.read()
			if err == nil {
				err = s.sound(r.BodyHash)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !s.Verify(exampleSecret) {
				t.Errorf("the signature does not fit; what is hashed is\n%s", s.canonical())
			}
			if s.Verify(exampleSecret + "x") {
				t.Error("another secret fits")
			}
			r.Verb = "PUT"
			if r.Verify(exampleSecret, signature) {
				t.Error("another verb fits")
			}
		})
	}
}

// vector reads a request as the paragraphs write it. Its path is not escaped, as no server would receive it.
func vector(t *testing.T, text string) Request {
	t.Helper()
	lines := strings.Split(text, "\n")
	verb, target, _ := strings.Cut(lines[0], " ")
	body := ""
	if verb == http.MethodPost {
		target, body, _ = strings.Cut(target, " ")
	}
	path, query, _ := strings.Cut(target, "?")
	r := Request{Verb: verb, Path: path, Headers: http.Header{}, BodyHash: hexHash(body)}
	var err error
	if r.Query, err = url.ParseQuery(query); err != nil {
		t.Fatal(err)
	}
	for i, line := range lines[1:] {
		if strings.HasPrefix(line, " ") {
			continue // belongs to the header before
		}
		for _, more := range lines[i+2:] {
			if !strings.HasPrefix(more, " ") {
				break
			}
			line += more
		}
		name, value, _ := strings.Cut(line, ":")
		r.Headers.Add(name, value)
	}
	return r
}

// The example of the documentation of version 2.
func TestVersion2(t *testing.T) {
	query := func() url.Values {
		return url.Values{"AWSAccessKeyId": {"AKIAIOSFODNN7EXAMPLE"}, "Action": {"DescribeJobFlows"}, "SignatureMethod": {"HmacSHA256"},
			"SignatureVersion": {"2"}, "Timestamp": {"2011-10-03T15:19:30"}, "Version": {"2009-03-31"}}
	}
	r := Request{Verb: "GET", Host: "ElasticMapReduce.amazonaws.com", Path: "/", Query: query()}
	const secret, signature = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs="
	if !r.Verify(secret, signature) {
		t.Error("the documented signature is refused")
	}
	inBody := r
	inBody.Query, inBody.Form = nil, query()
	if !inBody.Verify(secret, signature) {
		t.Error("the parameters of a body are not signed")
	}
	if r.Path = "/x"; r.Verify(secret, signature) {
		t.Error("another path is accepted")
	}
	if r.Query.Set("SignatureMethod", "none"); r.Verify(secret, "") {
		t.Error("no signature is accepted")
	}
}
