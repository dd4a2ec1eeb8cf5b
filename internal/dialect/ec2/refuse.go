package ec2

import (
	"reflect"
	"slices"
	"strings"
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
		if f := v.Type().Field(i); !v.Field(i).IsZero() && !slices.Contains(taken, f.Name) {
			return unsupported("The parameter %s.%s is not supported by this cloud.", name, f.Tag.Get("query"))
		}
	}
	return nil
}
