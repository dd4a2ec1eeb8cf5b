package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// sealingSetting holds the key of what is stored sealed. It is not one of the token keys: those are dropped
// when a token may have leaked, and what they had sealed would be lost.
const sealingSetting cloud.SettingID = "identity/sealing-key"

const sealingKeyBytes = 32 // AES-256

// makeSealingKey makes the key the first time.
func (s *Service) makeSealingKey(ctx context.Context) error {
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, string(sealingSetting)); err != nil {
			return err
		}
		var key []byte
		if err := s.setting(ctx, sealingSetting, &key); err != nil || key != nil {
			return err
		}
		key = make([]byte, sealingKeyBytes)
		if _, err := rand.Read(key); err != nil {
			return err
		}
		return s.putSetting(ctx, sealingSetting, key)
	})
	if err != nil {
		return fmt.Errorf("sealing key: %w", err)
	}
	return nil
}

// box seals and opens with the stored key.
type box struct{ cipher.AEAD }

func (s *Service) box(ctx context.Context) (box, error) {
	var key []byte
	if err := s.setting(ctx, sealingSetting, &key); err != nil {
		return box{}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return box{}, fmt.Errorf("sealing key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	return box{aead}, err
}

// Seal makes of a secret what the store may hold: only Open, with the same id, makes the secret of it again.
func (s *Service) Seal(ctx context.Context, id, text string) ([]byte, error) {
	b, err := s.box(ctx)
	if err != nil {
		return nil, err
	}
	return b.seal(id, text)
}

// Open is the reverse of Seal. It fails for what this cloud did not seal under the id.
func (s *Service) Open(ctx context.Context, id string, sealed []byte) (string, error) {
	b, err := s.box(ctx)
	if err != nil {
		return "", err
	}
	return b.open(id, sealed)
}

// seal binds the text to the id of its row, so that rows cannot be exchanged for one another.
func (b box) seal(id, text string) ([]byte, error) {
	nonce := make([]byte, b.NonceSize(), b.NonceSize()+len(text)+b.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("nonce: %w", err)
	}
	return b.Seal(nonce, nonce, []byte(text), []byte(id)), nil
}

func (b box) open(id string, sealed []byte) (string, error) {
	if len(sealed) < b.NonceSize() {
		return "", fmt.Errorf("what is sealed of %s is cut short", id)
	}
	n := b.NonceSize()
	text, err := b.Open(nil, sealed[:n], sealed[n:], []byte(id))
	if err != nil {
		return "", fmt.Errorf("what is sealed of %s does not open: %w", id, err)
	}
	return string(text), nil
}

// sealValue writes a value as a text that others may carry and only openValue, under the same name, reads.
func (s *Service) sealValue(ctx context.Context, name string, v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sealed, err := s.Seal(ctx, name, string(text))
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// openValue is the reverse of sealValue. It fails for what this cloud did not seal under the name.
func (s *Service) openValue(ctx context.Context, name, sealed string, v any) error {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return fmt.Errorf("what is sealed as %s does not read: %w", name, err)
	}
	text, err := s.Open(ctx, name, raw)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), v)
}
