package cinder_test

import "testing"

func TestEncryptionAsDocumented(t *testing.T) {
	s := newSite(t)
	made := s.want(200, s.do("a+admin", "POST", "/v3/types", `{"volume_type":{"name":"locked"}}`)).in("volume_type")
	at := "/v3/types/" + made["id"].(string) + "/encryption"
	if e := s.want(200, s.do("a+admin", "GET", at, "")); len(e.body) != 0 {
		t.Errorf("a type without encryption: %v", e.body)
	}
	s.want(403, s.do("a", "GET", at, ""))
	for _, bad := range []string{`{}`, `{"encryption":null}`, `{"encryption":{"cipher":"x"}}`, `{"encryption":{"provider":"luks","key_size":"many"}}`,
		`{"encryption":{"provider":"luks","key_size":-1}}`, `{"encryption":{"provider":"luks","control_location":"side"}}`} {
		s.want(400, s.do("a+admin", "POST", at, bad))
	}
	e := s.want(200, s.do("a+admin", "POST", at, `{"encryption":{"provider":"luks","cipher":"aes-xts-plain64","key_size":"256"}}`)).in("encryption")
	if e["provider"] != "luks" || e["key_size"] != 256.0 || e["control_location"] != "front-end" || e["volume_type_id"] != made["id"] || e["encryption_id"] == nil {
		t.Errorf("created: %v", e)
	}
	s.want(400, s.do("a+admin", "POST", at, `{"encryption":{"provider":"luks"}}`))
	changed := s.want(200, s.do("a+admin", "PUT", at+"/"+e["encryption_id"].(string), `{"encryption":{"key_size":512}}`)).in("encryption")
	if len(changed) != 1 || changed["key_size"] != 512.0 {
		t.Errorf("updated: %v", changed)
	}
	if shown := s.want(200, s.do("a+admin", "GET", at, "")).body; shown["cipher"] != "aes-xts-plain64" || shown["deleted"] != false || shown["updated_at"] == nil {
		t.Errorf("shown: %v", shown)
	}
	if one := s.want(200, s.do("a+admin", "GET", at+"/key_size", "")).body; len(one) != 1 || one["key_size"] != 512.0 {
		t.Errorf("one key: %v", one)
	}
	s.want(404, s.do("a+admin", "GET", at+"/colour", ""))
	s.encryptedVolume(at)
	s.want(404, s.do("a+admin", "GET", "/v3/types/none/encryption", ""))
	s.want(404, s.do("a+admin", "POST", "/v3/types/none/encryption", `{"encryption":{"provider":"luks"}}`))
}

// encryptedVolume makes a volume of the type, which can then not be changed until the volume is gone.
func (s *site) encryptedVolume(at string) {
	s.t.Helper()
	id := s.made("a", `{"size":1,"volume_type":"locked"}`)
	if v := s.want(200, s.do("a", "GET", "/v3/volumes/"+id, "")).in("volume"); v["encrypted"] != true {
		s.t.Errorf("the volume's encrypted is %v", v["encrypted"])
	}
	e := s.want(200, s.do("a", "GET", "/v3/volumes/"+id+"/encryption", "")).body
	if len(e) != 5 || e["encryption_key_id"] == nil || e["provider"] != "luks" || e["cipher"] != "aes-xts-plain64" || e["key_size"] != 512.0 {
		s.t.Errorf("the volume's encryption: %v", e)
	}
	s.want(200, s.do("a", "GET", "/v3/volumes/"+id+"/encryption/encryption_key_id", ""))
	s.want(404, s.do("b", "GET", "/v3/volumes/"+id+"/encryption", ""))
	s.want(400, s.do("a+admin", "DELETE", at+"/provider", ""))
	s.want(400, s.do("a+admin", "PUT", at+"/provider", `{"encryption":{"key_size":256}}`))
	plain := s.made("a", `{"size":1}`)
	if e := s.want(200, s.do("a", "GET", "/v3/volumes/"+plain+"/encryption", "")).body; len(e) != 1 || e["encryption_key_id"] != nil {
		s.t.Errorf("a plain volume's encryption: %v", e)
	}
}
