package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/saml"
)

// samlKeySetting holds the key that requests are signed and assertions deciphered with, made when it is first needed.
const samlKeySetting cloud.SettingID = "identity/saml-key"

// samlKey is a key and the certificate that carries its public half to identity providers. They look at nothing else in it, and
// changing it is work for all of them: so it is good for long.
type samlKey struct {
	Sealed      []byte `json:"sealed"` // PKCS #8
	Certificate []byte `json:"certificate"`
}

const (
	samlKeyBits  = 3072
	samlKeyYears = 20
)

// serviceProvider is this cloud as seen at a site.
func (s *Service) serviceProvider(ctx context.Context, at Site) (*saml.ServiceProvider, error) {
	kept, err := s.samlKey(ctx)
	if err != nil {
		return nil, err
	}
	key, certificate, err := s.openSAMLKey(ctx, kept)
	if err != nil {
		return nil, fmt.Errorf("SAML key: %w", err)
	}
	return &saml.ServiceProvider{EntityID: at.EntityID, ACS: at.ACS, PAOS: at.PAOS, Key: key, Certificate: certificate, Now: s.now}, nil
}

func (s *Service) openSAMLKey(ctx context.Context, kept samlKey) (crypto.Signer, *x509.Certificate, error) {
	text, err := s.Open(ctx, string(samlKeySetting), kept.Sealed)
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

// samlKey answers the key, which is made once for all processes.
func (s *Service) samlKey(ctx context.Context) (kept samlKey, err error) {
	if err := s.setting(ctx, samlKeySetting, &kept); err != nil || kept.Sealed != nil {
		return kept, err
	}
	made, err := s.makeSAMLKey(ctx) // which takes its time, so not in the transaction
	if err != nil {
		return kept, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, string(samlKeySetting)); err != nil {
			return err
		}
		if err := s.setting(ctx, samlKeySetting, &kept); err != nil || kept.Sealed != nil {
			return err
		}
		kept = made
		return s.putSetting(ctx, samlKeySetting, made)
	})
	return kept, err
}

func (s *Service) makeSAMLKey(ctx context.Context) (made samlKey, err error) {
	key, err := rsa.GenerateKey(rand.Reader, samlKeyBits)
	if err != nil {
		return made, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return made, err
	}
	if made.Sealed, err = s.Seal(ctx, string(samlKeySetting), base64.StdEncoding.EncodeToString(der)); err != nil {
		return made, err
	}
	now := s.now()
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Nubo SAML"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(samlKeyYears, 0, 0)}
	made.Certificate, err = x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	return made, err
}
