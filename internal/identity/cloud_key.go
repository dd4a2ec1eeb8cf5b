package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// cloudKey names a key that the cloud signs with, which is made when it is first needed, with a certificate for those who check.
type cloudKey struct {
	setting cloud.SettingID
	bits    int
	name    string // on the certificate
}

// documentKey signs what guests show to others to prove which instance they are.
var documentKey = cloudKey{setting: "identity/document-key", bits: 2048, name: "Nubo instance identity"}

const cloudKeyYears = 20

// keptKey is how a key is stored.
type keptKey struct {
	Sealed      []byte `json:"sealed"` // PKCS #8
	Certificate []byte `json:"certificate"`
}

// DocumentKey is the key that instances' identity documents are signed with, and its certificate.
func (s *Service) DocumentKey(ctx context.Context) (crypto.Signer, *x509.Certificate, error) {
	return s.keyPair(cloud.WithPrincipal(ctx, cloud.System()), documentKey)
}

// keyPair answers a key, which is made once for all processes.
func (s *Service) keyPair(ctx context.Context, k cloudKey) (crypto.Signer, *x509.Certificate, error) {
	kept, err := s.keptKey(ctx, k)
	if err != nil {
		return nil, nil, err
	}
	text, err := s.Open(ctx, string(k.setting), kept.Sealed)
	if err != nil {
		return nil, nil, err
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(kept.Certificate)
	return key.(crypto.Signer), certificate, err
}

func (s *Service) keptKey(ctx context.Context, k cloudKey) (kept keptKey, err error) {
	if err := s.setting(ctx, k.setting, &kept); err != nil || kept.Sealed != nil {
		return kept, err
	}
	made, err := s.makeKey(ctx, k) // which takes its time, so not in the transaction
	if err != nil {
		return kept, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, string(k.setting)); err != nil {
			return err
		}
		if err := s.setting(ctx, k.setting, &kept); err != nil || kept.Sealed != nil {
			return err
		}
		kept = made
		return s.putSetting(ctx, k.setting, made)
	})
	return kept, err
}

func (s *Service) makeKey(ctx context.Context, k cloudKey) (made keptKey, err error) {
	key, err := rsa.GenerateKey(rand.Reader, k.bits)
	if err != nil {
		return made, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return made, err
	}
	if made.Sealed, err = s.Seal(ctx, string(k.setting), base64.StdEncoding.EncodeToString(der)); err != nil {
		return made, err
	}
	now := s.now()
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: k.name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(cloudKeyYears, 0, 0)}
	made.Certificate, err = x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	return made, err
}
