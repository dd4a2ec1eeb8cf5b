package xmlsig

import (
	"errors"
	"io"
	"strings"
	"testing"
)

var limits = Limits{Bytes: 1 << 20, Depth: 20, Attributes: 20, TokenBytes: 1 << 16, Comments: true}

// Documents in exclusive canonical form. The first ones are from the recommendations.
func TestCanonical(t *testing.T) {
	cases := []struct{ in, inclusive, want string }{
		{`<?xml version="1.0"?><doc>Hello, world!<!-- Comment 1 --></doc>`, "", `<doc>Hello, world!</doc>`},
		{"<doc>\r\n   <e1   />\r   <e3   name = \"elem3\"   id=\"elem3\"   />\n</doc  >", "", "<doc>\n   <e1></e1>\n   <e3 id=\"elem3\" name=\"elem3\"></e3>\n</doc>"},
		{`<e5 a:attr="out" b:attr="sorted" attr2="all" attr="I'm" xmlns:b="http://www.ietf.org" xmlns:a="http://www.w3.org" xmlns="http://example.org"/>`, "",
			`<e5 xmlns="http://example.org" xmlns:a="http://www.w3.org" xmlns:b="http://www.ietf.org" attr="I'm" attr2="all" b:attr="sorted" a:attr="out"></e5>`},
		{`<text>First line&#x0d;&#10;Second line</text>`, "", "<text>First line&#xD;\nSecond line</text>"},
		{`<value><![CDATA[value>"0" && value<"10" ?"valid":"error"]]></value>`, "", `<value>value&gt;"0" &amp;&amp; value&lt;"10" ?"valid":"error"</value>`},
		{`<compute expr='value>"0" &amp;&amp; value&lt;"10" ?"valid":"error"'>x</compute>`, "",
			`<compute expr="value>&quot;0&quot; &amp;&amp; value&lt;&quot;10&quot; ?&quot;valid&quot;:&quot;error&quot;">x</compute>`},
		{"<norm attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; ' b='a\n\tb\r\nc'/>", "", `<norm attr=" '    &#xD;&#xA;&#x9;   ' " b="a  b c"></norm>`},
		{`<doc>&#169;©</doc>`, "", `<doc>©©</doc>`},
		{`<n0:local xmlns:n0="foo:bar" xmlns:n3="ftp://example.org"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff/></n1:elem2></n0:local>`, "",
			`<n0:local xmlns:n0="foo:bar"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2></n0:local>`},
		{`<a xmlns:x="u"><b x:c=""/><x:d/></a>`, "x", `<a xmlns:x="u"><b x:c=""></b><x:d></x:d></a>`},
		{`<a xmlns="u"><b xmlns=""><c/></b><d/></a>`, "", `<a xmlns="u"><b xmlns=""><c></c></b><d></d></a>`},
		{`<p:a xmlns="u" xmlns:p="v"><b xmlns=""/></p:a>`, "#default", `<p:a xmlns="u" xmlns:p="v"><b xmlns=""></b></p:a>`},
		{`<p:a xmlns="u" xmlns:p="v"><b xmlns=""/></p:a>`, "", `<p:a xmlns:p="v"><b></b></p:a>`},
		{`<p:a xmlns:p="u"><p:b xmlns:p="v"/><p:c/></p:a>`, "", `<p:a xmlns:p="u"><p:b xmlns:p="v"></p:b><p:c></p:c></p:a>`},
	}
	for _, c := range cases {
		e, err := Parse([]byte(c.in), limits)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := string(e.canonical(strings.Fields(c.inclusive), nil)); got != c.want {
			t.Errorf("%s\ngives %s\nwant  %s", c.in, got, c.want)
		}
		if again, err := Parse(e.Canonical(), limits); err != nil || string(again.Canonical()) != string(e.Canonical()) {
			t.Errorf("%s: its canonical form is not its own: %v", c.in, err)
		}
	}
}

// An element in the midst of a document has the same canonical form wherever its namespaces are declared.
func TestCanonicalWithin(t *testing.T) {
	around, err := Parse([]byte(`<x:a xmlns:x="u" xmlns:y="v" xmlns="w"><b y:c="1"/></x:a>`), limits)
	if err != nil {
		t.Fatal(err)
	}
	const want = `<b xmlns="w" xmlns:y="v" y:c="1"></b>`
	if got := string(around.Elements()[0].Canonical()); got != want {
		t.Errorf("got %s", got)
	}
	e, err := ParseWithin(around, []byte(`<b y:c="1"/>`), limits)
	if err != nil || string(e.Canonical()) != want {
		t.Errorf("got %v", err)
	}
}

