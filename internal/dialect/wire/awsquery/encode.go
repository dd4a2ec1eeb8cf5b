package awsquery

import (
	"encoding/base64"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// TimeLayout is how times are written, in UTC.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// Append writes the fields of the struct that answer points to as XML elements, without one around them. A scalar that is not set
// is left out, as is a list below the first level that is nil; a list of the first level is always there.
func Append(dst []byte, answer any) []byte {
	v := reflect.ValueOf(answer).Elem()
	p := planOf(v.Type())
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Slice && f.IsNil() && f.Type() != bytesType {
			dst = AppendElement(dst, p.names[i], "")
			continue
		}
		dst = appendField(dst, p.names[i], f)
	}
	return dst
}

// AppendElement writes an element that holds text.
func AppendElement(dst []byte, name, text string) []byte {
	if text == "" {
		return append(append(append(dst, '<'), name...), '/', '>')
	}
	dst = open(dst, name)
	dst = appendText(dst, text)
	return shut(dst, name)
}

func open(dst []byte, name string) []byte { return append(append(append(dst, '<'), name...), '>') }

func shut(dst []byte, name string) []byte {
	return append(append(append(dst, '<', '/'), name...), '>')
}

func appendStructure(dst []byte, v reflect.Value) []byte {
	p := planOf(v.Type())
	for i := range v.NumField() {
		dst = appendField(dst, p.names[i], v.Field(i))
	}
	return dst
}

func appendField(dst []byte, name string, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return dst
		}
		v = v.Elem()
	case reflect.String:
		if v.Len() == 0 {
			return dst
		}
	case reflect.Slice:
		if v.IsNil() {
			return dst
		}
	}
	dst = open(dst, name)
	dst = appendValue(dst, v)
	return shut(dst, name)
}

func appendValue(dst []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.String:
		return appendText(dst, v.String())
	case reflect.Bool:
		return strconv.AppendBool(dst, v.Bool())
	case reflect.Int, reflect.Int64:
		return strconv.AppendInt(dst, v.Int(), 10)
	case reflect.Float64:
		return strconv.AppendFloat(dst, v.Float(), 'g', -1, 64)
	case reflect.Slice:
		return appendList(dst, v)
	case reflect.Struct:
		if v.Type() == timeType {
			return v.Interface().(time.Time).UTC().AppendFormat(dst, TimeLayout)
		}
		return appendStructure(dst, v)
	}
	panic("awsquery: no way to write a " + v.Type().String())
}

func appendList(dst []byte, v reflect.Value) []byte {
	if v.Type() == bytesType {
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	}
	for i := range v.Len() {
		dst = open(dst, "item")
		dst = appendValue(dst, v.Index(i))
		dst = shut(dst, "item")
	}
	return dst
}

// appendText escapes what XML gives a meaning. What it cannot carry at all becomes U+FFFD.
func appendText(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r < ' ' && r != '\n' && r != '\t', r == 0xFFFE, r == 0xFFFF:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
