package openstack

import (
	"encoding/json"
	"math"
	"testing"
)

// An object is what json.Marshal would have written of a map, whatever the order of setting.
func TestObject(t *testing.T) {
	var o Object
	o.Text("z", `a "word" & more`)
	o.TextOrNull("none", "")
	o.Number("again", 1)
	o.Flag("Upper", true)
	o.Object("inner", func(in *Object) { in.Number("b", 2); in.Number("a", 1) })
	o.Set("list", []string{"x"})
	o.Append("raw", func(b []byte) []byte { return append(b, "[1]"...) })
	o.Number("again", -2)
	o.Number("dropped", 3)
	o.Drop("dropped")
	want, err := json.Marshal(map[string]any{"z": `a "word" & more`, "none": nil, "again": -2, "Upper": true,
		"inner": map[string]any{"a": 1, "b": 2}, "list": []string{"x"}, "raw": []int{1}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it may be written again
		if got, err := appendJSON(nil, &o); err != nil || string(got) != string(want) {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

// Objects of one list may have different keys, and none leaks into the next.
func TestEach(t *testing.T) {
	show := func(o *Object, n int) {
		o.Number("n", n)
		if n%2 == 1 {
			o.Text("a", "odd")
		}
	}
	for want, rows := range map[string][]int{"[]": nil, `[{"n":0},{"a":"odd","n":1},{"n":2},{"n":4}]`: {0, 1, 2, 4}} {
		got, err := appendJSON(nil, map[string]any{"list": Each(rows, show)})
		if err != nil || string(got) != `{"list":`+want+`}` {
			t.Errorf("%v: %s, %v; want %s", rows, got, err, want)
		}
	}
	if _, err := appendJSON(nil, Each([]int{1}, func(o *Object, _ int) { o.Set("x", math.Inf(1)) })); err == nil {
		t.Error("what JSON cannot say was written")
	}
}
