package keystone

import (
	"encoding/json"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/ec2tokens"
)

// Requests that the Go client library signs with an access key become tokens of its owner on its project, for a service that asks.
func TestSignedRequests(t *testing.T) {
	s := newSite(t)
	member := s.signIn("demo", demoPassword, `{"project":{"id":"`+string(s.made.DemoProjectID)+`"}}`)
	key := s.call(member, "POST", "/v3/users/"+string(s.made.DemoUserID)+"/credentials/OS-EC2", `{"tenant_id":"`+string(s.made.DemoProjectID)+`"}`).is(201)
	options := ec2tokens.AuthOptions{Access: key.text("credential.access"), Secret: key.text("credential.secret"), Verb: "GET", Host: "cloud", Path: "/ec2",
		Region: "r", Service: "s3", Params: map[string]string{"Action": "DescribeInstances", "Filter": "a/b*"}, Headers: map[string]string{"Host": "cloud", "X-Amz-SignedHeaders": "host"}}
	second := options
	second.Params = map[string]string{"Action": "DescribeInstances", "SignatureVersion": "2", "SignatureMethod": "HmacSHA256"}
	for name, o := range map[string]ec2tokens.AuthOptions{"version 4": options, "version 2": second} {
		body := signedBy(t, o)
		a := s.admin("POST", "/v3/ec2tokens", body).is(200)
		if a.text("token.user.id") != string(s.made.DemoUserID) || a.text("token.project.id") != string(s.made.DemoProjectID) {
			t.Errorf("%s: the token is %s", name, a.body)
		}
		s.call(a.header.Get("X-Subject-Token"), "GET", "/v3/auth/projects", "").is(200)
		s.call(member, "POST", "/v3/ec2tokens", body).is(403)
		s.call("", "POST", "/v3/ec2tokens", body).is(401)
		o.Secret = "other"
		s.admin("POST", "/v3/ec2tokens", signedBy(t, o)).is(401)
	}
	if a := s.admin("POST", "/v3/s3tokens", signedBy(t, options)).is(200); a.text("token.user.id") != string(s.made.DemoUserID) || a.header.Get("X-Subject-Token") != "" {
		t.Errorf("of a text: %s, %v", a.body, a.header)
	}
	options.Service = "ec2"
	s.admin("POST", "/v3/s3tokens", signedBy(t, options)).is(401)
	options.Access = "none"
	s.admin("POST", "/v3/ec2tokens", signedBy(t, options)).is(401)
	for _, bad := range []string{`{}`, `{"credentials":{"access":"x"}}`, `{"credentials":7}`} {
		s.admin("POST", "/v3/ec2tokens", bad).is(400)
		s.admin("POST", "/v3/s3tokens", bad).is(400)
	}
}

func signedBy(t *testing.T, o ec2tokens.AuthOptions) string {
	t.Helper()
	o.Headers = map[string]string{"Host": "cloud", "X-Amz-SignedHeaders": "host"} // the library writes into it
	m, err := o.ToTokenV3CreateMap(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
