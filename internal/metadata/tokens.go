package metadata

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	tokenHeader    = "X-aws-ec2-metadata-token"
	tokenTTLHeader = "X-aws-ec2-metadata-token-ttl-seconds"
	tokenTTLMax    = 21600
)

// tokens are EC2's session tokens (IMDSv2). They prove that the asker can send a PUT and read its
// answer, which a fooled proxy inside the guest cannot. They are bound to the guest and stateless: whoever has the key of the host knows
// them again, after a restart, too.
type tokens struct{ key []byte }

const tokenKeyBytes = 32

func newTokens(key []byte) tokens {
	if len(key) == 0 {
		key = make([]byte, tokenKeyBytes)
		rand.Read(key) // never fails
	}
	return tokens{key}
}

// TokenKey is the key kept in a file, which is made the first time.
func TokenKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) == tokenKeyBytes {
		return key, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	// A file that was cut short by a crash is of nobody's use: it is written anew.
	key = newTokens(nil).key
	return key, os.WriteFile(path, key, 0o600)
}

func isTokenPath(path []string) bool {
	return len(path) == 3 && knownEC2(path[0]) && path[1] == "api" && path[2] == "token"
}

// issue answers PUT /latest/api/token.
func (t tokens) issue(w http.ResponseWriter, r *http.Request, guest string) {
	if r.Method != http.MethodPut {
		w.Header().Set("Allow", "PUT")
		http.Error(w, "405 - Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	if r.Header.Get("X-Forwarded-For") != "" {
		http.Error(w, "403 - Forbidden", http.StatusForbidden)
		return
	}
	ttl, err := strconv.Atoi(r.Header.Get(tokenTTLHeader))
	if err != nil || ttl < 1 || ttl > tokenTTLMax {
		http.Error(w, "400 - Bad Request", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", kindText)
	w.Header().Set(tokenTTLHeader, strconv.Itoa(ttl))
	_, _ = w.Write([]byte(t.sign(guest, time.Now().Add(time.Duration(ttl)*time.Second).Unix())))
}

// sign makes a token that only one guest can use.
func (t tokens) sign(guest string, expiresUnix int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(expiresUnix))
	mac := hmac.New(sha256.New, t.key)
	mac.Write(b)
	mac.Write([]byte(guest))
	return base64.URLEncoding.EncodeToString(mac.Sum(b))
}

func (t tokens) valid(token, guest string) bool {
	b, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(b) != 8+sha256.Size {
		return false
	}
	expiresUnix := int64(binary.BigEndian.Uint64(b))
	return time.Now().Unix() < expiresUnix && hmac.Equal([]byte(token), []byte(t.sign(guest, expiresUnix)))
}
