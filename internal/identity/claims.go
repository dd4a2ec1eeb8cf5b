package identity

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Scope is what a token is good for: one project, one domain, the system, or nothing.
type Scope struct {
	ProjectID cloud.ProjectID
	DomainID  cloud.DomainID
	System    bool
}

// scopeKind is how a Scope's kind is written in a token.
func (s Scope) kind() byte {
	switch {
	case s.ProjectID != "":
		return 1
	case s.DomainID != "":
		return 2
	case s.System:
		return 3
	}
	return 0
}

// claims are what a token says. Roles holds names, implied ones included. Audit is this token's
// own audit id; Chain is that of the first token this one descends from, empty for a first one.
type claims struct {
	UserID          cloud.UserID
	UserName        string
	UserDomainID    cloud.DomainID
	Scope           Scope
	ProjectDomainID cloud.DomainID
	Roles           []string
	CredentialID    cloud.CredentialID
	Restricted      bool
	Ruled           bool // the credential has access rules
	TrustID         cloud.TrustID
	Behind          []party // whom else the trust rests on
	DelegationID    cloud.DelegationID
	SecretID        cloud.SecretID           // the access key that was signed with
	Provider        cloud.IdentityProviderID // by whose word, if not this cloud's own
	Protocol        string
	Methods         []string
	Issued, Expires time.Time // microseconds
	Audit, Chain    string    // 16 bytes each, as they are
}

// party is a user on whose standing a token of another user rests.
type party struct {
	User   cloud.UserID
	Domain cloud.DomainID
}

// The first byte is the version; a token of another one is void. Claims are written in the lowest version that holds
// them, so that processes before and after an upgrade, which share the store, read each other's.
const (
	claimsVersion           = 1
	claimsVersionTrust      = 2 // with a trust and its parties behind the credential
	claimsVersionDelegation = 3 // with a delegation there
	claimsVersionParts      = 4 // with any of these and more, behind a byte that tells which
)

// The parts of claimsVersionParts, in the order they are written.
const (
	partTrust = 1 << iota
	partDelegation
	partProvider
	partSecret
)

const (
	flagRestricted = 1 << iota
	flagRuled
	flagChain
)

const auditBytes = 16

// methodBits are the methods a token can record.
var methodBits = []string{MethodPassword, MethodToken, MethodCredential, MethodDelegated}

// wellKnownRoles take a bit instead of their name. Only append.
var wellKnownRoles = []string{RoleAdmin, RoleManager, RoleMember, RoleReader}

// encode writes claims in a few more bytes than they hold: ids of 32 hexadecimal
// digits take 16, usual roles a bit.
func (c *claims) encode() []byte {
	b := make([]byte, 0, 192)
	b = append(b, c.version(), c.flags(), bits(methodBits, c.Methods), c.Scope.kind())
	b = binary.AppendUvarint(b, uint64(c.Issued.UnixMicro()))
	b = binary.AppendUvarint(b, uint64(c.Expires.UnixMicro()-c.Issued.UnixMicro()))
	b = append(b, c.Audit...)
	b = append(b, c.Chain...)
	b = appendID(b, string(c.UserID))
	b = appendText(b, c.UserName)
	b = appendID(b, string(c.UserDomainID))
	switch {
	case c.Scope.ProjectID != "":
		b = appendID(b, string(c.Scope.ProjectID))
		b = appendID(b, string(c.ProjectDomainID))
	case c.Scope.DomainID != "":
		b = appendID(b, string(c.Scope.DomainID))
	}
	b = appendID(b, string(c.CredentialID))
	if c.version() == claimsVersionParts {
		b = append(b, c.parts())
	}
	if c.TrustID != "" {
		b = c.appendTrust(b)
	}
	if c.DelegationID != "" {
		b = appendID(b, string(c.DelegationID))
	}
	if c.Provider != "" {
		b = appendText(appendText(b, string(c.Provider)), c.Protocol)
	}
	if c.SecretID != "" {
		b = appendText(b, string(c.SecretID))
	}
	return appendRoles(b, c.Roles)
}

func (c *claims) parts() (b byte) {
	for part, there := range map[byte]bool{partTrust: c.TrustID != "", partDelegation: c.DelegationID != "", partProvider: c.Provider != "", partSecret: c.SecretID != ""} {
		if there {
			b |= part
		}
	}
	return b
}

func (c *claims) version() byte {
	switch {
	case c.Provider != "" || c.SecretID != "":
		return claimsVersionParts
	case c.TrustID != "":
		return claimsVersionTrust
	case c.DelegationID != "":
		return claimsVersionDelegation
	}
	return claimsVersion
}

