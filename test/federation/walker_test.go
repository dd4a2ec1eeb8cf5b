package federation

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// walker goes from page to page as a browser does, with cookies and along redirections. It runs no scripts: the test sends forms.
type walker struct {
	t      *testing.T
	client http.Client
}

func newWalker(t *testing.T) *walker {
	t.Helper()
	jar, err := cookiejar.New(nil)
	cloudtest.Check(t, err)
	return &walker{t, http.Client{Jar: jar}}
}

// page is what a walker sees.
type page struct {
	status int
	at     *url.URL
	text   string
}

func (w *walker) read(a *http.Response, err error) page {
	w.t.Helper()
	cloudtest.Check(w.t, err)
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	cloudtest.Check(w.t, err)
	return page{a.StatusCode, a.Request.URL, string(text)}
}

func (w *walker) open(address string) page {
	w.t.Helper()
	return w.read(w.client.Get(address))
}

// sentTo is where an address sends who opens it, who stays.
func (w *walker) sentTo(address string) *url.URL {
	w.t.Helper()
	stays := w.client
	stays.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a, err := stays.Get(address)
	cloudtest.Check(w.t, err)
	defer a.Body.Close()
	to, err := a.Location()
	cloudtest.Check(w.t, err)
	return to
}

// form is one on a page, with what stands in its fields.
type form struct {
	action string
	fields url.Values
}

// send sends a form, with these fields filled in.
func (w *walker) send(f form, fill ...string) page {
	w.t.Helper()
	for i := 0; i+1 < len(fill); i += 2 {
		f.fields.Set(fill[i], fill[i+1])
	}
	return w.read(w.client.PostForm(f.action, f.fields))
}

// form finds the form with a field of this name.
func (w *walker) form(p page, field string) form {
	w.t.Helper()
	f, ok := formWith(p, field)
	if !ok {
		w.t.Fatalf("no form with %s at %s: %d %s", field, p.at, p.status, p.text)
	}
	return f
}

func formWith(p page, field string) (form, bool) {
	root, err := html.Parse(strings.NewReader(p.text))
	if err != nil {
		return form{}, false
	}
	for n := range root.Descendants() {
		if n.DataAtom != atom.Form {
			continue
		}
		if f, err := readForm(n, p.at); err == nil && f.fields.Has(field) {
			return f, true
		}
	}
	return form{}, false
}

func readForm(n *html.Node, at *url.URL) (form, error) {
	action, err := at.Parse(attribute(n, "action"))
	if err != nil {
		return form{}, err
	}
	f := form{action.String(), url.Values{}}
	for n := range n.Descendants() {
		if name := attribute(n, "name"); n.DataAtom == atom.Input && name != "" && attribute(n, "type") != "submit" {
			f.fields.Set(name, attribute(n, "value"))
		}
	}
	return f, nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
