package saml

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml/samltest"
)

// Whatever comes, nobody is signed in but who the identity provider said, and nothing breaks.
func FuzzCheck(f *testing.F) {
	m := newMeeting(f)
	d := m.answer.Document(f)
	m.idp.Sign(f, samltest.Assertion(d), m.answer.Method)
	right := samltest.Bytes(f, d)
	f.Add(right)
	for _, w := range wrappings[1:] {
		d := m.answer.Document(f)
		signed := samltest.Assertion(d)
		if w.response {
			signed = d.Root()
		}
		m.idp.Sign(f, signed, m.answer.Method)
		w.wrap(d)
		f.Add(samltest.Bytes(f, d))
	}
	enciphered := m.answer.Document(f)
	m.idp.Sign(f, samltest.Assertion(enciphered), m.answer.Method)
	samltest.Encrypt(f, enciphered, elementBytes(f, samltest.Assertion(enciphered)), &samltest.Other().PublicKey, samltest.CBC, samltest.OAEP)
	f.Add(samltest.Bytes(f, enciphered))
	want := m.accepted(f, encode(string(right)))
	f.Fuzz(func(t *testing.T, document []byte) {
		clear(m.seen)
		p, err := m.check([]byte(base64.StdEncoding.EncodeToString(document)))
		if err == nil && (p.NameID != want.NameID || p.AssertionID != want.AssertionID || len(p.Attributes) != len(want.Attributes)) {
			t.Errorf("accepted %+v", p)
		}
		e := m.expect()
		e.Binding = PAOS
		if p, err := m.sp.Check(t.Context(), document, e); err == nil {
			t.Errorf("accepted %+v by PAOS", p)
		}
	})
}

// Whatever a feed holds, no index is written but of what was signed, and nothing breaks.
func FuzzReadFeed(f *testing.F) {
	signer := samltest.New(f, "https://federation.example", samltest.RSA())
	var right bytes.Buffer
	samltest.Feed{Entities: 2, ValidUntil: when.Add(time.Hour)}.Write(f, &right, signer)
	f.Add(right.Bytes())
	f.Add([]byte(`<a/>`))
	path := filepath.Join(f.TempDir(), "index")
	f.Fuzz(func(t *testing.T, feed []byte) {
		x, err := ReadFeed(bytes.NewReader(feed), signer.Certificate, func() time.Time { return when }, path)
		if err != nil {
			return
		}
		defer x.Close()
		if _, err := x.IdentityProvider("https://place0.example/saml"); err != nil || x.Len() != 1 {
			t.Errorf("accepted %d, %v", x.Len(), err)
		}
		_ = os.Remove(path)
	})
}

// Whatever metadata holds, reading it breaks nothing.
func FuzzParseIdentityProvider(f *testing.F) {
	f.Add(newMeeting(f).idp.Metadata())
	f.Fuzz(func(t *testing.T, metadata []byte) {
		if p, err := ParseIdentityProvider(metadata); err == nil && (p.EntityID == "" || len(p.Certificates) == 0) {
			t.Errorf("accepted %+v", p)
		}
	})
}
