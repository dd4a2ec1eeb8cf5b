package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// An access key is a name to show and a secret to sign with, for front ends whose requests are signed. It is a Secret of one type, whose
// text is JSON and whose id is made of the access key, which makes the access key unique and finds it.

// AccessKeyType is the type of such a secret.
const AccessKeyType = "ec2"

// AccessKey is the text of such a secret.
type AccessKey struct {
	Access string `json:"access"`
	Secret string `json:"secret"`
}

// NewAccessKey makes one up.
func NewAccessKey() AccessKey { return AccessKey{Access: cloud.NewHexID(), Secret: rand.Text()} }

// Text is the text of the secret that keeps it.
func (k AccessKey) Text() string {
	text, err := json.Marshal(k)
	if err != nil {
		panic("identity: two strings do not encode: " + err.Error())
	}
	return string(text)
}

// AccessKeyID is the id of the secret that an access key is kept in.
func AccessKeyID(access string) cloud.SecretID {
	sum := sha256.Sum256([]byte(access))
	return cloud.SecretID(hex.EncodeToString(sum[:]))
}

// ParseAccessKey reads the text of a secret of that type.
func ParseAccessKey(text string) (k AccessKey, err error) {
	if json.Unmarshal([]byte(text), &k) != nil || k.Access == "" {
		return k, cloud.Invalidf("credential", "blob", "The blob of a credential of type %s is JSON with 'access' and 'secret'.", AccessKeyType)
	}
	return k, nil
}

// AdmitSigned turns what somebody signed with an access key into the caller, its owner on its project. verify is given the secret, once
// the key is known to be good. It answers Unauthenticated for a key that is none, or whose owner may not come in, and for a signature
// that verify refuses. What voids tokens voids what is remembered of a key: the store is asked again then, and now and again anyway.
func (s *Service) AdmitSigned(ctx context.Context, access string, verify func(secret string) bool) (*cloud.Principal, error) {
	k, err := s.standingKey(ctx, AccessKeyID(access))
	if err != nil {
		return nil, err
	}
	if !verify(k.secret) {
		return nil, refused()
	}
	return k.claims.principal(), nil
}

// standingKey is an access key and what its owner may.
type standingKey struct {
	secret string
	claims *claims
}

// keyRemembered is how long a key is not looked up again: roles that its owner is given count after it at the latest.
const keyRemembered = 5 * time.Second

// standingKey finds an access key, in memory if what is there holds.
func (s *Service) standingKey(ctx context.Context, id cloud.SecretID) (*standingKey, error) {
	if k, ok := s.accessKeys.get(id); ok && s.now().Before(k.claims.Expires) && !s.moments.void(k.claims) {
		return k, nil
	}
	k, err := s.readKey(ctx, id)
	if err != nil {
		return nil, refusedIfMissing(err)
	}
	s.accessKeys.put(id, k)
	return k, nil
}

// readKey looks up an access key and lets its owner in, as for a token.
func (s *Service) readKey(ctx context.Context, id cloud.SecretID) (*standingKey, error) {
	// The moment is taken before anything is read, as for a token.
	issued := s.now().Truncate(time.Microsecond)
	v, err := s.Secrets.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	opened, err := s.openSecret(ctx, v)
	if err != nil {
		return nil, err
	}
	k, err := ParseAccessKey(opened.Text)
	if err != nil || v.Type != AccessKeyType {
		return nil, refused()
	}
	c, err := s.claimsOfKey(ctx, v, issued)
	return &standingKey{secret: k.Secret, claims: c}, err
}

func (s *Service) claimsOfKey(ctx context.Context, v *cloud.Secret, issued time.Time) (c *claims, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		u, err := s.Users.Get(ctx, v.UserID)
		if err != nil {
			return err
		}
		who, err := s.admit(ctx, &subject{user: u, methods: []string{MethodSigned}, secret: v.ID})
		if err != nil {
			return err
		}
		t, err := s.scoped(ctx, who, ScopeRequest{Project: &ProjectRef{ID: v.ProjectID}})
		if err != nil {
			return err
		}
		c = s.claim(who, t, issued)
		end := issued.Add(keyRemembered)
		c.expireBy(&end)
		return nil
	})
	return c, err
}

// keyCache remembers access keys. What changes about one voids its claims.
type keyCache struct {
	mu sync.RWMutex
	of map[cloud.SecretID]*standingKey
}

// keysRemembered bounds the cache; when it is full it starts anew.
const keysRemembered = 10_000

func newKeyCache() *keyCache { return &keyCache{of: map[cloud.SecretID]*standingKey{}} }

func (c *keyCache) get(id cloud.SecretID) (*standingKey, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k, ok := c.of[id]
	return k, ok
}

func (c *keyCache) put(id cloud.SecretID, k *standingKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.of) >= keysRemembered {
		clear(c.of)
	}
	c.of[id] = k
}
