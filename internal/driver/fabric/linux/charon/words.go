package charon

import (
	"fmt"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// groups are what the daemon calls the groups of RFC 2409, 3526, 5903, 5114, 6932 and 8031.
var groups = map[string]string{"group2": "modp1024", "group5": "modp1536", "group14": "modp2048", "group15": "modp3072", "group16": "modp4096",
	"group17": "modp6144", "group18": "modp8192", "group19": "ecp256", "group20": "ecp384", "group21": "ecp521", "group22": "modp1024s160",
	"group23": "modp2048s224", "group24": "modp2048s256", "group25": "ecp192", "group26": "ecp224", "group27": "ecp224bp", "group28": "ecp256bp",
	"group29": "ecp384bp", "group30": "ecp512bp", "group31": "curve25519"}

// digests are what it calls what authenticates; and the pseudo-random function of a suite whose cipher does that by itself.
var digests = map[string]string{"sha1": "sha1", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512", "aes-xcbc": "aesxcbc", "aes-cmac": "aescmac"}

// cipher is what the daemon calls a cipher: "aes-256-gcm-16" is its "aes256gcm16".
func cipher(word string) (name string, authenticates bool) {
	return strings.ReplaceAll(word, "-", ""), strings.Contains(word, "gcm") || strings.Contains(word, "ccm")
}

// proposals are all that a suite allows, as the daemon reads them: one for ciphers that authenticate, one for the others.
func proposals(s spec.VPNSuite, ike bool) ([]string, error) {
	var plain, whole, checks, functions []string
	for _, w := range s.Encryption {
		if name, authenticates := cipher(w); authenticates {
			whole = append(whole, name)
		} else {
			plain = append(plain, name)
		}
	}
	for _, w := range s.Authentication {
		if digests[w] == "" {
			return nil, fmt.Errorf("authentication %q: %w", w, spec.ErrInvalid)
		}
		checks, functions = append(checks, digests[w]), append(functions, "prf"+digests[w])
	}
	var ends []string
	for _, g := range s.Groups {
		if groups[g] == "" {
			return nil, fmt.Errorf("group %q: %w", g, spec.ErrInvalid)
		}
		ends = append(ends, groups[g])
	}
	var all []string
	if len(plain) > 0 {
		all = append(all, join(plain, checks, ends))
	}
	if len(whole) > 0 && ike {
		all = append(all, join(whole, functions, ends))
	} else if len(whole) > 0 {
		all = append(all, join(whole, ends))
	}
	return all, nil
}

func join(parts ...[]string) string {
	var all []string
	for _, p := range parts {
		all = append(all, p...)
	}
	return strings.Join(all, "-")
}
