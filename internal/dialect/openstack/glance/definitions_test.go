package glance_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestObjects(t *testing.T) {
	s := newSite(t)
	s.want(201, s.do(boss, "POST", spaces, `{"namespace": "n"}`))
	at := spaces + "/n/objects"
	a := s.want(201, s.do(boss, "POST", at, `{"name": "My object", "required": ["p"], "properties": {"p": {"title": "P", "type": "string", "enum": ["a", 1]}}}`))
	if a.body["self"] != at+"/My%20object" || a.body["schema"] != "/v2/schemas/metadefs/object" {
		t.Errorf("object: %s", a.text)
	}
	s.want(409, s.do(boss, "POST", at, `{"name": "My object"}`))
	s.want(201, s.do(boss, "POST", at, `{"name": "other"}`))
	s.want(409, s.do(boss, "PUT", at+"/other", `{"name": "My object"}`))
	a = s.want(200, s.do(boss, "PUT", at+"/My%20object", `{"name": "renamed", "description": "d"}`))
	if a.body["description"] != "d" || len(a.body["properties"].(map[string]any)) != 0 {
		t.Errorf("an update replaces: %s", a.text)
	}
	s.want(404, s.do(boss, "GET", at+"/My%20object", ""))
	s.want(200, s.do(boss, "GET", at+"/renamed", ""))
	wantNames(t, names(s.do(boss, "GET", at+"?sort_key=name&sort_dir=asc", ""), "objects", "name"), "other", "renamed")
	s.want(403, s.do(boss, "PUT", at+"/other", `{"name": "other", "self": "/"}`))
	s.want(400, s.do(boss, "POST", at, `{"name": "x", "required": ["p", "p"]}`))
	s.want(400, s.do(boss, "POST", at, `{}`))
	s.want(204, s.do(boss, "DELETE", at+"/renamed", ""))
	s.want(404, s.do(boss, "DELETE", at+"/renamed", ""))
	s.want(204, s.do(boss, "DELETE", at, ""))
	wantNames(t, names(s.do(boss, "GET", at, ""), "objects", "name"))
}

func TestProperties(t *testing.T) {
	s := newSite(t)
	s.want(201, s.do(boss, "POST", spaces, `{"namespace": "n"}`))
	at := spaces + "/n/properties"
	all := `"title": "P", "type": "array", "description": "d", "operators": ["<or>"], "default": ["x"], "items": {"type": "string", "enum": ["x"]},
		"minItems": 0, "maxItems": 3, "uniqueItems": true, "additionalItems": false, "readonly": false, "pattern": "^x", "minLength": 1, "maxLength": 9, "minimum": 1.5, "maximum": 2`
	a := s.want(201, s.do(boss, "POST", at, `{"name": "p", `+all+`}`))
	b := s.want(200, s.do(boss, "GET", at+"/p", ""))
	if a.text != b.text || len(b.body) != 17 || b.body["name"] != "p" {
		t.Errorf("made %s, got %s", a.text, b.text)
	}
	s.want(409, s.do(boss, "POST", at, `{"name": "p", "title": "P", "type": "string"}`))
	a = s.want(200, s.do(boss, "PUT", at+"/p", `{"name": "q", "title": "Q", "type": "string"}`))
	if len(a.body) != 3 || a.body["title"] != "Q" {
		t.Errorf("an update replaces: %s", a.text)
	}
	if a = s.want(200, s.do(boss, "GET", at, "")); strings.TrimSpace(a.text) != `{"properties":{"q":{"title":"Q","type":"string"}}}` {
		t.Errorf("list: %s", a.text)
	}
	for _, wrong := range []string{`{"title": "P", "type": "string"}`, `{"name": "x", "type": "string"}`, `{"name": "x", "title": "P", "type": "text"}`, `{"name": 1}`,
		`{"name": "x", "title": "P", "type": "string", "minLength": -1}`, `{"name": "x", "title": "P", "type": "string", "maximum": "9"}`,
		`{"name": "x", "title": "P", "type": "string", "colour": "red"}`,
		`{"name": "x", "title": "P", "type": "array", "default": ` + strings.Repeat("[", 9990) + strings.Repeat("]", 9990) + `}`, `null`, `nonsense`} {
		s.want(400, s.do(boss, "POST", at, wrong))
	}
	s.want(403, s.do(boss, "POST", at, `{"name": "x", "title": "P", "type": "string", "updated_at": "x"}`))
	s.want(404, s.do(boss, "PUT", at+"/p", `{"name": "p", "title": "P", "type": "string"}`))
	s.want(404, s.do(boss, "POST", spaces+"/nowhere/properties", `{"name": "p", "title": "P", "type": "string"}`))
	s.want(204, s.do(boss, "DELETE", at+"/q", ""))
	s.want(404, s.do(boss, "GET", at+"/q", ""))
}