// What is not XML as this package reads it is refused for its reason.
func TestRefused(t *testing.T) {
	strict := limits
	strict.Comments = false
	cases := map[string]error{
		"":                 ErrMalformed,
		"   ":              ErrMalformed,
		"text":             ErrMalformed,
		"<a>":              ErrMalformed,
		"<a></b>":          ErrMalformed,
		"<a/><b/>":         ErrMalformed,
		"<a/>text":         ErrMalformed,
		"text<a/>":         ErrMalformed,
		"</a>":             ErrMalformed,
		"<a></a></a>":      ErrMalformed,
		"<a":               ErrMalformed,
		"<":                ErrMalformed,
		"<a b>x</a>":       ErrMalformed,
		"<a b=c/>":         ErrMalformed,
		"<a b='c'd='e'/>":  ErrMalformed,
		"<a b='<'/>":       ErrMalformed,
		"<a b='c' b='c'/>": ErrMalformed,
		"<a x:b='' y:b='' xmlns:x='u' xmlns:y='u'/>": ErrMalformed,
		"<x:a/>":                       ErrMalformed,
		"<a x:b=''/>":                  ErrMalformed,
		"<a xmlns:x=''/>":              ErrMalformed,
		"<a xmlns:x='u' xmlns:x='u'/>": ErrMalformed,
		"<a xmlns:xml='u'/>":           ErrMalformed,
		"<a xmlns:xmlns='u'/>":         ErrMalformed,
		"<a xmlns:x='http://www.w3.org/XML/1998/namespace'/>": ErrMalformed,
		"<a:b:c xmlns:a='u'/>":                                ErrMalformed,
		"<1/>":                                                ErrMalformed,
		"<é/>":                                                ErrMalformed,
		"< a/>":                                               ErrMalformed,
		"<a/ >":                                               ErrMalformed,
		"<a>&b;</a>":                                          ErrMalformed,
		"<a>&amp</a>":                                         ErrMalformed,
		"<a>&#0;</a>":                                         ErrMalformed,
		"<a>&#xD800;</a>":                                     ErrMalformed,
		"<a>&#xFFFF;</a>":                                     ErrMalformed,
		"<a>&#+65;</a>":                                       ErrMalformed,
		"<a>\x00</a>":                                         ErrMalformed,
		"<a>\xff</a>":                                         ErrMalformed,
		"<a>\uFFFE</a>":                                       ErrMalformed,
		"<a>]]></a>":                                          ErrMalformed,
		"<![CDATA[a]]>":                                       ErrMalformed,
		"<a><![CDATA[a</a>":                                   ErrMalformed,
		"<a><![IGNORE[a]]></a>":                               ErrDTD,
		"<?xml version='1.1'?><a/>":                           ErrMalformed,
		"<?xml version='1.0' encoding='latin1'?><a/>": ErrMalformed,
		" <?xml version='1.0'?><a/>":                  ErrComment,
		"<a><?b?></a>":                                ErrComment,
		"<a><!-- b --></a>":                           ErrComment,
		"<!DOCTYPE a><a/>":                            ErrDTD,
		"<!doctype a><a/>":                            ErrDTD,
		"<a><!ENTITY b 'c'></a>":                      ErrDTD,
		strings.Repeat("<a>", 21) + "</a>":            ErrTooLarge,
		"<a>" + strings.Repeat("b", 1<<17):            ErrTooLarge,
		"<a b='" + strings.Repeat("b", 1<<17):         ErrTooLarge,
	}
	for document, want := range cases {
		if e, err := Parse([]byte(document), strict); e != nil || !errors.Is(err, want) {
			t.Errorf("%.60q: got %v, want %v", document, err, want)
		}
	}
	for _, document := range []string{"<a><!-- b -- c --></a>", "<a><!--></a>", "<a><!-- ---></a>", "<a><!-- b</a>"} {
		if _, err := Parse([]byte(document), limits); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v", document, err)
		}
	}
}

// A comment that is skipped splits no text.
func TestSkippedComment(t *testing.T) {
	e, err := Parse([]byte("<!-- x --><a>admin<!-- > '\" -->.evil<!----></a><!-- y -->"), limits)
	if err != nil {
		t.Fatal(err)
	}
	if text, whole := e.Text(); text != "admin.evil" || !whole {
		t.Errorf("got %q", text)
	}
}

// A document is bounded as it streams, whatever its reader gives at once.
func TestBounded(t *testing.T) {
	s := NewScanner(io.MultiReader(strings.NewReader("<a>"), neverEnding{}), limits)
	for {
		if _, err := s.Next(); err != nil {
			if !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v", err)
			}
			return
		}
	}
}

// neverEnding is <b/> again and again.
type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return copy(p, "<b/>"), nil }
