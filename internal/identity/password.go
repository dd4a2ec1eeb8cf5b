package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"
)

// Hashing is the cost of one Argon2id hash.
type Hashing struct {
	MemoryKiB uint32
	Passes    uint32
}

// DefaultHashing is Argon2id at the least-memory point of the settings that OWASP rates as equal
// (7 MiB, 5 passes, 1 lane). It costs a third of bcrypt's minimum in time here and, unlike bcrypt, makes
// an attacker pay for memory; 7 MiB times the processors is what sign-ins may hold at once.
var DefaultHashing = Hashing{MemoryKiB: 7 * 1024, Passes: 5}

const (
	saltBytes = 16
	hashBytes = 32
	// passwordMax bounds a password in bytes, as a guard of the hash.
	passwordMax = 4096
)

// hasher hashes secrets, as many at once as there are processors: more would only hold more memory.
type hasher struct {
	cost  Hashing
	slots chan struct{}
	// nobody is a hash that no password has, compared when there is no user, so that
	// the time taken does not tell whether there is one.
	nobody func() string
}

func newHasher(cost Hashing) *hasher {
	h := &hasher{cost: cost, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	h.nobody = sync.OnceValue(func() string { return h.encode(make([]byte, saltBytes), make([]byte, hashBytes)) })
	return h
}

func (h *hasher) encode(salt, sum []byte) string {
	e := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, h.cost.MemoryKiB, h.cost.Passes, e(salt), e(sum))
}

// hash makes the text that is stored for a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("password salt: %w", err)
	}
	sum, err := h.sum(ctx, password, salt, h.cost)
	if err != nil {
		return "", err
	}
	return h.encode(salt, sum), nil
}

func (h *hasher) sum(ctx context.Context, password string, salt []byte, cost Hashing) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password), salt, cost.Passes, cost.MemoryKiB, 1, hashBytes), nil
}

// matches compares a password with a stored hash in a time that does not depend on how much of it is right.
func (h *hasher) matches(ctx context.Context, stored, password string) (bool, error) {
	if sum, ok := strings.CutPrefix(stored, sha256Prefix); ok {
		return subtle.ConstantTimeCompare([]byte(sum), []byte(plainSum(password))) == 1, nil
	}
	cost, salt, want, err := parseHash(stored)
	if err != nil {
		return false, err
	}
	got, err := h.sum(ctx, password, salt, cost)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// pretend takes as long as matches.
func (h *hasher) pretend(ctx context.Context, password string) {
	_, _ = h.matches(ctx, h.nobody(), password) // the answer is known
}

var errHash = errors.New("the stored hash is not in a known form")

func parseHash(stored string) (cost Hashing, salt, sum []byte, err error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return cost, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &cost.MemoryKiB, &cost.Passes); err != nil || cost.Passes == 0 {
		return cost, nil, nil, errHash
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return cost, nil, nil, errHash
	}
	if sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return cost, nil, nil, errHash
	}
	return cost, salt, sum, nil
}

// sha256Prefix marks the hash of a secret that we made from 256 random bits: there is
// nothing to guess, so a slow hash would only cost time.
const sha256Prefix = "$sha256$"

func plainSum(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// newSecret makes a random secret of 256 bits and its stored hash.
func newSecret() (secret, stored string) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		panic("identity: no randomness: " + err.Error()) // the kernel's generator cannot fail
	}
	secret = base64.RawURLEncoding.EncodeToString(b)
	return secret, sha256Prefix + plainSum(secret)
}

// NewPassword makes a random password of 128 bits that needs no quoting in a shell.
func NewPassword() string {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		panic("identity: no randomness: " + err.Error())
	}
	return hex.EncodeToString(b)
}
