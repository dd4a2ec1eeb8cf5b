package glance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const spaces = "/v2/metadefs/namespaces"

// boss is an administrator's token.
const boss = "ops+admin"

// whole is a namespace with something of everything.
const whole = `{"namespace": "OS::Compute::CPU", "display_name": "Processors", "description": "How guests see theirs.", "visibility": "public",
	"resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "hw_"}, {"name": "OS::Nova::Flavor", "prefix": "hw:", "properties_target": "specs"}],
	"properties": {"cores": {"title": "Cores", "type": "integer", "minimum": 1, "maximum": 18446744073709551}},
	"objects": [{"name": "Topology", "description": "Sockets and more", "required": ["sockets"], "properties": {"sockets": {"title": "Sockets", "type": "integer"}}}],
	"tags": [{"name": "numa"}, {"name": "smp"}]}`

// names are the values of a key in a list of an answer.
func names(a answer, list, key string) []string {
	out := []string{}
	rows, _ := a.body[list].([]any)
	for _, row := range rows {
		out = append(out, fmt.Sprint(row.(map[string]any)[key]))
	}
	return out
}

func wantNames(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNamespaceWithEverything(t *testing.T) {
	s := newSite(t)
	a := s.want(201, s.do(boss, "POST", spaces, whole))
	if l := a.header.Get("Location"); l != s.url+spaces+"/OS::Compute::CPU" {
		t.Errorf("Location %s", l)
	}
	for _, token := range []string{boss, "stranger"} {
		a = s.want(200, s.do(token, "GET", spaces+"/OS::Compute::CPU", ""))
		wantNames(t, names(a, "tags", "name"), "numa", "smp")
		wantNames(t, names(a, "objects", "name"), "Topology")
		wantNames(t, names(a, "resource_type_associations", "prefix"), "hw_", "hw:")
	}
	if a.body["owner"] != "ops" || a.body["protected"] != false || !strings.Contains(a.text, `"maximum":18446744073709551`) {
		t.Errorf("namespace: %s", a.text)
	}
	a = s.want(200, s.do(boss, "GET", spaces+"/OS::Compute::CPU?resource_type=OS::Nova::Flavor", ""))
	for _, want := range []string{`"hw:cores":{`, `"hw:sockets":{`, `"required":["hw:sockets"]`} {
		if !strings.Contains(a.text, want) {
			t.Errorf("no %s in %s", want, a.text)
		}
	}
	s.want(409, s.do(boss, "POST", spaces, whole))
	a = s.want(200, s.do(boss, "PUT", spaces+"/OS::Compute::CPU", `{"namespace": "CPU"}`))
	if a.body["visibility"] != "private" || a.body["display_name"] != nil || a.body["owner"] != "ops" {
		t.Errorf("what is not named is not the default: %s", a.text)
	}
	s.want(404, s.do(boss, "GET", spaces+"/OS::Compute::CPU", ""))
	wantNames(t, names(s.want(200, s.do(boss, "GET", spaces+"/CPU", "")), "objects", "name"), "Topology")
	s.want(204, s.do(boss, "DELETE", spaces+"/CPU", ""))
	s.want(404, s.do(boss, "DELETE", spaces+"/CPU", ""))
	s.want(201, s.do(boss, "POST", spaces, whole)) // nothing of the first was left behind
}

func TestNamespacesAreSeenAndChangedByWhomItIsMeant(t *testing.T) {
	s := newSite(t)
	s.want(201, s.do(boss, "POST", spaces, `{"namespace": "open", "visibility": "public"}`))
	s.want(201, s.do(boss, "POST", spaces, `{"namespace": "secret"}`))
	s.want(201, s.do(boss, "POST", spaces, `{"namespace": "theirs", "owner": "theirs"}`))
	wantNames(t, names(s.do("mine", "GET", spaces, ""), "namespaces", "namespace"), "open")
	wantNames(t, names(s.do("theirs", "GET", spaces, ""), "namespaces", "namespace"), "theirs", "open")
	wantNames(t, names(s.do(boss, "GET", spaces+"?visibility=private", ""), "namespaces", "namespace"), "theirs", "secret")
	s.want(404, s.do("mine", "GET", spaces+"/secret/objects", ""))
	s.want(404, s.do("mine", "DELETE", spaces+"/secret", ""))
	s.want(403, s.do("mine", "POST", spaces, `{"namespace": "mine"}`))
	s.want(403, s.do("theirs", "PUT", spaces+"/theirs", `{"namespace": "ours"}`))
	s.want(403, s.do("mine", "POST", spaces+"/open/tags/t", ""))
	s.want(403, s.do("mine", "DELETE", spaces+"/open/tags", ""))
}

func TestProtectedNamespaceLosesNothing(t *testing.T) {
	s := newSite(t)
	s.want(201, s.do(boss, "POST", spaces, strings.Replace(whole, `"visibility"`, `"protected": true, "visibility"`, 1)))
	at := spaces + "/OS::Compute::CPU"
	for _, path := range []string{"", "/objects", "/objects/Topology", "/properties", "/properties/cores", "/tags", "/tags/smp", "/resource_types/OS::Nova::Flavor"} {
		s.want(403, s.do(boss, "DELETE", at+path, ""))
	}
	s.want(403, s.do(boss, "POST", at+"/tags", `{"tags": [{"name": "new"}]}`))
	s.want(201, s.do(boss, "POST", at+"/tags", `{"tags": [{"name": "new"}]}`, "X-Openstack-Append", "True"))
	s.want(200, s.do(boss, "PUT", at, `{"namespace": "OS::Compute::CPU", "protected": false}`))
	for _, path := range []string{"/resource_types/OS::Nova::Flavor", "/objects/Topology", "/properties/cores", "/tags/smp", "/tags", "/objects", "/properties", ""} {
		s.want(204, s.do(boss, "DELETE", at+path, ""))
	}
}

func TestNamespacesPageAndFilter(t *testing.T) {
	s := newSite(t)
	for n := range 5 {
		kind := []string{"OS::Glance::Image", "OS::Nova::Server"}[n%2]
		s.want(201, s.do(boss, "POST", spaces, fmt.Sprintf(`{"namespace": "n%d", "resource_type_associations": [{"name": "%s"}]}`, n, kind)))
	}
	var seen []string
	for next := spaces + "?limit=2&sort_key=namespace&sort_dir=asc"; next != ""; {
		a := s.want(200, s.do(boss, "GET", next, ""))
		seen = append(seen, names(a, "namespaces", "namespace")...)
		next, _ = a.body["next"].(string)
	}
	wantNames(t, seen, "n0", "n1", "n2", "n3", "n4")
	a := s.do(boss, "GET", spaces+"?resource_types=OS::Nova::Server,OS::Nova::Flavor", "")
	wantNames(t, names(a, "namespaces", "namespace"), "n3", "n1")
	wantNames(t, names(s.do(boss, "GET", spaces+"?limit=0", ""), "namespaces", "namespace"))
	s.want(404, s.do(boss, "GET", spaces+"?marker=nowhere", ""))
	for _, wrong := range []string{"limit=x", "limit=-1", "sort_key=owner", "sort_dir=up", "visibility=shared"} {
		s.want(400, s.do(boss, "GET", spaces+"?"+wrong, ""))
	}
}

func TestResourceTypes(t *testing.T) {
	s := newSite(t)
	s.want(201, s.do(boss, "POST", spaces, `{"namespace": "n"}`))
	at := spaces + "/n/resource_types"
	a := s.want(201, s.do(boss, "POST", at, `{"name": "My::Thing", "prefix": "my_", "properties_target": "image"}`))
	if a.body["prefix"] != "my_" || a.body["properties_target"] != "image" || a.body["created_at"] == nil {
		t.Errorf("association: %s", a.text)
	}
	s.want(409, s.do(boss, "POST", at, `{"name": "My::Thing"}`))
	wantNames(t, names(s.do("mine", "GET", "/v2/metadefs/resource_types", ""), "resource_types", "name"),
		"My::Thing", "OS::Cinder::Snapshot", "OS::Cinder::Volume", "OS::Glance::Image", "OS::Nova::Aggregate", "OS::Nova::Flavor", "OS::Nova::Server")
	wantNames(t, names(s.do(boss, "GET", at, ""), "resource_type_associations", "name"), "My::Thing")
	s.want(201, s.do(boss, "POST", spaces+"/n/properties", `{"name": "p", "title": "P", "type": "string"}`))
	s.want(200, s.do(boss, "GET", spaces+"/n/properties/my_p?resource_type=My::Thing", ""))
	s.want(404, s.do(boss, "GET", spaces+"/n/properties/p?resource_type=My::Thing", ""))
	s.want(404, s.do(boss, "GET", spaces+"/n/properties/p?resource_type=OS::Nova::Server", ""))
	s.want(204, s.do(boss, "DELETE", at+"/My::Thing", ""))
	s.want(404, s.do(boss, "DELETE", at+"/My::Thing", ""))
	s.want(404, s.do(boss, "GET", spaces+"/nowhere/resource_types", ""))
}

func TestNamespaceSchemas(t *testing.T) {
	s := newSite(t)
	for path, name := range map[string]string{"namespace": "namespace", "namespaces": "namespaces", "resource_type": "resource_type_association",
		"resource_types": "resource_type_associations", "object": "object", "objects": "objects", "property": "property", "properties": "properties", "tag": "tag", "tags": "tags"} {
		if a := s.want(200, s.do("mine", "GET", "/v2/schemas/metadefs/"+path, "")); a.body["name"] != name {
			t.Errorf("%s: %v", path, a.body["name"])
		}
	}
}

func TestBadNamespaces(t *testing.T) {
	s := newSite(t)
	for body, code := range map[string]int{
		`{}`: 400, `[]`: 400, `{"namespace": 1}`: 400, `{"namespace": ""}`: 400, `{"namespace": "x", "colour": 1}`: 400, `{"namespace": "x", "visibility": "shared"}`: 400,
		`{"namespace": "x", "protected": "yes"}`: 400, `{"namespace": "` + strings.Repeat("x", 81) + `"}`: 400, `{"namespace": "x", "created_at": "now"}`: 403,
		`{"namespace": "x", "description": "` + strings.Repeat("x", 501) + `"}`: 400, `{"namespace": "x", "tags": [{"name": "a"}, {"name": "a"}]}`: 409,
		`{"namespace": "x", "properties": {"p": {"title": "P"}}}`: 400, `{"namespace": "x", "properties": {"p": null}}`: 400,
		`{"namespace": "x", "objects": [{"name": "o", "properties": {"p": {"title": "P", "type": "float"}}}]}`:     400,
		`{"namespace": "x", "resource_type_associations": [{"prefix": "p"}]}`:                                      400,
		`{"namespace": "x", "resource_type_associations": [{"name": "Only::Here"}, {"name": "A"}, {"name": "A"}]}`: 409,
	} {
		s.want(code, s.do(boss, "POST", spaces, body))
	}
	s.want(404, s.do(boss, "GET", spaces+"/x", "")) // nothing stays of what failed
	if a := s.do(boss, "GET", "/v2/metadefs/resource_types", ""); strings.Contains(a.text, "Only::Here") {
		t.Errorf("a kind stayed of a namespace that was refused: %s", a.text)
	}
}