func (c *claims) appendTrust(b []byte) []byte {
	b = appendID(b, string(c.TrustID))
	b = binary.AppendUvarint(b, uint64(len(c.Behind)))
	for _, p := range c.Behind {
		b = appendID(appendID(b, string(p.User)), string(p.Domain))
	}
	return b
}

func (c *claims) flags() byte {
	var f byte
	if c.Restricted {
		f |= flagRestricted
	}
	if c.Ruled {
		f |= flagRuled
	}
	if c.Chain != "" {
		f |= flagChain
	}
	return f
}

func bits(names, have []string) byte {
	var b byte
	for i, n := range names {
		if slices.Contains(have, n) {
			b |= 1 << i
		}
	}
	return b
}

func named(names []string, b byte) []string {
	var have []string
	for i, n := range names {
		if b&(1<<i) != 0 {
			have = append(have, n)
		}
	}
	return have
}

func appendRoles(b []byte, roles []string) []byte {
	b = append(b, bits(wellKnownRoles, roles))
	for _, r := range roles {
		if !slices.Contains(wellKnownRoles, r) {
			b = appendText(b, r)
		}
	}
	return b
}

// appendID packs an id of 32 lower-case hexadecimal digits behind a zero byte and writes others as text, one
// longer than they are.
func appendID(b []byte, id string) []byte {
	var packed [auditBytes]byte
	if len(id) == 2*len(packed) && lowerHex(id) {
		if _, err := hex.Decode(packed[:], []byte(id)); err == nil {
			return append(append(b, 0), packed[:]...)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(id))+1)
	return append(b, id...)
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

var errClaims = errors.New("claims are cut short or of another version")

// decodeClaims reads what encode wrote.
func decodeClaims(b []byte) (*claims, error) {
	r := reader{b: b}
	version := r.byte()
	if version < claimsVersion || version > claimsVersionParts {
		return nil, errClaims
	}
	c := &claims{}
	flags := r.byte()
	c.Methods = named(methodBits, r.byte())
	kind := r.byte()
	issued := int64(r.uvarint())
	c.Issued = time.UnixMicro(issued).UTC()
	c.Expires = time.UnixMicro(issued + int64(r.uvarint())).UTC()
	c.Audit = string(r.take(auditBytes))
	if flags&flagChain != 0 {
		c.Chain = string(r.take(auditBytes))
	}
	c.Restricted, c.Ruled = flags&flagRestricted != 0, flags&flagRuled != 0
	c.UserID, c.UserName, c.UserDomainID = cloud.UserID(r.id()), r.text(), cloud.DomainID(r.id())
	c.readScope(&r, kind)
	c.CredentialID = cloud.CredentialID(r.id())
	c.readParts(&r, version)
	c.Roles = named(wellKnownRoles, r.byte())
	for len(r.b) > 0 && !r.bad {
		c.Roles = append(c.Roles, r.text())
	}
	if r.bad {
		return nil, errClaims
	}
	return c, nil
}

func (c *claims) readScope(r *reader, kind byte) {
	switch kind {
	case 1:
		c.Scope.ProjectID, c.ProjectDomainID = cloud.ProjectID(r.id()), cloud.DomainID(r.id())
	case 2:
		c.Scope.DomainID = cloud.DomainID(r.id())
	case 3:
		c.Scope.System = true
	}
}

func (c *claims) readParts(r *reader, version byte) {
	parts := map[byte]byte{claimsVersionTrust: partTrust, claimsVersionDelegation: partDelegation}[version]
	if version == claimsVersionParts {
		parts = r.byte()
	}
	if parts&partTrust != 0 {
		c.readTrust(r)
	}
	if parts&partDelegation != 0 {
		c.DelegationID = cloud.DelegationID(r.id())
	}
	if parts&partProvider != 0 {
		c.Provider, c.Protocol = cloud.IdentityProviderID(r.text()), r.text()
		c.Methods = append(c.Methods, c.Protocol)
	}
	if parts&partSecret != 0 {
		c.SecretID = cloud.SecretID(r.text())
	}
}

func (c *claims) readTrust(r *reader) {
	c.TrustID = cloud.TrustID(r.id())
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		c.Behind = append(c.Behind, party{cloud.UserID(r.id()), cloud.DomainID(r.id())})
	}
}

// reader takes values off a buffer. After the first that is not whole it answers zeros, and bad is true.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.take(n)
	return v
}

func (r *reader) text() string { return string(r.take(int(min(r.uvarint(), 1<<20)))) }

func (r *reader) id() string {
	n := r.uvarint()
	if n == 0 {
		return hex.EncodeToString(r.take(auditBytes))
	}
	return string(r.take(int(min(n-1, 1<<20))))
}
