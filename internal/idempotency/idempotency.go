// Package idempotency makes creates repeatable: the first request with a key does its work, each later one with the
// same key gets the same answer. Both the work and the memory of it are one transaction, so that a
// caller whose connection broke off may ask again whatever has happened meanwhile.
//
// It knows no noun and no protocol: a dialect hands it what identifies the request and a function that
// answers it.
//
//	dialect -> Once -> lock the key -> seen: open the sealed answer
//	                                -> new:  make, seal the answer, remember it
//
// An answer may hold a secret that the store keeps as a hash only (a new credential). So it is sealed with the key
// of the client, which the store does not have: neither the key nor the request can be read from a row.
package idempotency

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// lifetime is how long a request may be repeated with its key.
const lifetime = 24 * time.Hour

// keyMax bounds a key in bytes.
const keyMax = 255

// Deps is what a Service stands on.
type Deps struct {
	Records cloud.Records[cloud.Idempotency, string]
	Tx      cloud.Transactor
	Now     func() time.Time
}

// Service remembers answers.
type Service struct{ Deps }

// New makes a Service.
func New(d Deps) *Service { return &Service{d} }

// Request is what was asked for. Scope names the API and the collection, Body is all that
// makes the request another one.
type Request struct {
	Scope, Key string
	Body       []byte
}

// Once answers what create answers, and the same to every request of the caller with that key. The key with another body is a Conflict.
// create runs in a transaction, more than once if the store asks for it; an error of it is not remembered.
func (s *Service) Once(ctx context.Context, r Request, create func(ctx context.Context) ([]byte, error)) (answer []byte, err error) {
	if len(r.Key) > keyMax {
		return nil, cloud.Invalidf("request", "key", "The idempotency key is longer than %d characters.", keyMax)
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		answer, err = s.once(ctx, r, create)
		return err
	})
	return answer, err
}

func (s *Service) once(ctx context.Context, r Request, create func(ctx context.Context) ([]byte, error)) ([]byte, error) {
	id := rowID(cloud.PrincipalOf(ctx), r)
	if err := s.Tx.Lock(ctx, "idempotency/"+id); err != nil {
		return nil, err
	}
	seen, err := s.Records.Get(ctx, id)
	switch {
	case err == nil && seen.ExpiresAt.After(s.Now()):
		return again(seen, r)
	case err == nil:
		err = s.Records.Delete(ctx, id)
	case cloud.Is(err, cloud.NotFound):
		err = nil
	}
	if err != nil {
		return nil, err
	}
	answer, err := create(ctx)
	if err != nil {
		return nil, err
	}
	sealed, err := seal(r.Key, answer)
	if err != nil {
		return nil, err
	}
	return answer, s.Records.Insert(ctx, &cloud.Idempotency{ID: id, Fingerprint: fingerprint(r), Answer: sealed, ExpiresAt: s.Now().Add(lifetime)})
}

func again(seen *cloud.Idempotency, r Request) ([]byte, error) {
	if seen.Fingerprint != fingerprint(r) {
		return nil, cloud.Errorf(cloud.Conflict, "request", "", "The idempotency key was used before with another request.")
	}
	return unseal(r.Key, seen.Answer)
}

// rowID tells the keys of callers, scopes and collections apart without showing the key.
func rowID(p *cloud.Principal, r Request) string {
	return keyed(r.Key, "id", string(p.UserID), string(p.ProjectID), string(p.DomainID), r.Scope)
}

func fingerprint(r Request) string { return keyed(r.Key, "body", string(r.Body)) }

func keyed(key string, parts ...string) string {
	h := hmac.New(sha256.New, []byte(key))
	for _, p := range parts {
		sum := sha256.Sum256([]byte(p)) // of equal length: no two lists of parts are alike
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sealer(key string) (cipher.AEAD, error) {
	sum := hmac.New(sha256.New, []byte(key))
	sum.Write([]byte("answer"))
	block, err := aes.NewCipher(sum.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func seal(key string, answer []byte) ([]byte, error) {
	a, err := sealer(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, a.NonceSize())
	rand.Read(nonce) // never fails
	return a.Seal(nonce, nonce, answer, nil), nil
}

func unseal(key string, sealed []byte) ([]byte, error) {
	a, err := sealer(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < a.NonceSize() {
		return nil, errors.New("a remembered answer is cut short")
	}
	return a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], nil)
}
