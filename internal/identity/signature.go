package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Signature is a request that an application signed with its own secret and, if it names one, that of a key it was given.
type Signature struct {
	Application cloud.ApplicationID
	Key         string // the id of a DelegationRequest or a Delegation
	Verifier    string
	// At and Nonce make the signature good for once; a method of signing that hides nothing has neither.
	At    time.Time
	Nonce string
	// Verify is given the two secrets; the second is empty without a key.
	Verify func(application, key string) bool
}

// signatureLife is how far the clock of who signs may be off, and so how long a signature is remembered.
const signatureLife = 10 * time.Minute

// checkSignature finds the application and verifies its signature; sealed is the secret of the key, nil without one.
// Inside an Update it makes sure that the signature is not used again.
func (s *Service) checkSignature(ctx context.Context, sig Signature, sealed []byte) (*cloud.Application, error) {
	a, err := s.Applications.Get(ctx, sig.Application)
	if err != nil {
		return nil, err
	}
	b, err := s.box(ctx)
	if err != nil {
		return nil, err
	}
	secret, err := b.open(string(a.ID), a.Sealed)
	if err != nil {
		return nil, err
	}
	var key string
	if sealed != nil {
		if key, err = b.open(sig.Key, sealed); err != nil {
			return nil, err
		}
	}
	if !sig.Verify(secret, key) {
		return nil, unsigned("The signature does not fit the request.")
	}
	return a, s.useSignature(ctx, sig)
}

func unsigned(why string) *cloud.Error {
	return &cloud.Error{Kind: cloud.Unauthenticated, Resource: "application", Message: why}
}

// useSignature refuses a signature that is old, or that was accepted before.
func (s *Service) useSignature(ctx context.Context, sig Signature) error {
	if sig.Nonce == "" && sig.At.IsZero() {
		return nil
	}
	if off := s.now().Sub(sig.At); off > signatureLife || off < -signatureLife {
		return unsigned("The time of the signature is too far from the cloud's.")
	}
	err := s.UsedSignatures.Insert(ctx, &cloud.UsedSignature{ID: sig.mark(), ExpiresAt: sig.At.Add(signatureLife)})
	if cloud.Is(err, cloud.AlreadyExists) {
		return unsigned("The signature was used before; each needs a nonce of its own.")
	}
	return err
}

// mark is the same for two signatures if one is the other repeated.
func (sig Signature) mark() string {
	parts := []string{string(sig.Application), sig.Key, sig.At.UTC().Format(time.RFC3339), sig.Nonce}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:])
}
