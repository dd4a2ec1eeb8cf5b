package saml

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml/samltest"
	"github.com/nubo-cloud/nubo/internal/saml/xmlsig"
)

// federation is a feed, who signed it, and where its index goes.
type federation struct {
	signer *samltest.IdentityProvider
	path   string
	now    time.Time
}

func newFederation(t testing.TB) *federation {
	t.Helper()
	return &federation{samltest.New(t, "https://federation.example", samltest.RSA()), filepath.Join(t.TempDir(), "index"), when}
}

func (f *federation) clock() time.Time { return f.now }

func (f *federation) write(t testing.TB, feed samltest.Feed) string {
	t.Helper()
	var out strings.Builder
	feed.Write(t, &out, f.signer)
	return out.String()
}

func (f *federation) read(feed string) (*Index, error) {
	return ReadFeed(strings.NewReader(feed), f.signer.Certificate, f.clock, f.path)
}

func (f *federation) index(t testing.TB, n int) *Index {
	t.Helper()
	x, err := f.read(f.write(t, samltest.Feed{Entities: n, ValidUntil: when.Add(time.Hour)}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

// The identity providers of a feed are found, by id and by those who look for their home.
func TestFeed(t *testing.T) {
	f := newFederation(t)
	x := f.index(t, 20)
	if x.Len() != 10 || !x.ValidUntil().Equal(when.Add(time.Hour)) || len(x.SHA256()) != 64 {
		t.Errorf("got %d, %v, %s", x.Len(), x.ValidUntil(), x.SHA256())
	}
	p, err := x.IdentityProvider("https://place2.example/saml")
	if err != nil {
		t.Fatal(err)
	}
	if p.SSO[Redirect] != "https://place2.example/redirect?a=1&b=2" || p.SSO[POST] != "https://place2.example/post" || len(p.Certificates) != 1 ||
		!bytes.Equal(p.Certificates[0].Raw, f.signer.Certificate.Raw) || p.Name("fr") != "Université de place2" || p.Name("de") != "University of place2" ||
		p.Scopes[0] != "place2.example" || p.RegistrationAuthority != "https://authority.example" || p.Hidden || !p.Bound {
		t.Errorf("got %+v", p)
	}
	for _, id := range []string{"https://place3.example/saml", "https://nowhere.example", ""} {
		if _, err := x.IdentityProvider(id); !errors.Is(err, ErrNoProvider) {
			t.Errorf("%s: %v", id, err)
		}
	}
	f.now = when.Add(time.Hour)
	if _, err := x.IdentityProvider("https://place2.example/saml"); !errors.Is(err, ErrNoProvider) {
		t.Errorf("of a feed that is not valid any more: %v", err)
	}
}

// Homes are found by parts of their names, those that begin with the text first; hidden ones are not found.
func TestSearch(t *testing.T) {
	x := newFederation(t).index(t, 60)
	for text, want := range map[string]string{
		"PLACE2":          "University of place2,University of place20,University of place22,University of place26",
		"lace12":          "University of place12",
		"université de p": "University of place0,University of place10,University of place12,University of place16",
		"place38.exa":     "University of place38",
		"https://place40": "University of place40",
		"place4":          "University of place40,University of place42,University of place46,University of place48",
		"place1.":         "",
		"nothing":         "",
		" ":               "University of place0,University of place10,University of place12,University of place16",
	} {
		var names []string
		for _, h := range x.Search(text, 4) {
			names = append(names, h.Name)
		}
		if got := strings.Join(names, ","); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// A feed that cannot be trusted leaves the index that was there.
func TestBadFeeds(t *testing.T) {
	f := newFederation(t)
	f.index(t, 4)
	before, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	right := f.write(t, samltest.Feed{Entities: 4, ValidUntil: when.Add(time.Hour)})
	other := &federation{samltest.New(t, "x", samltest.Other()), f.path, when}
	cases := map[string]struct {
		feed string
		want error // nil: any
	}{
		"one letter changed": {strings.Replace(right, "place0.example/post", "place9.example/post", 1), xmlsig.ErrAltered},
		"an entity more":     {strings.Replace(right, feedEnd, `<md:EntityDescriptor entityID="x"></md:EntityDescriptor>`+feedEnd, 1), xmlsig.ErrAltered},
		"another root id":    {strings.Replace(right, `ID="_feed"`, `ID="_x"`, 1), xmlsig.ErrMisplaced},
		"valid for longer":   {strings.Replace(right, "validUntil=\"2026", "validUntil=\"2027", 1), xmlsig.ErrAltered},
		"cut off":            {right[:len(right)-100], xmlsig.ErrMalformed},
		"another signer":     {other.write(t, samltest.Feed{Entities: 4, ValidUntil: when.Add(time.Hour)}), xmlsig.ErrSigner},
		"not signed":         {`<md:EntitiesDescriptor xmlns:md="` + metadataSpace + `"><md:EntityDescriptor/></md:EntitiesDescriptor>`, xmlsig.ErrUnsigned},
		"a DTD":              {"<!DOCTYPE x>" + right, xmlsig.ErrDTD},
		"not valid any more": {f.write(t, samltest.Feed{Entities: 1, ValidUntil: when}), nil},
		"without an end":     {f.write(t, samltest.Feed{Entities: 1}), nil},
	}
	for name, c := range cases {
		x, err := f.read(c.feed)
		if x != nil || err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	after, err := os.ReadFile(f.path)
	if err != nil || !bytes.Equal(before, after) {
		t.Error("the index is not what it was")
	}
	if files, _ := os.ReadDir(filepath.Dir(f.path)); len(files) != 1 {
		t.Errorf("%v are left over", files)
	}
}

const feedEnd = "\n</md:EntitiesDescriptor>"

// A group's entities are valid for no longer than the group, and an entity for no longer than it says.
func TestNestedFeed(t *testing.T) {
	f := newFederation(t)
	entity := func(id, attributes string) string {
		return `<md:EntityDescriptor entityID="` + id + `"` + attributes + `><md:IDPSSODescriptor protocolSupportEnumeration="` + protocolSpace + `"></md:IDPSSODescriptor></md:EntityDescriptor>`
	}
	soon := ` validUntil="` + instant(when.Add(time.Minute)) + `"`
	x, err := f.read(f.write(t, samltest.Feed{ValidUntil: when.Add(time.Hour), Extra: "<md:EntitiesDescriptor" + soon + ">" + entity("a", "") + "</md:EntitiesDescriptor>" +
		entity("b", soon) + entity("c", "") + `<md:Extensions>` + entity("d", "") + `</md:Extensions>`}))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	f.now = when.Add(2 * time.Minute)
	for id, want := range map[string]bool{"a": false, "b": false, "c": true, "d": false} {
		if _, err := x.IdentityProvider(id); errors.Is(err, ErrNoProvider) == want {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// An index is opened again without its feed, and not where it is damaged or another's.
func TestOpenIndex(t *testing.T) {
	f := newFederation(t)
	sum := f.index(t, 10).SHA256()
	x, err := OpenIndex(f.path, f.signer.Certificate, f.clock)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if _, err := x.IdentityProvider("https://place2.example/saml"); err != nil || x.SHA256() != sum {
		t.Errorf("got %v, %s", err, x.SHA256())
	}
	if _, err := OpenIndex(f.path, samltest.Certify(t, samltest.Other()), f.clock); err == nil {
		t.Error("it is opened for another signer")
	}
	whole, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 10, len(whole) / 2, len(whole) - 1} {
		if err := damaged(t, f.signer.Certificate, whole[:n]); err == nil {
			t.Errorf("it is opened with %d bytes of %d", n, len(whole))
		}
	}
	for n := 0; n < len(whole); n += 97 {
		broken := bytes.Clone(whole)
		broken[n] ^= 1
		if err := damaged(t, f.signer.Certificate, broken); err == nil {
			t.Errorf("byte %d is not missed", n)
		}
	}
}

// damaged opens an index and looks all identity providers up.
func damaged(t *testing.T, signer *x509.Certificate, content []byte) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := OpenIndex(path, signer, func() time.Time { return when })
	if err != nil {
		return err
	}
	defer x.Close()
	for _, e := range x.contents.Entries {
		if _, err := x.IdentityProvider(e.EntityID); err != nil {
			return err
		}
	}
	return nil
}

// memory watches how much the process has of the system while something is read.
type memory struct {
	io.Reader
	peak uint64
}

func (m *memory) Read(p []byte) (int, error) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	m.peak = max(m.peak, sample[0].Value.Uint64())
	return m.Reader.Read(p)
}

// large is a file with a feed of 5,000 entities.
func (f *federation) large(t testing.TB) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "feed.xml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	samltest.Feed{Entities: 5000, ValidUntil: when.Add(time.Hour)}.Write(t, file, f.signer)
	return file
}

// A feed of 5,000 entities takes less than 100 MB to read.
func TestLargeFeed(t *testing.T) {
	f := newFederation(t)
	file := f.large(t)
	m := &memory{Reader: io.NewSectionReader(file, 0, 1<<40)}
	x, err := ReadFeed(m, f.signer.Certificate, f.clock, f.path)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if x.Len() != 2500 {
		t.Errorf("got %d", x.Len())
	}
	if m.peak > 100e6 {
		t.Errorf("took %d MB", m.peak/1e6)
	}
}

func BenchmarkReadFeed(b *testing.B) {
	f := newFederation(b)
	file := f.large(b)
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	m := &memory{}
	for b.Loop() {
		m.Reader = io.NewSectionReader(file, 0, size)
		x, err := ReadFeed(m, f.signer.Certificate, f.clock, f.path)
		if err != nil {
			b.Fatal(err)
		}
		_ = x.Close()
	}
	b.ReportMetric(float64(m.peak)/1e6, "MB-peak")
}

func BenchmarkOpenIndex(b *testing.B) {
	f := newFederation(b)
	f.index(b, 5000)
	for b.Loop() {
		x, err := OpenIndex(f.path, f.signer.Certificate, f.clock)
		if err != nil {
			b.Fatal(err)
		}
		_ = x.Close()
	}
}
