package oauthsign

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const example = `OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7",
	oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_signature="r6%2FTJjbCOr97%2F%2BUU0NsvSne7s5g%3D"`

// exampleRequest is the one of section 3.4.1 of the RFC.
func exampleRequest() *http.Request {
	r := httptest.NewRequest("POST", "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", strings.NewReader("c2&a3=2+q"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", strings.ReplaceAll(example, "\n\t", " "))
	return r
}

// TestTextOfTheRFC: the text that is signed is that of section 3.4.1.1.
func TestTextOfTheRFC(t *testing.T) {
	q, err := Read(exampleRequest())
	if err != nil {
		t.Fatal(err)
	}
	const want = "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26" +
		"oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
	if got := q.text("http://EXAMPLE.COM:80/request"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !q.Verify("j49sk3j29djd", "dh893hdasih9", "http://elsewhere/request", "http://example.com/request") {
		t.Error("the signature does not hold")
	}
	for _, secrets := range [][2]string{{"j49sk3j29djd", ""}, {"", "dh893hdasih9"}, {"dh893hdasih9", "j49sk3j29djd"}} {
		if q.Verify(secrets[0], secrets[1], "http://example.com/request") {
			t.Errorf("the signature holds with the secrets %q", secrets)
		}
	}
	if q.Verify("j49sk3j29djd", "dh893hdasih9", "https://example.com/request") {
		t.Error("the signature holds for another address")
	}
	if q.Consumer != "9djdj82h48djs9d2" || q.Token != "kkk9d7dh3k39sjv7" || q.Nonce != "7d8f3e4a" || q.At.Unix() != 137131201 {
		t.Errorf("read as %+v", q)
	}
}

func TestPlainSignature(t *testing.T) {
	r := httptest.NewRequest("POST", "/x", nil)
	r.Header.Set("Authorization", `OAuth oauth_consumer_key="c", oauth_signature_method="PLAINTEXT", oauth_signature="a%2520b%26t"`)
	q, err := Read(r)
	if err != nil || !q.Verify("a b", "t") || q.Verify("a b", "") || q.Verify("a", "t") || !q.At.IsZero() {
		t.Errorf("%+v: %v", q, err)
	}
}

// TestUnreadable: what is missing or wrong is named.
func TestUnreadable(t *testing.T) {
	for change, want := range map[string]string{
		`oauth_nonce="7d8f3e4a"|`:                 "oauth_nonce",
		`oauth_consumer_key="9djdj82h48djs9d2"|`:  "oauth_consumer_key",
		`"HMAC-SHA1"|"RSA-SHA1"`:                  "oauth_signature_method",
		`137131201|soon`:                          "oauth_timestamp",
		`137131201|99999999999999999`:             "oauth_timestamp",
		`realm="Example"|oauth_version="2.0"`:     "oauth_version",
		`realm="Example"|oauth_nonce="again"`:     "twice",
		`realm="Example"|realm`:                   "read",
		`realm="Example"|realm="%zz"`:             "read",
		`OAuth|Basic`:                             "oauth_consumer_key",
		`"r6%2FTJjbCOr97%2F%2BUU0NsvSne7s5g%3D"|`: "oauth_signature",
	} {
		r := exampleRequest()
		from, to, _ := strings.Cut(change, "|")
		header := strings.Replace(r.Header.Get("Authorization"), from, to, 1)
		if to == "" {
			header = strings.Replace(strings.TrimSuffix(strings.TrimSpace(header), ","), ", ,", ",", 1)
		}
		r.Header.Set("Authorization", header)
		if _, err := Read(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want something about %s", change, err, want)
		}
	}
}