func TestDefinedTags(t *testing.T) {
	s := newSite(t)
	s.want(201, s.do(boss, "POST", spaces, `{"namespace": "n"}`))
	at := spaces + "/n/tags"
	s.want(201, s.do(boss, "POST", at, `{"tags": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}`))
	s.want(409, s.do(boss, "POST", at, `{"tags": [{"name": "d"}, {"name": "a"}]}`, "X-Openstack-Append", "true"))
	sorted := at + "?sort_key=name&sort_dir=asc"
	wantNames(t, names(s.do(boss, "GET", sorted+"&limit=2&marker=a", ""), "tags", "name"), "b", "c")
	s.want(201, s.do(boss, "POST", at, `{"tags": [{"name": "d"}]}`, "X-Openstack-Append", "true"))
	wantNames(t, names(s.do(boss, "GET", sorted, ""), "tags", "name"), "a", "b", "c", "d")
	s.want(201, s.do(boss, "POST", at, `{"tags": [{"name": "e"}]}`))
	wantNames(t, names(s.do(boss, "GET", sorted, ""), "tags", "name"), "e")
	s.want(201, s.do(boss, "POST", at+"/f", ""))
	s.want(409, s.do(boss, "POST", at+"/f", ""))
	s.want(409, s.do(boss, "PUT", at+"/f", `{"name": "e"}`))
	s.want(200, s.do(boss, "PUT", at+"/f", `{"name": "g"}`))
	if a := s.want(200, s.do(boss, "GET", at+"/g", "")); a.body["name"] != "g" || a.body["created_at"] == nil {
		t.Errorf("tag: %s", a.text)
	}
	s.want(404, s.do(boss, "GET", at+"?marker=nowhere", ""))
	s.want(404, s.do(boss, "GET", spaces+"/nowhere/tags?limit=0", ""))
	for _, wrong := range []string{`{}`, `{"tags": [{}]}`, `{"tags": [{"name": "` + strings.Repeat("x", 81) + `"}]}`, `{"tags": "x"}`} {
		s.want(400, s.do(boss, "POST", at, wrong))
	}
	s.want(204, s.do(boss, "DELETE", at+"/g", ""))
	s.want(204, s.do(boss, "DELETE", at, ""))
	wantNames(t, names(s.do(boss, "GET", at, ""), "tags", "name"))
}

func TestANamespaceHasRoomForAThousandOfEach(t *testing.T) {
	s := newSite(t)
	s.want(201, s.do(boss, "POST", spaces, `{"namespace": "n"}`))
	tags := make([]string, 1001)
	for n := range tags {
		tags[n] = fmt.Sprintf(`{"name": "t%d"}`, n)
	}
	s.want(413, s.do(boss, "POST", spaces+"/n/tags", `{"tags": [`+strings.Join(tags, ",")+`]}`))
	s.want(201, s.do(boss, "POST", spaces+"/n/tags", `{"tags": [`+strings.Join(tags[1:], ",")+`]}`))
	s.want(413, s.do(boss, "POST", spaces+"/n/tags/more", ""))
}
