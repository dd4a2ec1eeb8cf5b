package openid

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

const (
	keysMax    = 100 // of one issuer: a token that names no key is tried with all
	rsaBitsMin = 2048
)

// keySet are an issuer's public keys.
type keySet struct{ keys []jose.JSONWebKey }

func (i *issuer) fetchKeys(ctx context.Context) (*keySet, error) {
	d, err := i.document(ctx)
	if err != nil {
		return nil, err
	}
	var published struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := i.c.getJSON(ctx, d.Keys, &published); err != nil {
		return nil, err
	}
	if len(published.Keys) > keysMax {
		return nil, fmt.Errorf("the issuer publishes %d keys; %d are read at most", len(published.Keys), keysMax)
	}
	var set keySet
	for _, raw := range published.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && signs(key) { // keys of kinds that we do not know are other people's business
			set.keys = append(set.keys, key)
		}
	}
	if len(set.keys) == 0 { // not believed: it would sign everybody out
		return nil, errors.New("the issuer publishes no key that signs")
	}
	return &set, nil
}

// signs says whether a key is a public one, strong enough, and not for encryption. A shared secret in a published set is none.
func signs(key jose.JSONWebKey) bool {
	if key.Use != "" && key.Use != "sig" || !key.Valid() {
		return false
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= rsaBitsMin
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// named are the keys that a token with such a header may be signed with: those of its kid, or all if it has none.
func (s *keySet) named(kid string) []jose.JSONWebKey {
	if kid == "" {
		return s.keys
	}
	var found []jose.JSONWebKey
	for _, key := range s.keys {
		if key.KeyID == kid {
			found = append(found, key)
		}
	}
	return found
}

// payload is what a token says, if one of the issuer's keys signed it. A kid that is not known may be a new one, so the keys
// are fetched again; not more often than the pause allows, whatever strangers make up.
func (i *issuer) payload(ctx context.Context, token *jose.JSONWebSignature) ([]byte, error) {
	set, err := i.keys.get(ctx)
	if err != nil {
		return nil, i.keysUnreachable(err)
	}
	kid := token.Signatures[0].Header.KeyID
	if payload, ok := verify(token, set.named(kid)); ok {
		return payload, nil
	}
	if kid != "" && len(set.named(kid)) > 0 {
		return nil, i.refuse(BadSignature, "key '%.80s' did not sign it", kid)
	}
	if set, err = i.keys.renew(ctx); err != nil {
		return nil, i.keysUnreachable(err)
	}
	keys := set.named(kid)
	if len(keys) == 0 {
		return nil, i.refuse(UnknownKey, "there is no key '%.80s'", kid)
	}
	payload, ok := verify(token, keys)
	if !ok {
		return nil, i.refuse(BadSignature, "none of the issuer's keys signed it")
	}
	return payload, nil
}

func (i *issuer) keysUnreachable(err error) error {
	var already *Unreachable
	if errors.As(err, &already) {
		return already
	}
	return i.unreachable("keys", err)
}

func verify(token *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, bool) {
	alg := token.Signatures[0].Header.Algorithm
	for _, key := range keys {
		if key.Algorithm != "" && key.Algorithm != alg {
			continue
		}
		if payload, err := token.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}
