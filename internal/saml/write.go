package saml

import (
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

// element reads what this package writes: a form whose %s are filled with texts, escaped for XML.
func element(form string, texts ...string) (*xmlsig.Element, error) {
	escaped := make([]any, len(texts))
	for i, t := range texts {
		var out strings.Builder
		if err := xml.EscapeText(&out, []byte(t)); err != nil {
			return nil, err
		}
		escaped[i] = out.String()
	}
	return xmlsig.Parse([]byte(fmt.Sprintf(form, escaped...)), messageLimits)
}

// newID is an id that nobody guesses, and a name as XML wants ids to be.
func newID() string { return "_" + strings.ToLower(rand.Text()) }

// instant writes a time as SAML does.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
