package openid

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
)

// identify reads the ID token, which is for us alone (OpenID Connect Core, section 3.1.3.7).
func (i *issuer) identify(ctx context.Context, s Settings, got *tokens) (claims, error) {
	h, isJWT := headerOf(got.ID)
	if !isJWT {
		return claims{}, i.refuse(Malformed, "the ID token is no signed JWT")
	}
	said, err := i.signed(ctx, h, got.ID)
	if err != nil {
		return said, err
	}
	if err := i.checkSigned(said); err != nil {
		return said, err
	}
	if err := i.checkIdentity(s, said); err != nil {
		return said, err
	}
	return said, i.checkAccessHash(*h.Algorithm, said, got.Access)
}

func (i *issuer) checkIdentity(s Settings, said claims) error {
	azp := text(said.all["azp"])
	switch {
	case !slices.Contains(said.audience, s.ClientID):
		return i.refuse(WrongParty, "the ID token is for %.400q", said.audience)
	case azp != "" && azp != s.ClientID, azp == "" && len(said.audience) > 1:
		return i.refuse(WrongParty, "the ID token for %.400q was issued to '%.200s'", said.audience, azp)
	case said.subject == "":
		return i.refuse(WrongSubject, "the ID token does not say whose it is")
	}
	return nil
}

// checkAccessHash proves that the access token beside an ID token is the one that the issuer gave, if the ID token says so.
func (i *issuer) checkAccessHash(algorithm string, said claims, access string) error {
	wanted := text(said.all["at_hash"])
	if wanted == "" || access == "" {
		return nil
	}
	if subtle.ConstantTimeCompare([]byte(wanted), []byte(accessHash(algorithm, access))) != 1 {
		return i.refuse(BadSignature, "the access token is not the one that the ID token was issued with")
	}
	return nil
}

// accessHash is the left half of the hash that the signature algorithm uses (OpenID Connect Core, section 3.1.3.6). Ed25519's is SHA-512.
func accessHash(algorithm, access string) string {
	var sum []byte
	switch {
	case strings.HasSuffix(algorithm, "256"):
		hash := sha256.Sum256([]byte(access))
		sum = hash[:]
	case strings.HasSuffix(algorithm, "384"):
		hash := sha512.Sum384([]byte(access))
		sum = hash[:]
	default:
		hash := sha512.Sum512([]byte(access))
		sum = hash[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
