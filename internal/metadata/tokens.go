package metadata

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strconv"
	"time"
)

const (
	tokenHeader    = "X-aws-ec2-metadata-token"
	tokenTTLHeader = "X-aws-ec2-metadata-token-ttl-seconds"
	tokenTTLMax    = 21600
)

// tokens are EC2's session tokens (IMDSv2). They prove that the asker can send a PUT and read its
// answer, which a fooled proxy inside the guest cannot. They are optional here. They are
// stateless, and end with the process: clients then get 401 and ask for another.
type tokens struct{ key []byte }

func newTokens() tokens {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return tokens{key}
}

func isTokenPath(path []string) bool {
	return len(path) == 3 && knownEC2(path[0]) && path[1] == "api" && path[2] == "token"
}

// issue answers PUT /latest/api/token.
func (t tokens) issue(w http.ResponseWriter, r *http.Request, port string) {
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
	_, _ = w.Write([]byte(t.sign(port, time.Now().Add(time.Duration(ttl)*time.Second).Unix())))
}

// sign makes a token that only the guest behind the port can use.
func (t tokens) sign(port string, expiresUnix int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(expiresUnix))
	mac := hmac.New(sha256.New, t.key)
	mac.Write(b)
	mac.Write([]byte(port))
	return base64.URLEncoding.EncodeToString(mac.Sum(b))
}

func (t tokens) valid(token, port string) bool {
	b, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(b) != 8+sha256.Size {
		return false
	}
	expiresUnix := int64(binary.BigEndian.Uint64(b))
	return time.Now().Unix() < expiresUnix && hmac.Equal([]byte(token), []byte(t.sign(port, expiresUnix)))
}
