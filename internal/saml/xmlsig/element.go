package xmlsig

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// Element is an element with all that is in it.
type Element struct {
	Name
	Attrs    []Attr
	Children []Node

	parent   *Element
	declared []Binding
	outer    []Binding // in scope around an element without a parent
}

// Node is an element or a text, never both.
type Node struct {
	Element *Element
	Text    string
}

// Parse reads a document whole and answers its root.
func Parse(document []byte, limits Limits) (*Element, error) {
	return parse(NewScanner(bytes.NewReader(document), limits))
}

// ParseWithin reads an element that may use the namespaces that are in scope in another.
func ParseWithin(around *Element, fragment []byte, limits Limits) (*Element, error) {
	s := NewScanner(bytes.NewReader(fragment), limits)
	s.bindings = around.scope()
	return parse(s)
}

func parse(s *Scanner) (*Element, error) {
	first, err := s.Next()
	if err != nil {
		return nil, cut(err)
	}
	root, err := s.Subtree(first)
	if err != nil {
		return nil, err
	}
	if _, err := s.Next(); !errors.Is(err, io.EOF) {
		return nil, err // there is no token behind the root
	}
	return root, nil
}

// Subtree reads the rest of the element whose start tag was the last token.
func (s *Scanner) Subtree(start *Token) (*Element, error) {
	root := newElement(start, nil)
	root.outer = slices.Clone(s.bindings[:len(s.bindings)-len(root.declared)])
	for at := root; at != nil; {
		t, err := s.Next()
		if err != nil {
			return nil, cut(err)
		}
		switch t.Kind {
		case StartTag:
			child := newElement(t, at)
			at.Children = append(at.Children, Node{Element: child})
			at = child
		case EndTag:
			at = at.parent
		case Text:
			at.addText(string(t.Text))
		}
	}
	return root, nil
}

func newElement(t *Token, parent *Element) *Element {
	return &Element{Name: t.Name, Attrs: slices.Clone(t.Attrs), declared: slices.Clone(t.declared), parent: parent}
}

// addText joins it to a text before it: a skipped comment splits no text.
func (e *Element) addText(text string) {
	if n := len(e.Children); n > 0 && e.Children[n-1].Element == nil {
		e.Children[n-1].Text += text
		return
	}
	e.Children = append(e.Children, Node{Text: text})
}

// scope are the namespaces in force in an element.
func (e *Element) scope() []Binding {
	if e.parent == nil {
		return append(slices.Clone(e.outer), e.declared...)
	}
	return append(e.parent.scope(), e.declared...)
}

// Attr is the value of an attribute without a namespace.
func (e *Element) Attr(local string) string { return e.AttrOf("", local) }

// AttrOf is the value of an attribute.
func (e *Element) AttrOf(space, local string) string {
	for _, a := range e.Attrs {
		if a.Is(space, local) {
			return a.Value
		}
	}
	return ""
}

// Elements are the child elements.
func (e *Element) Elements() (out []*Element) {
	for _, n := range e.Children {
		if n.Element != nil {
			out = append(out, n.Element)
		}
	}
	return out
}

// All are the child elements of a name.
func (e *Element) All(space, local string) []*Element {
	return slices.DeleteFunc(e.Elements(), func(c *Element) bool { return !c.Is(space, local) })
}

// One is the child element of a name, nil where there is none or several.
func (e *Element) One(space, local string) *Element {
	if all := e.All(space, local); len(all) == 1 {
		return all[0]
	}
	return nil
}

// Text is what stands in an element that has no child elements; false where it has.
func (e *Element) Text() (string, bool) {
	var text strings.Builder
	for _, n := range e.Children {
		if n.Element != nil {
			return "", false
		}
		text.WriteString(n.Text)
	}
	return text.String(), true
}

// Walk calls visit for an element and all below it.
func (e *Element) Walk(visit func(*Element)) {
	visit(e)
	for _, n := range e.Children {
		if n.Element != nil {
			n.Element.Walk(visit)
		}
	}
}

// top is the root of the document that an element is in.
func (e *Element) top() *Element {
	for e.parent != nil {
		e = e.parent
	}
	return e
}

// Canonical is an element in exclusive canonical form.
func (e *Element) Canonical() []byte { return e.canonical(nil, nil) }

// canonical leaves one child element out.
func (e *Element) canonical(inclusive []string, without *Element) []byte {
	var out bytes.Buffer
	c := &canonical{out: &out, inclusive: inclusive}
	e.render(c, e.scope(), without)
	c.flush()
	return out.Bytes()
}

func (e *Element) render(c *canonical, scope []Binding, without *Element) {
	c.start(e.Name, e.Attrs, scope)
	for _, n := range e.Children {
		switch {
		case n.Element == nil:
			c.text([]byte(n.Text))
		case n.Element != without:
			n.Element.render(c, append(scope[:len(scope):len(scope)], n.Element.declared...), without)
		}
	}
	c.end(e.Name)
}
