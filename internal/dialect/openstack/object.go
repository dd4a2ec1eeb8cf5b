package openstack

import (
	"slices"
	"strconv"
	"strings"
)

// Object is a JSON object whose values are written down as they are set, for answers with thousands of objects: a map
// of each would cost more than all else. It is encoded as a map with the same keys would be, sorted. The zero value is
// empty; setting a key again replaces its value.
type Object struct {
	text   []byte // the values, in the order they were set
	fields []field
	err    error
	layout layout
	inner  *Object // what Object fills in
}

// field is a key, and where its value stands in the object's text.
type field struct {
	key      string
	from, to int
}

// layout is how objects with the same keys, set in the same order, are written. The objects of one list have mostly
// one layout, so it is kept from one to the next.
type layout struct {
	keys  []string // as they were set
	order []place
}

// place is a field by its number, with its key as written.
type place struct {
	field  int
	quoted string
}

// Text sets a string.
func (o *Object) Text(key, value string) {
	from := o.begin(key)
	o.end(from, AppendString(o.text, value))
}

// TextOrNull sets a string, or null for an empty one.
func (o *Object) TextOrNull(key, value string) {
	if value == "" {
		o.Null(key)
		return
	}
	o.Text(key, value)
}

// Number sets a whole number.
func (o *Object) Number(key string, n int) {
	from := o.begin(key)
	o.end(from, strconv.AppendInt(o.text, int64(n), 10))
}

// Flag sets true or false.
func (o *Object) Flag(key string, on bool) {
	from := o.begin(key)
	o.end(from, strconv.AppendBool(o.text, on))
}

// Null sets null.
func (o *Object) Null(key string) {
	o.Append(key, func(b []byte) []byte { return append(b, "null"...) })
}

// Set sets any value that JSON can say.
func (o *Object) Set(key string, v any) {
	from := o.begin(key)
	text, err := appendJSON(o.text, v)
	if err != nil {
		o.err = err
	}
	o.end(from, text)
}

// Object sets the object that fill makes.
func (o *Object) Object(key string, fill func(*Object)) {
	if o.inner == nil {
		o.inner = &Object{}
	}
	o.inner.reset()
	fill(o.inner)
	o.Set(key, o.inner)
}

// Append sets what write appends, which must be one JSON value.
func (o *Object) Append(key string, write func(b []byte) []byte) {
	from := o.begin(key)
	o.end(from, write(o.text))
}

// Drop removes a key.
func (o *Object) Drop(key string) {
	o.fields = slices.DeleteFunc(o.fields, func(f field) bool { return f.key == key })
}

// reset empties the object and keeps its memory.
func (o *Object) reset() { o.text, o.fields, o.err = o.text[:0], o.fields[:0], nil }

func (o *Object) begin(key string) (from int) {
	o.fields = append(o.fields, field{key: key, from: len(o.text)})
	return len(o.text)
}

func (o *Object) end(from int, text []byte) {
	o.text = text
	o.fields[len(o.fields)-1].to = len(text)
}

func (o *Object) appendTo(b []byte) ([]byte, error) {
	if !o.layout.fits(o.fields) {
		o.layout = layoutOf(o.fields)
	}
	b = append(b, '{')
	for i, p := range o.layout.order {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, p.quoted...)
		b = append(b, o.text[o.fields[p.field].from:o.fields[p.field].to]...)
	}
	return append(b, '}'), o.err
}

func (l *layout) fits(fields []field) bool {
	return slices.EqualFunc(l.keys, fields, func(key string, f field) bool { return key == f.key })
}

// layoutOf sorts the keys. Of one that was set twice, the later value counts.
func layoutOf(fields []field) (l layout) {
	for i, f := range fields {
		l.keys = append(l.keys, f.key)
		l.order = append(l.order, place{i, string(AppendString(nil, f.key)) + ":"})
	}
	slices.SortStableFunc(l.order, func(x, y place) int { return strings.Compare(fields[x.field].key, fields[y.field].key) })
	slices.Reverse(l.order)
	l.order = slices.CompactFunc(l.order, func(x, y place) bool { return fields[x.field].key == fields[y.field].key })
	slices.Reverse(l.order)
	return l
}

// Each is a JSON list with an object for each row, which show fills in, one after the other, while the answer is encoded.
func Each[T any](rows []T, show func(o *Object, row T)) any { return &each[T]{rows, show} }

type each[T any] struct {
	rows []T
	show func(*Object, T)
}

func (e *each[T]) appendTo(b []byte) ([]byte, error) {
	var o Object
	var err error
	from := len(b)
	b = append(b, '[')
	for i, row := range e.rows {
		if i > 0 {
			b = append(b, ',')
		}
		o.reset()
		e.show(&o, row)
		if i == 1 { // the others are about as long as the first
			b = slices.Grow(b, (len(b)-from)*len(e.rows)*9/8)
		}
		if b, err = o.appendTo(b); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}
