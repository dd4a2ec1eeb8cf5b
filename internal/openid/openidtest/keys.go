package openidtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// key is one that the provider signs with.
type key struct {
	id        string
	algorithm jose.SignatureAlgorithm
	private   any
	public    any
}

// firstKey is the RSA key that every provider of a process begins with: making one takes long.
var firstKey = sync.OnceValue(func() key {
	k := must(rsa.GenerateKey(rand.Reader, 2048))
	return key{id: "first", algorithm: jose.RS256, private: k, public: k.Public()}
})

func newKey() key {
	k := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	return key{id: rand.Text(), algorithm: jose.ES256, private: k, public: k.Public()}
}

// must is for what fails only if the machine is broken.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// signing and published are a key as zitadel sees it.
type (
	signing   struct{ key }
	published struct{ key }
)

var (
	_ op.SigningKey = signing{}
	_ op.Key        = published{}
)

func (s signing) ID() string                                  { return s.id }
func (s signing) Key() any                                    { return s.private }
func (s signing) SignatureAlgorithm() jose.SignatureAlgorithm { return s.algorithm }

func (p published) ID() string                         { return p.id }
func (p published) Key() any                           { return p.public }
func (p published) Use() string                        { return "sig" }
func (p published) Algorithm() jose.SignatureAlgorithm { return p.algorithm }

// Rotate signs with a new key from now on. The keys before are published no longer, unless keep.
func (p *Provider) Rotate(keep bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !keep {
		p.keys = nil
	}
	p.keys = append(p.keys, newKey())
}

func (p *Provider) current() key {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys[len(p.keys)-1]
}

// Sign makes a JWT of claims with the provider's own key: what a provider gone wrong may say. typ is the header's; empty: none.
func (p *Provider) Sign(typ string, claims map[string]any) string {
	return sign(p.current(), typ, claims)
}

// SignForeign makes one with a key that the provider never had, under the name of its own or under kid.
func (p *Provider) SignForeign(kid string, claims map[string]any) string {
	k := newKey()
	if k.id = kid; kid == "" {
		k.id = p.current().id
	}
	return sign(k, "JWT", claims)
}

// SignNot makes one that nobody signed.
func SignNot(claims map[string]any) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(must(json.Marshal(claims))) + "."
}

// SignWithPublicKey makes one whose HMAC secret is the provider's public key, which everybody has.
func (p *Provider) SignWithPublicKey(claims map[string]any) string {
	k := p.current()
	secret := must(x509.MarshalPKIXPublicKey(k.public))
	return sign(key{id: k.id, algorithm: jose.HS256, private: secret}, "JWT", claims)
}

func sign(k key, typ string, claims map[string]any) string {
	options := &jose.SignerOptions{}
	if typ != "" {
		options.WithType(jose.ContentType(typ))
	}
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}}, options))
	return must(must(signer.Sign(must(json.Marshal(claims)))).CompactSerialize())
}
