package awsquery

import (
	"reflect"
	"sync"
	"time"
)

var (
	bytesType = reflect.TypeFor[[]byte]()
	timeType  = reflect.TypeFor[time.Time]()
)

// plan is what is read of a struct's tags once.
type plan struct {
	byQuery map[string]int
	names   []string // in answers, by field
}

var plans sync.Map // reflect.Type to *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{byQuery: map[string]int{}}
	for i := range t.NumField() {
		f := t.Field(i)
		p.byQuery[f.Tag.Get("query")] = i
		p.names = append(p.names, f.Tag.Get("xml"))
	}
	got, _ := plans.LoadOrStore(t, p)
	return got.(*plan)
}

// Members are the names of a request type's members in requests, in the order of its fields.
func Members(request reflect.Type) (names []string) {
	for i := range request.NumField() {
		names = append(names, request.Field(i).Tag.Get("query"))
	}
	return names
}

// Missing is the first member that the request's type requires and that was not given; empty if none is.
func Missing(request reflect.Type, given map[string]bool) string {
	for i := range request.NumField() {
		f := request.Field(i)
		if name := f.Tag.Get("query"); f.Tag.Get("required") == "true" && !given[name] {
			return name
		}
	}
	return ""
}
