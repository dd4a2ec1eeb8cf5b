package openstack

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// appendJSON appends v as json.Marshal writes it, byte for byte. The answers of the dialects are trees of a few plain
// types; for these it does without reflection, which is most of the time of a list of a thousand servers. All others
// are left to json.Marshal.
func appendJSON(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case appender:
		return v.appendTo(b)
	case string:
		return AppendString(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case map[string]any:
		return appendMap(b, v)
	case map[string]string:
		return appendMap(b, v)
	case map[string][]any:
		return appendMap(b, v)
	case []any:
		return appendList(b, v)
	case []string:
		return appendList(b, v)
	case []map[string]any:
		return appendList(b, v)
	}
	return appendOther(b, v)
}

// appender is what encodes itself: an Object, or a list of them.
type appender interface {
	appendTo(b []byte) ([]byte, error)
}

// appendOther takes ids, which are strings by another name, and leaves the rest to json.Marshal.
func appendOther(b []byte, v any) ([]byte, error) {
	if r := reflect.ValueOf(v); r.Kind() == reflect.String && !speaksForItself(v) {
		return AppendString(b, r.String()), nil
	}
	encoded, err := json.Marshal(v)
	return append(b, encoded...), err
}

func speaksForItself(v any) bool {
	switch v.(type) {
	case json.Marshaler, encoding.TextMarshaler, json.Number:
		return true
	}
	return false
}

// keysUsual is how many keys an object may have before its sorting needs memory of its own.
const keysUsual = 64

func appendMap[V any](b []byte, m map[string]V) ([]byte, error) {
	if m == nil {
		return append(b, "null"...), nil
	}
	var space [keysUsual]string
	keys := space[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b = append(b, '{')
	var err error
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendJSON(append(AppendString(b, k), ':'), m[k]); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func appendList[V any](b []byte, list []V) ([]byte, error) {
	if list == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	var err error
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendJSON(b, v); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// AppendString appends a JSON string. It quotes plain ASCII itself; what needs escaping is rare.
func AppendString(b []byte, s string) []byte {
	for i := range len(s) {
		if !plain[s[i]] {
			encoded, _ := json.Marshal(s) // a string can always be said
			return append(b, encoded...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// plain are the bytes that stand for themselves in a string.
var plain = func() (is [256]bool) {
	for c := ' '; c <= '~'; c++ {
		is[c] = !strings.ContainsRune(`"\<>&`, c)
	}
	return is
}()
