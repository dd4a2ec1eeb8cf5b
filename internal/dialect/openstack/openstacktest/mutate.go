package openstacktest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

// Unreadable are the forms of a valid body that no service can read.
func Unreadable(body string) []string {
	half := body[:len(body)/2]
	return []string{half, body + " {}", body + "]", "\xef\xbb\xbf\x00" + body, strings.Replace(body, `"`, "\"\xc3\x28", 1), wide(body),
		strings.ReplaceAll(body, `"`, "'"), strings.Repeat("[", 20_000) + body + strings.Repeat("]", 20_000),
		strings.Repeat(`{"a":`, 20_000) + body + strings.Repeat("}", 20_000)}
}

// wide is a text in UTF-16.
func wide(s string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune("\ufeff" + s)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}

// Mutations are what a valid body becomes by one change each: a value, at any depth, becomes a wrong one, a key is missing, or
// is one that nobody knows. Some of them are valid.
func Mutations(body string) ([]string, error) {
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		return nil, err
	}
	var out []string
	for _, changed := range variants(v) {
		b, err := json.Marshal(changed)
		if err != nil {
			return nil, err
		}
		out = append(out, string(b))
	}
	return out, nil
}

func variants(v any) (out []any) {
	for _, w := range wrong {
		out = append(out, json.RawMessage(w))
	}
	switch v := v.(type) {
	case map[string]any:
		out = append(out, objectVariants(v)...)
	case []any:
		out = append(out, listVariants(v)...)
	}
	return append(out, []any{v}, map[string]any{"value": v}, []any{v, v})
}

func objectVariants(v map[string]any) (out []any) {
	with := func(key string, value any) {
		c := maps.Clone(v)
		c[key] = value
		out = append(out, c)
	}
	with("nobody_knows", 1)
	with("", nil)
	for _, key := range slices.Sorted(maps.Keys(v)) {
		without := maps.Clone(v)
		delete(without, key)
		out = append(out, without)
		for _, changed := range variants(v[key]) {
			with(key, changed)
		}
	}
	return out
}

func listVariants(v []any) (out []any) {
	for i := range v {
		for _, changed := range variants(v[i]) {
			c := slices.Clone(v)
			c[i] = changed
			out = append(out, c)
		}
	}
	return out
}
