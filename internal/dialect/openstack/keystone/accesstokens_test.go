package keystone

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	gopher "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/oauth1"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

func TestConsumers(t *testing.T) {
	s := newSite(t)
	const base = "/v3/OS-OAUTH1/consumers"
	made := s.call(s.token, "POST", base, `{"consumer":{"description":"one"}}`).is(http.StatusCreated)
	id := made.text("consumer.id")
	if made.text("consumer.secret") == "" || made.text("consumer.description") != "one" || made.text("consumer.links.self") != s.url+base+"/"+id {
		t.Error(made.body)
	}
	for _, bad := range []string{`{}`, `{"consumer":{"description":1}}`, `{"consumer":{"secret":"x"}}`, `{"consumer":{"id":"x"}}`} {
		s.call(s.token, "PATCH", base+"/"+id, bad).is(http.StatusBadRequest)
	}
	s.call(s.token, "PATCH", base+"/"+id, `{"consumer":{"description":"two"}}`).is(200)
	for _, path := range []string{base + "/" + id, base} {
		if shown := s.call(s.token, "GET", path, "").is(200); shown.get("consumer.secret") != nil || shown.get("consumers.0.secret") != nil {
			t.Error("the secret is told again: " + shown.body)
		}
	}
	s.call(s.token, "POST", base, `{"consumer":{}}`).is(http.StatusCreated)
	if list := s.call(s.token, "GET", base+"?limit=1", "").is(200); list.len("consumers") != 1 || list.get("links.next") == nil {
		t.Error(list.body)
	}
	demo := s.signIn("demo", demoPassword, "")
	s.call(demo, "GET", base+"/"+id, "").is(http.StatusForbidden)
	s.call(demo, "POST", base, `{"consumer":{}}`).is(http.StatusForbidden)
	s.call(s.token, "DELETE", base+"/"+id, "").is(204)
	s.call(s.token, "GET", base+"/"+id, "").is(404)
	s.call(s.token, "DELETE", base+"/"+id, "").is(404)
}

