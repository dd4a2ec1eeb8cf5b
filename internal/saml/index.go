package saml

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Index finds identity providers of a feed. It may be used by many at once. It goes on with what it has when its file is
// replaced.
type Index struct {
	file     *os.File
	now      func() time.Time
	contents contents
	byID     map[string]int
}

// OpenIndex opens what ReadFeed wrote, without verifying the feed again. It fails where the file is damaged or written for
// another signer; whether it is still valid is asked at each look-up.
func OpenIndex(path string, signer *x509.Certificate, now func() time.Time) (*Index, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	c, err := readContents(file)
	if err == nil && c.Signer != fingerprint(signer) {
		err = errors.New("the index is of a feed that another key signed; read the feed again")
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	x := &Index{file, now, c, make(map[string]int, len(c.Entries))}
	for i, e := range c.Entries {
		x.byID[e.EntityID] = i
	}
	return x, nil
}

// Close releases the file.
func (x *Index) Close() error { return x.file.Close() }

// Len is the number of identity providers.
func (x *Index) Len() int { return len(x.contents.Entries) }

// SHA256 is the hash of the feed's bytes, in hexadecimal digits: a feed with this hash need not be read again.
func (x *Index) SHA256() string { return x.contents.Feed }

// ValidUntil is when the feed stops being valid.
func (x *Index) ValidUntil() time.Time { return x.contents.ValidUntil }

// IdentityProvider reads the metadata of one; ErrNoProvider where the feed has none or it is no longer valid. It is bound to its
// scopes.
func (x *Index) IdentityProvider(entityID string) (*IdentityProvider, error) {
	i, found := x.byID[entityID]
	if !found {
		return nil, ErrNoProvider
	}
	e := x.contents.Entries[i]
	text, err := readPart(x.file, e.Offset, e.Length, e.Sum)
	if err != nil {
		return nil, err
	}
	var l listed
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, err
	}
	if !x.now().Before(l.ValidUntil) {
		return nil, fmt.Errorf("%w that is valid: it was until %v", ErrNoProvider, l.ValidUntil)
	}
	p, err := l.provider()
	if err == nil {
		p.Bound = true
	}
	return p, err
}

// Home is a home organisation to choose.
type Home struct {
	EntityID string
	Name     string
	Scopes   []string
}

// Search finds up to limit home organisations, hidden ones left out, by a part of a name in any language, a scope or the entity id; those
// that begin with the text, or a word of whose names does, come first. An empty text finds the first ones by name.
func (x *Index) Search(text string, limit int) []Home {
	text = strings.ToLower(strings.TrimSpace(text))
	var first, more []Home
	for _, e := range x.contents.Entries {
		if len(first) >= limit {
			break
		}
		h := Home{e.EntityID, e.Name, e.Scopes}
		switch {
		case slices.ContainsFunc(e.Folded, func(f string) bool { return strings.HasPrefix(f, text) || strings.Contains(f, " "+text) }):
			first = append(first, h)
		case len(more) < limit && slices.ContainsFunc(e.Folded, func(f string) bool { return strings.Contains(f, text) }):
			more = append(more, h)
		}
	}
	all := append(first, more...)
	return all[:min(limit, len(all))]
}
