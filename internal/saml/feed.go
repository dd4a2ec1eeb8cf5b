package saml

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

// feedLimits leave room for feeds that are several times as large as the largest.
var feedLimits = xmlsig.Limits{Bytes: 1 << 30, Depth: 64, Attributes: 256, TokenBytes: 4 << 20, Comments: true}

// ReadFeed reads a federation's feed as a stream, verifies that the key in a certificate signed all of it and that it is valid now, and
// writes the identity providers in it to a file, which replaces what was there at once. Nothing is written of a feed that
// fails, and one that does not say how long it is valid fails.
func ReadFeed(r io.Reader, signer *x509.Certificate, now func() time.Time, path string) (*Index, error) {
	w, err := newIndexWriter(path)
	if err != nil {
		return nil, err
	}
	defer w.discard()
	sum := sha256.New()
	f := feed{now: now(), index: w}
	if err := f.read(io.TeeReader(r, sum), signer); err != nil {
		return nil, fmt.Errorf("the feed %w", err)
	}
	err = w.finish(contents{Feed: hex.EncodeToString(sum.Sum(nil)), Signer: fingerprint(signer), ValidUntil: f.validUntil[0]})
	if err != nil {
		return nil, err
	}
	return OpenIndex(path, signer, now)
}

// feed is a feed being read.
type feed struct {
	now        time.Time
	scanner    *xmlsig.SignedScanner
	validUntil []time.Time // of the groups around what is read, the outermost first
	index      *indexWriter
}

func (f *feed) read(r io.Reader, signer *x509.Certificate) (err error) {
	f.scanner, err = xmlsig.ScanSigned(r, feedLimits, []crypto.PublicKey{signer.PublicKey})
	if err != nil {
		return err
	}
	root := &f.scanner.Root
	if !root.Is(metadataSpace, "EntitiesDescriptor") {
		return errors.New("holds no entities")
	}
	if err := f.enter(root); err != nil {
		return err
	}
	switch end := f.validUntil[0]; {
	case end.IsZero():
		return errors.New("does not say how long it is valid")
	case !f.now.Before(end):
		return fmt.Errorf("is not valid any more since %v", end)
	}
	for {
		t, err := f.scanner.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f.take(t); err != nil {
			return err
		}
	}
}

// enter begins a group of entities, which is valid for no longer than the one around it.
func (f *feed) enter(group *xmlsig.Element) error {
	end, err := timeOf(group, "validUntil")
	if err != nil {
		return err
	}
	if n := len(f.validUntil); n > 0 {
		end = earlier(end, f.validUntil[n-1])
	}
	f.validUntil = append(f.validUntil, end)
	return nil
}

// take reads what begins or ends with a token between entities.
func (f *feed) take(t *xmlsig.Token) error {
	switch {
	case t.Kind == xmlsig.EndTag:
		if n := len(f.validUntil); n > 1 { // the outermost one's is asked for in the end
			f.validUntil = f.validUntil[:n-1]
		}
		return nil
	case t.Kind == xmlsig.Text:
		return nil
	case t.Is(metadataSpace, "EntitiesDescriptor"):
		return f.enter(&xmlsig.Element{Attrs: t.Attrs})
	}
	isEntity := t.Is(metadataSpace, "EntityDescriptor")
	e, err := f.scanner.Subtree(t)
	if err != nil || !isEntity {
		return err
	}
	l := readEntity(e)
	if l == nil {
		return nil
	}
	l.ValidUntil = earlier(l.ValidUntil, f.validUntil[len(f.validUntil)-1])
	return f.index.add(l)
}

// earlier is the earlier one of two times, of which zero ones do not count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}