// TestAnApplicationSignsIn goes through the whole protocol with the Go library, by each method of signing.
func TestAnApplicationSignsIn(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	provider, err := gopher.AuthenticatedClient(ctx, gophercloud.AuthOptions{IdentityEndpoint: s.url + "/identity/v3", Username: "admin", Password: adminPassword,
		DomainName: "Default", TenantName: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	client, err := gopher.NewIdentityV3(provider, gophercloud.EndpointOpts{Region: "RegionOne"})
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := oauth1.CreateConsumer(ctx, client, oauth1.CreateConsumerOpts{Description: "reports"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []oauth1.SignatureMethod{oauth1.HMACSHA1, oauth1.PLAINTEXT} {
		s.actFor(client, consumer, method)
	}
}

func (s *site) actFor(client *gophercloud.ServiceClient, consumer *oauth1.Consumer, method oauth1.SignatureMethod) {
	s.t.Helper()
	ctx, user := context.Background(), string(s.made.AdminUserID)
	ok := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	ask := oauth1.RequestTokenOpts{OAuthConsumerKey: consumer.ID, OAuthConsumerSecret: consumer.Secret, OAuthSignatureMethod: method, RequestedProjectID: string(s.made.AdminProjectID)}
	request, err := oauth1.RequestToken(ctx, client, ask).Extract()
	ok(err)
	granted, err := oauth1.AuthorizeToken(ctx, client, request.OAuthToken, oauth1.AuthorizeTokenOpts{Roles: []oauth1.Role{{Name: "reader"}}}).Extract()
	ok(err)
	access, err := oauth1.CreateAccessToken(ctx, client, oauth1.CreateAccessTokenOpts{OAuthConsumerKey: consumer.ID, OAuthConsumerSecret: consumer.Secret, OAuthSignatureMethod: method,
		OAuthToken: request.OAuthToken, OAuthTokenSecret: request.OAuthTokenSecret, OAuthVerifier: granted.OAuthVerifier}).Extract()
	ok(err)
	shown, err := oauth1.GetAccessToken(ctx, client, user, access.OAuthToken).Extract()
	ok(err)
	if shown.ConsumerID != consumer.ID || shown.AuthorizingUserID != user || shown.ProjectID != string(s.made.AdminProjectID) || shown.ExpiresAt == nil {
		s.t.Errorf("shown as %+v", shown)
	}
	path := "/v3/users/" + user + "/OS-OAUTH1/access_tokens"
	role := s.call(s.token, "GET", path+"/"+access.OAuthToken+"/roles", "").is(200).text("roles.0.id")
	s.call(s.token, "GET", path+"/"+access.OAuthToken+"/roles/"+role, "").is(200)
	s.call(s.token, "GET", path+"/"+access.OAuthToken+"/roles/none", "").is(404)
	for _, secret := range []string{access.OAuthTokenSecret, "wrong"} {
		in := oauth1.Create(ctx, client, oauth1.AuthOptions{OAuthConsumerKey: consumer.ID, OAuthConsumerSecret: consumer.Secret, OAuthSignatureMethod: method,
			OAuthToken: access.OAuthToken, OAuthTokenSecret: secret})
		if secret == "wrong" {
			if !gophercloud.ResponseCodeIs(in.Err, http.StatusUnauthorized) {
				s.t.Errorf("a wrong signature is answered with %v", in.Err)
			}
			continue
		}
		var token struct {
			tokens.Token
			oauth1.TokenExt
		}
		ok(in.ExtractInto(&token))
		if token.OAuth1.ConsumerID != consumer.ID || token.OAuth1.AccessTokenID != access.OAuthToken {
			s.t.Errorf("the token says %+v", token)
		}
	}
	ok(oauth1.RevokeAccessToken(ctx, client, user, access.OAuthToken).ExtractErr())
	if list := s.call(s.token, "GET", path, "").is(200); list.len("access_tokens") != 0 {
		s.t.Error(list.body)
	}
}

// TestASignatureForTheOtherPath: the API is served below two, and which one was signed does not matter.
func TestASignatureForTheOtherPath(t *testing.T) {
	s := newSite(t)
	made := s.admin("POST", "/v3/OS-OAUTH1/consumers", `{"consumer":{}}`).is(http.StatusCreated)
	for nonce, signed := range []string{"/v3", "/identity/v3", "/other/v3"} {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		params := "oauth_consumer_key=" + made.text("consumer.id") + "&oauth_nonce=" + strconv.Itoa(nonce) + "&oauth_signature_method=HMAC-SHA1&oauth_timestamp=" + at
		h := hmac.New(sha1.New, []byte(made.text("consumer.secret")+"&"))
		h.Write([]byte("POST&" + url.QueryEscape(s.url+signed+"/OS-OAUTH1/request_token") + "&" + url.QueryEscape(params)))
		header := `OAuth ` + strings.ReplaceAll(params, "&", ", ") + `, oauth_signature="` + url.QueryEscape(base64.StdEncoding.EncodeToString(h.Sum(nil))) + `"`
		want := http.StatusCreated
		if signed == "/other/v3" {
			want = http.StatusUnauthorized
		}
		s.call("", "POST", "/identity/v3/OS-OAUTH1/request_token", "", "Authorization", header, "Requested-Project-Id", string(s.made.AdminProjectID)).is(want)
	}
}

// TestUnsignedRequests: what misses a part is the client's mistake, what does not fit is not believed.
func TestUnsignedRequests(t *testing.T) {
	s := newSite(t)
	const oauth = `OAuth oauth_consumer_key="none", oauth_signature_method="PLAINTEXT", oauth_signature="x%26"`
	s.call("", "POST", "/v3/OS-OAUTH1/request_token", "").is(400)
	s.call("", "POST", "/v3/OS-OAUTH1/access_token", "").is(400)
	s.call("", "POST", "/v3/OS-OAUTH1/request_token", "", "Authorization", oauth).is(400)
	s.call("", "POST", "/v3/OS-OAUTH1/request_token", "", "Authorization", oauth, "Requested-Project-Id", "x").is(404)
	s.call("", "POST", "/v3/OS-OAUTH1/access_token", "", "Authorization", oauth).is(400)
	const signIn = `{"auth":{"identity":{"methods":["oauth1"],"oauth1":{}}}}`
	s.call("", "POST", "/v3/auth/tokens", signIn).is(400)
	s.call("", "POST", "/v3/auth/tokens", signIn, "Authorization", oauth).is(401)
	s.call(s.token, "PUT", "/v3/OS-OAUTH1/authorize/none", `{"roles":[{"name":"reader"}]}`).is(404)
}
