package awssign

import "testing"

// The example of the documentation of version 4: a request for the list of users.
var documented = Request{Verb: "GET", Path: "/", Params: map[string]string{"Action": "ListUsers", "Version": "2010-05-08"},
	Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Host": "iam.amazonaws.com", "X-Amz-Date": "20150830T123600Z",
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=x"},
	BodyHash: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}

const (
	documentedSecret    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	documentedSignature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
)

func TestVersion4(t *testing.T) {
	if !documented.Verify(documentedSecret, documentedSignature) {
		t.Error("the documented signature is refused")
	}
	for name, change := range map[string]func(*Request){
		"another path":      func(r *Request) { r.Path = "/x" },
		"another body":      func(r *Request) { r.BodyHash = "00" },
		"another parameter": func(r *Request) { r.Params = map[string]string{"Action": "DeleteUser"} },
		"another day":       func(r *Request) { r.Headers = with(r.Headers, "X-Amz-Date", "20150831T123600Z") },
		"another host":      func(r *Request) { r.Headers = with(r.Headers, "Host", "elsewhere") },
		"no scope":          func(r *Request) { r.Headers = with(r.Headers, "Authorization", "AWS4-HMAC-SHA256 Credential=a") },
	} {
		r := documented
		change(&r)
		if r.Verify(documentedSecret, documentedSignature) {
			t.Errorf("%s is accepted", name)
		}
	}
	if documented.Verify("other", documentedSignature) {
		t.Error("another secret is accepted")
	}
}

func with(m map[string]string, key, value string) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		out[k] = v
	}
	out[key] = value
	return out
}

// The example of the documentation of version 2.
func TestVersion2(t *testing.T) {
	r := Request{Verb: "GET", Host: "elasticmapreduce.amazonaws.com", Path: "/", Params: map[string]string{"AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE",
		"Action": "DescribeJobFlows", "SignatureMethod": "HmacSHA256", "SignatureVersion": "2", "Timestamp": "2011-10-03T15:19:30", "Version": "2009-03-31"}}
	const secret, signature = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs="
	if !r.Verify(secret, signature) {
		t.Error("the documented signature is refused")
	}
	if r.Path = "/x"; r.Verify(secret, signature) {
		t.Error("another path is accepted")
	}
	if r.Params = with(r.Params, "SignatureMethod", "none"); r.Verify(secret, "") {
		t.Error("no signature is accepted")
	}
}
