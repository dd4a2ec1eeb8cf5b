package xmlsig

import (
	"crypto"
	"errors"
	"hash"
	"io"
	"slices"
)

// SignedScanner reads a document whose root envelops its signature, too large to be held at once: what it reads is digested on
// the way. The signature must come first in the root, where SAML has it.
type SignedScanner struct {
	Root Element // without its children

	scanner *Scanner
	sig     *signature
	sum     hash.Hash
}

// ScanSigned reads up to the signature, which one of the keys must have made.
func ScanSigned(r io.Reader, limits Limits, keys []crypto.PublicKey) (*SignedScanner, error) {
	s := &SignedScanner{scanner: NewScanner(r, limits)}
	t, err := s.scanner.Next()
	if err != nil {
		return nil, cut(err)
	}
	s.Root = *newElement(t, nil)
	scope := slices.Clone(s.scanner.bindings)
	space, err := s.readSignature()
	if err != nil {
		return nil, err
	}
	if err := s.sig.covers(&s.Root); err != nil {
		return nil, err
	}
	if err := s.sig.verify(keys); err != nil {
		return nil, err
	}
	s.sum = s.sig.digest.New()
	s.scanner.tap = &canonical{out: s.sum, inclusive: s.sig.inclusive}
	s.scanner.tap.start(s.Root.Name, s.Root.Attrs, scope)
	s.scanner.tap.text(space)
	return s, nil
}

// readSignature reads the signature and the text before it.
func (s *SignedScanner) readSignature() (before []byte, err error) {
	for {
		t, err := s.scanner.Next()
		if err != nil {
			return nil, cut(err)
		}
		switch {
		case t.Kind == Text:
			before = append(before, t.Text...)
		case t.Kind == StartTag && t.Is(dsSpace, "Signature"):
			element, err := s.scanner.Subtree(t)
			if err != nil {
				return nil, err
			}
			s.sig, err = readSignature(element)
			return before, err
		default:
			return nil, ErrUnsigned
		}
	}
}

// Next reads a token behind the signature. Nothing that it answers is verified before it answers io.EOF.
func (s *SignedScanner) Next() (*Token, error) {
	t, err := s.scanner.Next()
	if !errors.Is(err, io.EOF) {
		return t, err
	}
	s.scanner.tap.flush()
	if err := s.sig.compare(s.sum.Sum(nil)); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

// Subtree reads the rest of the element whose start tag was the last token.
func (s *SignedScanner) Subtree(start *Token) (*Element, error) { return s.scanner.Subtree(start) }
