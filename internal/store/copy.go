package store

import (
	"maps"
	"reflect"
	"slices"
)

// copier makes the function that copies a remembered noun for a caller. Slices,
// maps and pointers right inside the noun are copied too: writing through
// them is forbidden, but one who forgets must not change what others read, or end the
// process by writing a map that somebody reads.
func copier[T any]() func(*T) *T {
	fields := reference(reflect.TypeFor[T](), nil)
	return func(t *T) *T {
		c := *t
		v := reflect.ValueOf(&c).Elem()
		for _, path := range fields {
			own(v.FieldByIndex(path))
		}
		return &c
	}
}

// reference lists the fields of a struct that refer to memory elsewhere, also those of
// structs inside it.
func reference(t reflect.Type, path []int) (out [][]int) {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		at := append(append([]int(nil), path...), i)
		switch f.Type.Kind() {
		case reflect.Slice, reflect.Map, reflect.Pointer:
			out = append(out, at)
		case reflect.Struct:
			out = append(out, reference(f.Type, at)...)
		}
	}
	return out
}

// own replaces what f refers to by a copy, one level deep.
func own(f reflect.Value) {
	if f.IsNil() {
		return
	}
	switch m := f.Addr().Interface().(type) {
	case *map[string]string: // most maps are; reflection takes five times as long
		*m = maps.Clone(*m)
		return
	case *[]string:
		*m = slices.Clone(*m)
		return
	}
	switch f.Kind() {
	case reflect.Pointer:
		p := reflect.New(f.Type().Elem())
		p.Elem().Set(f.Elem())
		f.Set(p)
	case reflect.Slice:
		s := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
		reflect.Copy(s, f)
		f.Set(s)
	case reflect.Map:
		m := reflect.MakeMapWithSize(f.Type(), f.Len())
		for i := f.MapRange(); i.Next(); {
			m.SetMapIndex(i.Key(), i.Value())
		}
		f.Set(m)
	}
}
