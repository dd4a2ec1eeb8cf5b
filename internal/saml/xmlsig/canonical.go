package xmlsig

import (
	"cmp"
	"io"
	"slices"
)

// canonical writes tokens in exclusive canonical form. It is given the tokens of one element, from its start to its end.
type canonical struct {
	out       io.Writer
	inclusive []string // prefixes that are written where they are declared, used or not; "#default" for none

	buf      []byte
	rendered []Binding // what is written of the open elements
	open     []int     // how many of rendered were there before each
	fresh    []Binding // of the element being written
	sorted   []Attr
}

const canonicalBuffer = 32 << 10

// write writes one token; scope are the namespaces that are in force there.
func (c *canonical) write(t *Token, scope []Binding) {
	switch t.Kind {
	case StartTag:
		c.start(t.Name, t.Attrs, scope)
	case EndTag:
		c.end(t.Name)
	case Text:
		c.text(t.Text)
	}
	if len(c.buf) > canonicalBuffer {
		c.flush()
	}
}

// flush hands on what was written; hashes and buffers do not fail.
func (c *canonical) flush() {
	_, _ = c.out.Write(c.buf)
	c.buf = c.buf[:0]
}

func (c *canonical) start(name Name, attrs []Attr, scope []Binding) {
	c.open = append(c.open, len(c.rendered))
	c.fresh = c.fresh[:0]
	c.use(name.Prefix, name.Space)
	for _, a := range attrs {
		if a.Prefix != "" {
			c.use(a.Prefix, a.Space)
		}
	}
	for _, prefix := range c.inclusive {
		if prefix == "#default" {
			prefix = ""
		}
		if space, bound := lookup(scope, prefix); bound {
			c.use(prefix, space)
		}
	}
	slices.SortFunc(c.fresh, func(a, b Binding) int { return cmp.Compare(a.Prefix, b.Prefix) })
	c.rendered = append(c.rendered, c.fresh...)
	c.buf = appendName(append(c.buf, '<'), name)
	for _, b := range c.fresh {
		c.declare(b)
	}
	c.attributes(attrs)
	c.buf = append(c.buf, '>')
}

// use takes a namespace among the fresh ones unless it is in force in what is written already.
func (c *canonical) use(prefix, space string) {
	if prefix == "xml" {
		return
	}
	if written, _ := lookup(c.rendered, prefix); written == space {
		return // for the default namespace, none is in force at first
	}
	if !slices.ContainsFunc(c.fresh, func(b Binding) bool { return b.Prefix == prefix }) {
		c.fresh = append(c.fresh, Binding{prefix, space})
	}
}

func (c *canonical) declare(b Binding) {
	c.buf = append(c.buf, " xmlns"...)
	if b.Prefix != "" {
		c.buf = append(append(c.buf, ':'), b.Prefix...)
	}
	c.value(b.Space)
}

// attributes are in the order of their namespaces and then of their names.
func (c *canonical) attributes(attrs []Attr) {
	if len(attrs) > 1 {
		c.sorted = append(c.sorted[:0], attrs...)
		slices.SortFunc(c.sorted, func(a, b Attr) int {
			return cmp.Or(cmp.Compare(a.Space, b.Space), cmp.Compare(a.Local, b.Local))
		})
		attrs = c.sorted
	}
	for _, a := range attrs {
		c.buf = appendName(append(c.buf, ' '), a.Name)
		c.value(a.Value)
	}
}

func (c *canonical) value(v string) {
	c.buf = append(c.buf, `="`...)
	for i := range len(v) {
		switch v[i] {
		case '&':
			c.buf = append(c.buf, "&amp;"...)
		case '<':
			c.buf = append(c.buf, "&lt;"...)
		case '"':
			c.buf = append(c.buf, "&quot;"...)
		case '\t':
			c.buf = append(c.buf, "&#x9;"...)
		case '\n':
			c.buf = append(c.buf, "&#xA;"...)
		case '\r':
			c.buf = append(c.buf, "&#xD;"...)
		default:
			c.buf = append(c.buf, v[i])
		}
	}
	c.buf = append(c.buf, '"')
}

func (c *canonical) text(text []byte) {
	for _, b := range text {
		switch b {
		case '&':
			c.buf = append(c.buf, "&amp;"...)
		case '<':
			c.buf = append(c.buf, "&lt;"...)
		case '>':
			c.buf = append(c.buf, "&gt;"...)
		case '\r':
			c.buf = append(c.buf, "&#xD;"...)
		default:
			c.buf = append(c.buf, b)
		}
	}
}

func (c *canonical) end(name Name) {
	last := len(c.open) - 1
	c.rendered, c.open = c.rendered[:c.open[last]], c.open[:last]
	c.buf = append(appendName(append(c.buf, "</"...), name), '>')
}

func appendName(buf []byte, name Name) []byte {
	if name.Prefix != "" {
		buf = append(append(buf, name.Prefix...), ':')
	}
	return append(buf, name.Local...)
}
