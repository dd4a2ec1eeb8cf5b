package keystone

import (
	"fmt"
	"testing"
)

// TestAccessKeysAreCredentialsToo: both views show the same thing, and the access key names it once.
func TestAccessKeysAreCredentialsToo(t *testing.T) {
	s := newSite(t)
	user, project := string(s.made.AdminUserID), string(s.made.AdminProjectID)
	keys := "/v3/users/" + user + "/credentials/OS-EC2"
	k := s.admin("POST", keys, fmt.Sprintf(`{"tenant_id":%q}`, project)).is(201)
	access, secret := k.text("credential.access"), k.text("credential.secret")
	if got := s.admin("GET", keys+"/"+access, "").is(200).text("credential.secret"); got != secret {
		t.Errorf("the secret is shown as %q", got)
	}
	list := s.admin("GET", "/v3/credentials?type=ec2&user_id="+user, "").is(200)
	if list.len("credentials") != 1 || list.get("credentials.0.project_id") != project {
		t.Errorf("listed: %s", list.body)
	}
	id := list.text("credentials.0.id")
	blob := fmt.Sprintf(`{"access":%q,"secret":"other"}`, access)
	s.admin("POST", "/v3/credentials", fmt.Sprintf(`{"credential":{"type":"ec2","project_id":%q,"blob":%q}}`, project, blob)).is(409)
	s.admin("POST", "/v3/credentials", fmt.Sprintf(`{"credential":{"type":"ec2","blob":%q}}`, blob)).is(400)
	s.admin("POST", "/v3/credentials", fmt.Sprintf(`{"credential":{"type":"ec2","project_id":%q,"blob":"no JSON"}}`, project)).is(400)
	s.admin("PATCH", "/v3/credentials/"+id, `{"credential":{"blob":"{\"access\":\"new\",\"secret\":\"s\"}"}}`).is(400)
	s.admin("PATCH", "/v3/credentials/"+id, fmt.Sprintf(`{"credential":{"blob":%q}}`, blob)).is(200)
	if got := s.admin("GET", keys, "").is(200).text("credentials.0.secret"); got != "other" {
		t.Errorf("after the change the secret is %q", got)
	}
	demo := s.signIn("demo", demoPassword, "")
	s.call(demo, "GET", "/v3/credentials/"+id, "").is(403)
	s.call(demo, "POST", keys, fmt.Sprintf(`{"tenant_id":%q}`, project)).is(403)
	s.admin("DELETE", keys+"/"+access, "").is(204)
	s.admin("DELETE", keys+"/"+access, "").is(404)
}

func TestCredentialsOfAnyType(t *testing.T) {
	s := newSite(t)
	c := s.admin("POST", "/v3/credentials", `{"credential":{"type":"totp","blob":"ORSXG5A="}}`).is(201)
	path := "/v3/credentials/" + c.text("credential.id")
	if got := s.admin("GET", path, "").is(200).text("credential.blob"); got != "ORSXG5A=" {
		t.Errorf("blob: %q", got)
	}
	s.admin("POST", "/v3/credentials", `{"credential":{"type":"totp"}}`).is(400)
	s.admin("POST", "/v3/credentials", `{"credential":{"type":"totp","blob":"x","user_id":"nobody"}}`).is(404)
	s.admin("DELETE", path, "").is(204)
}
