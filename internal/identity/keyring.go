package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// TokenPrefix starts every token, so that secret scanners and people recognise one.
const TokenPrefix = "nubo1."

const (
	keyIDBytes = 4
	nonceBytes = 12
	tagBytes   = 16
	// tokenMax bounds what is looked at; our own are below 1 KiB.
	tokenMax = 8 << 10
	// keyLifetime is after how long new tokens get a new key. Random nonces of 96 bits are
	// good for some 2^32 tokens per key, 1,600 a second for this long.
	keyLifetime                 = 30 * 24 * time.Hour
	keysSetting cloud.SettingID = "identity/token-keys"
)

// tokenKey is one key as it is stored.
type tokenKey struct {
	ID        uint32    `json:"id"`
	Secret    []byte    `json:"secret"` // 32 bytes, AES-256
	CreatedAt time.Time `json:"created_at"`
}

// keyring seals with its newest key and opens with any it has.
type keyring struct {
	mu      sync.RWMutex
	newest  uint32
	looked  time.Time // for keys of other processes
	sealers map[uint32]cipher.AEAD
}

var errToken = errors.New("the token is not one of ours")

func (k *keyring) set(keys []tokenKey) error {
	sealers := map[uint32]cipher.AEAD{}
	var newest tokenKey
	for _, key := range keys {
		block, err := aes.NewCipher(key.Secret)
		if err != nil {
			return fmt.Errorf("token key %08x: %w", key.ID, err)
		}
		if sealers[key.ID], err = cipher.NewGCM(block); err != nil {
			return fmt.Errorf("token key %08x: %w", key.ID, err)
		}
		if newest.Secret == nil || key.CreatedAt.After(newest.CreatedAt) {
			newest = key
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.newest, k.sealers = newest.ID, sealers
	return nil
}

func (k *keyring) sealer(id uint32) (cipher.AEAD, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	a, ok := k.sealers[id]
	return a, ok
}

func (k *keyring) newestSealer() (uint32, cipher.AEAD) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.newest, k.sealers[k.newest]
}

// seal makes a token: prefix, then key id, nonce and sealed claims in base64url.
func (k *keyring) seal(prefix string, plain []byte) (string, error) {
	id, aead := k.newestSealer()
	if aead == nil {
		return "", errors.New("no token key: identity was not loaded")
	}
	b := make([]byte, keyIDBytes+nonceBytes, keyIDBytes+nonceBytes+len(plain)+tagBytes)
	binary.BigEndian.PutUint32(b, id)
	nonce := b[keyIDBytes:]
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("token nonce: %w", err)
	}
	b = aead.Seal(b, nonce, plain, []byte(prefix))
	return prefix + base64.RawURLEncoding.EncodeToString(b), nil
}

// keyOf is the id of the key that a token names.
func keyOf(prefix, token string) (uint32, []byte, error) {
	text, ok := strings.CutPrefix(token, prefix)
	if !ok || len(token) > tokenMax {
		return 0, nil, errToken
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < keyIDBytes+nonceBytes+tagBytes {
		return 0, nil, errToken
	}
	return binary.BigEndian.Uint32(b), b[keyIDBytes:], nil
}

// open is the reverse of seal. It fails for anything that seal did not make with the prefix.
func (k *keyring) open(prefix, token string) ([]byte, error) {
	id, sealed, err := keyOf(prefix, token)
	if err != nil {
		return nil, err
	}
	aead, ok := k.sealer(id)
	if !ok {
		return nil, errToken
	}
	plain, err := aead.Open(sealed[nonceBytes:nonceBytes], sealed[:nonceBytes], sealed[nonceBytes:], []byte(prefix))
	if err != nil {
		return nil, errToken
	}
	return plain, nil
}

// loadKeys reads the keys, making the first one.
func (s *Service) loadKeys(ctx context.Context) error {
	return s.changeKeys(ctx, func(keys []tokenKey) ([]tokenKey, bool) {
		if len(keys) > 0 {
			return keys, false
		}
		return []tokenKey{newTokenKey(s.now())}, true
	})
}

// RotateKeys gives new tokens a new key. Tokens of older keys stay good until they expire.
func (s *Service) RotateKeys(ctx context.Context) error {
	return s.changeKeys(ctx, func(keys []tokenKey) ([]tokenKey, bool) {
		return append(s.usable(keys), newTokenKey(s.now())), true
	})
}

// DropKeys voids all tokens ever issued: for when a key may have leaked.
func (s *Service) DropKeys(ctx context.Context) error {
	return s.changeKeys(ctx, func([]tokenKey) ([]tokenKey, bool) { return []tokenKey{newTokenKey(s.now())}, true })
}

func (s *Service) rotateDueKeys(ctx context.Context) error {
	return s.changeKeys(ctx, func(keys []tokenKey) ([]tokenKey, bool) {
		if len(keys) > 0 && s.now().Sub(newestOf(keys).CreatedAt) < keyLifetime {
			return keys, false
		}
		return append(s.usable(keys), newTokenKey(s.now())), true
	})
}

// usable leaves out keys whose last tokens have expired.
func (s *Service) usable(keys []tokenKey) []tokenKey {
	var kept []tokenKey
	newest := newestOf(keys)
	for _, k := range keys {
		if k.ID == newest.ID || s.now().Sub(k.CreatedAt) < keyLifetime+sealedMax {
			kept = append(kept, k)
		}
	}
	return kept
}

func newestOf(keys []tokenKey) tokenKey {
	var newest tokenKey
	for _, k := range keys {
		if newest.Secret == nil || k.CreatedAt.After(newest.CreatedAt) {
			newest = k
		}
	}
	return newest
}

// changeKeys lets f change the stored keys and takes over what is stored then.
func (s *Service) changeKeys(ctx context.Context, f func([]tokenKey) ([]tokenKey, bool)) error {
	var keys []tokenKey
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		keys = nil
		if err := s.Tx.Lock(ctx, string(keysSetting)); err != nil {
			return err
		}
		if err := s.setting(ctx, keysSetting, &keys); err != nil {
			return err
		}
		var changed bool
		if keys, changed = f(keys); !changed {
			return nil
		}
		return s.putSetting(ctx, keysSetting, keys)
	})
	if err != nil {
		return fmt.Errorf("token keys: %w", err)
	}
	return s.keys.set(keys)
}

// refreshKeys takes over keys that another process has made.
func (s *Service) refreshKeys(ctx context.Context) error {
	var keys []tokenKey
	if err := s.setting(ctx, keysSetting, &keys); err != nil {
		return fmt.Errorf("token keys: %w", err)
	}
	return s.keys.set(keys)
}

func newTokenKey(now time.Time) tokenKey {
	b := make([]byte, keyIDBytes+32)
	if _, err := rand.Read(b); err != nil {
		panic("identity: no randomness: " + err.Error()) // the kernel's generator cannot fail
	}
	return tokenKey{ID: binary.BigEndian.Uint32(b), Secret: b[keyIDBytes:], CreatedAt: now}
}

// mayLook tells whether the store may be asked for new keys: once a second.
func (k *keyring) mayLook(now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.looked) < time.Second {
		return false
	}
	k.looked = now
	return true
}
