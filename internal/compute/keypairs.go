package compute

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

func keyTarget(u cloud.UserID, name string) policy.Target {
	return policy.Target{Resource: "key pair", ID: name, UserID: u}
}

// KeyPairRequest asks for a key pair. Without a public key one is made, and the private half
// is answered once and kept nowhere.
type KeyPairRequest struct {
	User      cloud.UserID // empty: the caller
	Name      string
	PublicKey string
	Type      string // "ssh" (default) or "x509"
	// PrivateFingerprint and Labels are kept as they are.
	PrivateFingerprint string
	Labels             map[string]string
}

// CreateKeyPair records a public key. The second answer is the private key (PEM) if one was made.
func (s *Service) CreateKeyPair(ctx context.Context, r KeyPairRequest) (*cloud.KeyPair, string, error) {
	if r.User == "" {
		r.User = cloud.PrincipalOf(ctx).UserID
	}
	if err := policy.Authorize(ctx, "key pair.create", keyTarget(r.User, "")); err != nil {
		return nil, "", err
	}
	if err := checkKeyName(r.Name); err != nil {
		return nil, "", err
	}
	k := &cloud.KeyPair{ID: cloud.NewKeyPairID(r.User, r.Name), UserID: r.User, Name: r.Name, Type: r.Type, PublicKey: r.PublicKey,
		PrivateFingerprint: r.PrivateFingerprint, Meta: cloud.Meta{Labels: r.Labels}}
	if k.Type == "" {
		k.Type = "ssh"
	}
	private, err := completeKey(k)
	if err != nil {
		return nil, "", err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.reserveKeyPair(ctx, r.User); err != nil {
			return err
		}
		err := s.KeyPairs.Insert(ctx, k)
		if cloud.Is(err, cloud.AlreadyExists) {
			return cloud.Errorf(cloud.AlreadyExists, "key pair", r.Name, "Key pair '%s' already exists.", r.Name)
		}
		return err
	})
	return k, private, err
}

// reserveKeyPair counts a user's key pairs against the quota of the project the token is for.
func (s *Service) reserveKeyPair(ctx context.Context, u cloud.UserID) error {
	if err := s.Tx.Lock(ctx, "key-pairs/"+string(u)); err != nil {
		return err
	}
	limits, err := s.Quota.Limits(ctx, cloud.PrincipalOf(ctx).ProjectID)
	if err != nil {
		return err
	}
	n, err := s.KeyPairs.Count(ctx, cloud.Eq("user_id", u))
	if limit := limits[cloud.QuotaKeyPairs]; err == nil && limit != cloud.Unlimited && n >= limit {
		return &cloud.Error{Kind: cloud.QuotaExceeded, Resource: "quota", Field: cloud.QuotaKeyPairs, Message: "Quota exceeded, too many key pairs."}
	}
	return err
}

func checkKeyName(name string) error {
	ok := name != "" && len(name) <= 255 && strings.Trim(name, " ") == name
	for _, c := range name {
		ok = ok && c >= ' ' && c != 0x7f && c != '/'
	}
	if !ok {
		return cloud.Invalidf("key pair", "name", "Keypair data is invalid: the name must have 1 to 255 printable characters, no '/' and no space at its ends.")
	}
	return nil
}

func completeKey(k *cloud.KeyPair) (private string, err error) {
	if k.Type == "x509" {
		return completeCertificate(k)
	}
	if k.Type != "ssh" {
		return "", cloud.Invalidf("key pair", "type", "Invalid input for field/attribute type. '%s' is not one of ['ssh', 'x509']", k.Type)
	}
	if strings.TrimSpace(k.PublicKey) == "" {
		if private, err = generateKey(k); err != nil {
			return "", err
		}
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k.PublicKey))
	if err != nil {
		return "", cloud.Invalidf("key pair", "public_key", "Keypair data is invalid: failed to generate fingerprint.")
	}
	k.Fingerprint = ssh.FingerprintLegacyMD5(key)
	return private, nil
}

// generateKey makes an RSA key in its oldest form (PKCS #1), which every guest and client reads.
func generateKey(k *cloud.KeyPair) (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("generate key: %w", err)
	}
	public, err := ssh.NewPublicKey(&key.PublicKey)
	if err != nil {
		return "", fmt.Errorf("encode public key: %w", err)
	}
	k.PublicKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))) + " Generated-by-Nubo"
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})), nil
}

// KeyPair answers one key pair of a user (empty: the caller).
func (s *Service) KeyPair(ctx context.Context, u cloud.UserID, name string) (*cloud.KeyPair, error) {
	if u == "" {
		u = cloud.PrincipalOf(ctx).UserID
	}
	if err := policy.Authorize(ctx, "key pair.get", keyTarget(u, name)); err != nil {
		return nil, err
	}
	k, err := s.KeyPairs.Get(ctx, cloud.NewKeyPairID(u, name))
	if gone(err) {
		return nil, noKeyPair(u, name)
	}
	return k, err
}

func noKeyPair(u cloud.UserID, name string) error {
	return cloud.Errorf(cloud.NotFound, "key pair", name, "Keypair %s not found for user %s", name, u)
}

// ListKeyPairs answers the key pairs of a user (empty: the caller). The marker of q is a name.
func (s *Service) ListKeyPairs(ctx context.Context, u cloud.UserID, q cloud.Query) ([]*cloud.KeyPair, error) {
	if u == "" {
		u = cloud.PrincipalOf(ctx).UserID
	}
	if err := policy.Authorize(ctx, "key pair.get", keyTarget(u, "")); err != nil {
		return nil, err
	}
	if q.After != "" {
		q.After = string(cloud.NewKeyPairID(u, q.After))
	}
	q.Where = append(q.Where, cloud.Eq("user_id", u))
	q.Order = []cloud.Order{{Column: "name"}}
	return s.KeyPairs.List(ctx, q)
}

// ChangeKeyPairLabels changes the labels of one key pair of the caller's.
func (s *Service) ChangeKeyPairLabels(ctx context.Context, id cloud.KeyPairID, edit func(labels map[string]string) error) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		k, err := s.KeyPairs.Get(ctx, id)
		if err != nil {
			return err
		}
		if err := policy.Authorize(ctx, "key pair.create", keyTarget(k.UserID, k.Name)); err != nil {
			return err
		}
		if err := k.EditLabels(edit); err != nil {
			return err
		}
		return s.KeyPairs.Update(ctx, k)
	})
}

// DeleteKeyPair removes a key pair; instances keep the key they were made with.
func (s *Service) DeleteKeyPair(ctx context.Context, u cloud.UserID, name string) error {
	if u == "" {
		u = cloud.PrincipalOf(ctx).UserID
	}
	if err := policy.Authorize(ctx, "key pair.delete", keyTarget(u, name)); err != nil {
		return err
	}
	err := s.KeyPairs.Delete(ctx, cloud.NewKeyPairID(u, name))
	if gone(err) {
		return noKeyPair(u, name)
	}
	return err
}
