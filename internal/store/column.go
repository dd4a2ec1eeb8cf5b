package store

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// kind is what a column holds.
type kind int

const (
	kindText    kind = iota
	kindFold         // text in lower case: equal whatever the case of what was stored or asked
	kindNumber       // int64
	kindDouble       // float64
	kindFlag         // bool, as 0 or 1
	kindInstant      // time, as microseconds since 1970; 0: never
	kindSet          // several texts, in a table of their own; Eq and In ask whether one is among them
)

// column is one indexed fact about a noun.
type column[T any] struct {
	name string
	kind kind
	of   func(*T) any
}

func text[T any](name string, of func(*T) any) column[T]    { return column[T]{name, kindText, of} }
func fold[T any](name string, of func(*T) any) column[T]    { return column[T]{name, kindFold, of} }
func number[T any](name string, of func(*T) any) column[T]  { return column[T]{name, kindNumber, of} }
func double[T any](name string, of func(*T) any) column[T]  { return column[T]{name, kindDouble, of} }
func flag[T any](name string, of func(*T) any) column[T]    { return column[T]{name, kindFlag, of} }
func instant[T any](name string, of func(*T) any) column[T] { return column[T]{name, kindInstant, of} }
func set[T any](name string, of func(*T) any) column[T]     { return column[T]{name, kindSet, of} }

// encode turns a value of a noun, or of a condition, into what the column stores.
func (k kind) encode(v any) (any, error) {
	switch k {
	case kindNumber:
		return encodeNumber(v)
	case kindDouble:
		return encodeDouble(v)
	case kindFlag:
		return encodeFlag(v)
	case kindInstant:
		return encodeInstant(v)
	case kindFold:
		s, err := encodeText(v)
		return strings.ToLower(s), err
	default:
		return encodeText(v)
	}
}

// encodeText accepts strings of any type, pointers to them, and whatever prints
// itself (addresses); nil and zero values are "". PostgreSQL takes neither NUL nor
// broken UTF-8 in text, so both are replaced, in rows and in conditions alike.
func encodeText(v any) (string, error) {
	switch s := v.(type) {
	case string:
		return cleanText(s), nil
	case nil:
		return "", nil
	}
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.Pointer {
		if r.IsNil() {
			return "", nil
		}
		r = r.Elem()
	}
	if r.Kind() == reflect.String {
		return cleanText(r.String()), nil
	}
	if r.IsZero() {
		return "", nil
	}
	if s, ok := r.Interface().(fmt.Stringer); ok {
		return cleanText(s.String()), nil
	}
	return "", fmt.Errorf("a %T is not text", v)
}

func cleanText(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func encodeNumber(v any) (any, error) {
	switch n := v.(type) {
	case int:
		return int64(n), nil
	case int64:
		return n, nil
	case nil:
		return int64(0), nil
	}
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return r.Int(), nil
	case r.CanUint():
		return int64(r.Uint()), nil
	}
	return nil, fmt.Errorf("a %T is not a number", v)
}

func encodeDouble(v any) (any, error) {
	switch r := reflect.ValueOf(v); {
	case r.CanFloat():
		return r.Float(), nil
	case r.CanInt():
		return float64(r.Int()), nil
	}
	return nil, fmt.Errorf("a %T is not a number", v)
}

func encodeFlag(v any) (any, error) {
	r := reflect.ValueOf(v)
	if !r.IsValid() || r.Kind() != reflect.Bool {
		return nil, fmt.Errorf("a %T is neither true nor false", v)
	}
	if r.Bool() {
		return int64(1), nil
	}
	return int64(0), nil
}

func encodeInstant(v any) (any, error) {
	switch t := v.(type) {
	case time.Time:
		return micros(t), nil
	case *time.Time:
		if t == nil {
			return int64(0), nil
		}
		return micros(*t), nil
	case nil:
		return int64(0), nil
	}
	return nil, fmt.Errorf("a %T is not a time", v)
}

// micros is a time as columns keep it. The zero time is 0, not a year of long ago.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// encodeList encodes each value of a slice, as []string, []int64 or []float64.
func (k kind) encodeList(v any) (any, int, error) {
	r := reflect.ValueOf(v)
	if !r.IsValid() || r.Kind() == reflect.Slice && r.IsNil() {
		return nil, 0, nil
	}
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array {
		return nil, 0, fmt.Errorf("a %T is not a slice", v)
	}
	switch k {
	case kindText, kindFold, kindSet:
		return encodeEach[string](k, r)
	case kindDouble:
		return encodeEach[float64](k, r)
	default:
		return encodeEach[int64](k, r)
	}
}

// encodeEach sorts and drops what stands twice: an engine looks up ordered values in half the time.
func encodeEach[V cmp.Ordered](k kind, r reflect.Value) (any, int, error) {
	out := make([]V, r.Len())
	for i := range out {
		v, err := k.encode(r.Index(i).Interface())
		if err != nil {
			return nil, 0, err
		}
		out[i] = v.(V)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out, len(out), nil
}
