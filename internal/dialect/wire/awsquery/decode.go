package awsquery

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Error says which parameter could not be read, and why. Unknown: the type has no place for it.
type Error struct {
	Parameter string
	Unknown   bool
	Why       string
}

func (e *Error) Error() string { return fmt.Sprintf("the parameter %s %s", e.Parameter, e.Why) }

// Decode reads parameters into the struct that into points to. Its fields are named by their "query" tags.
func Decode(parameters url.Values, into any) error {
	return tree(parameters).structure(reflect.ValueOf(into).Elem())
}

// Given are the first parts of the parameters that have a value: the members of the request that were given.
func Given(parameters url.Values) map[string]bool {
	given := map[string]bool{}
	for key, values := range parameters {
		if values[0] != "" {
			first, _, _ := strings.Cut(key, ".")
			given[first] = true
		}
	}
	return given
}

// Off tells of a member all of whose values that were given are false.
func Off(parameters url.Values, member string) bool {
	for key, values := range parameters {
		if first, _, _ := strings.Cut(key, "."); first == member && values[0] != "" && !strings.EqualFold(values[0], "false") {
			return false
		}
	}
	return true
}

// node is a parameter, or what several parameters begin with.
type node struct {
	path  string
	value string // of a parameter
	parts map[string]*node
}

// tree sorts parameters by the parts of their names. A parameter without a value is left out.
func tree(parameters url.Values) *node {
	root := &node{}
	for key, values := range parameters {
		if values[0] == "" {
			continue
		}
		at := root
		for part := range strings.SplitSeq(key, ".") {
			at = at.part(part)
		}
		at.value = values[0]
	}
	return root
}

func (n *node) part(name string) *node {
	if next := n.parts[name]; next != nil {
		return next
	}
	if n.parts == nil {
		n.parts = map[string]*node{}
	}
	next := &node{path: strings.TrimPrefix(n.path+"."+name, ".")}
	n.parts[name] = next
	return next
}

func (n *node) structure(v reflect.Value) error {
	p := planOf(v.Type())
	for name, part := range n.parts {
		i, ok := p.byQuery[name]
		if !ok {
			return &Error{Parameter: part.path, Unknown: true, Why: "is not recognized"}
		}
		if err := part.decode(v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) decode(v reflect.Value) error {
	switch {
	case v.Type() == bytesType:
		return n.blob(v)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return n.decode(v.Elem())
	case v.Kind() == reflect.Slice:
		return n.list(v)
	case v.Type() == timeType:
		return n.time(v)
	case v.Kind() == reflect.Struct:
		return n.structure(v)
	}
	return n.scalar(v)
}

// list takes the members in the order of their numbers. A list that is given like a single value has that one.
func (n *node) list(v reflect.Value) error {
	if n.parts == nil {
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return n.decode(v.Index(0))
	}
	members, err := n.numbered()
	if err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), len(members), len(members)))
	for i, m := range members {
		if err := m.decode(v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) blob(v reflect.Value) error {
	text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.value), ""))
	if err != nil {
		return &Error{Parameter: n.path, Why: "must be encoded in base64"}
	}
	v.SetBytes(text)
	return nil
}

// times are the forms in which clients have been seen to write times.
var times = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02"}

func (n *node) time(v reflect.Value) error {
	for _, layout := range times {
		if t, err := time.Parse(layout, n.value); err == nil {
			v.Set(reflect.ValueOf(t))
			return nil
		}
	}
	return &Error{Parameter: n.path, Why: fmt.Sprintf("must be a time like 2006-01-02T15:04:05Z, not %q", n.value)}
}

func (n *node) scalar(v reflect.Value) error {
	if n.parts != nil {
		return &Error{Parameter: n.path, Why: "must be a single value"}
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.value)
		return nil
	case reflect.Bool:
		b, err := strconv.ParseBool(strings.ToLower(n.value))
		if err != nil {
			return n.invalid("true or false")
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(n.value, 10, 64)
		if err != nil {
			return n.invalid("an integer")
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.value, 64)
		if err != nil {
			return n.invalid("a number")
		}
		v.SetFloat(f)
	default:
		panic("awsquery: no way to read a " + v.Type().String())
	}
	return nil
}

func (n *node) invalid(want string) error {
	return &Error{Parameter: n.path, Why: fmt.Sprintf("must be %s, not %q", want, n.value)}
}
