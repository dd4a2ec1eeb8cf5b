package ec2

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// only refuses members of a structure in a request that are given and mean nothing here, as actions do with those of the request
// itself. in is a pointer to the structure, nil for none; name is how the client calls it.
func only(in any, name, members string) error {
	v := reflect.ValueOf(in)
	if v.IsNil() {
		return nil
	}
	v = v.Elem()
	taken := strings.Fields(members)
	for i := range v.NumField() {
		if f := v.Type().Field(i); asksSomething(v.Field(i)) && !slices.Contains(taken, f.Name) {
			return unsupported("The parameter %s.%s is not supported by this cloud.", name, f.Tag.Get("query"))
		}
	}
	return nil
}

// asksSomething tells of a value that is given, and is no switch that is off, or nothing but such.
func asksSomething(v reflect.Value) bool {
	switch {
	case v.IsZero():
		return false
	case v.Kind() == reflect.Pointer && (v.Elem().Kind() == reflect.Bool || v.Elem().Kind() == reflect.Struct):
		return asksSomething(v.Elem())
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			if asksSomething(v.Field(i)) {
				return true
			}
		}
		return false
	}
	return true
}
