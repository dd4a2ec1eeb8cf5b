package openid

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// algorithms are those whose signature proves who signed: not none, and not HMAC, where whoever can check can sign.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// header is what we read of a JWT's first part.
type header struct {
	Algorithm *string `json:"alg"`
	Type      string  `json:"typ"`
}

// headerOf tells a JWT from an opaque token, which may be any text.
func headerOf(token string) (header, bool) {
	var h header
	first, rest, ok := strings.Cut(token, ".")
	if !ok || strings.Count(rest, ".") != 1 {
		return h, false
	}
	text, err := base64.RawURLEncoding.DecodeString(first)
	return h, err == nil && json.Unmarshal(text, &h) == nil && h.Algorithm != nil
}

// isAccessToken is about the type in the header. Providers that tell nothing apart write JWT, or nothing (RFC 9068 asks for at+jwt).
func (h header) isAccessToken() bool {
	kind := strings.TrimPrefix(strings.ToLower(h.Type), "application/")
	return kind == "" || kind == "jwt" || kind == "at+jwt"
}

// signed are the claims of a JWT that one of the issuer's keys signed. Nothing about them is checked yet.
func (i *issuer) signed(ctx context.Context, h header, token string) (claims, error) {
	if !slices.Contains(algorithms, jose.SignatureAlgorithm(*h.Algorithm)) {
		return claims{}, i.refuse(BadAlgorithm, "its signature is '%.80s'", *h.Algorithm)
	}
	parsed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return claims{}, i.refuse(Malformed, "%v", err)
	}
	payload, err := i.payload(ctx, parsed)
	if err != nil {
		return claims{}, err
	}
	said, err := readClaims(payload)
	if err != nil {
		return claims{}, i.refuse(Malformed, "%v", err)
	}
	return said, nil
}
