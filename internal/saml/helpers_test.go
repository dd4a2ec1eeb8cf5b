package saml

import (
	"encoding/base64"
	"testing"

	"github.com/beevik/etree"

	"github.com/nubo-cloud/nubo/internal/saml/samltest"
)

func encode(document string) []byte {
	return []byte(base64.StdEncoding.EncodeToString([]byte(document)))
}

// elementBytes writes an element as a document of its own; what it inherits is left out.
func elementBytes(t testing.TB, e *etree.Element) []byte {
	t.Helper()
	return samltest.Bytes(t, etree.NewDocumentWithRoot(e.Copy()))
}
