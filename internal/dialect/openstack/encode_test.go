package openstack

import (
	"bytes"
	"encoding/json"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// TestAppendJSON proves that answers are what json.Marshal would have written, byte for byte.
func TestAppendJSON(t *testing.T) {
	text, none := "a pointer", (*string)(nil)
	address := netip.MustParseAddr("10.0.0.1")
	for _, v := range []any{
		nil, "", "plain", `"quoted" \ <b>&amp; ü ` + "\u2028\n\x7f\xff", true, false, 0, -7, int64(math.MinInt64), uint8(3), 1.5, 1e30,
		cloud.InstanceID("id"), cloud.InstanceID("<id>"), json.Number("12"), json.RawMessage(`{"a": 1}`), &text, none, &address, address,
		time.Unix(0, 0).UTC(), map[string]any{}, map[string]any(nil), map[string]string(nil), map[string][]any{"n": nil, "m": {1}},
		[]any{}, []any(nil), []string{"b", "a"}, []string(nil), []int{1, 2}, []map[string]any{{"x": nil}, nil}, map[int]string{1: "one"},
		map[string]any{"z": 1, "a": map[string]string{"k<": "v", "b": ""}, "list": []any{1, "x", nil, []string{"y"}}, "é": struct {
			A int `json:"a,omitempty"`
		}{}},
	} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendJSON(nil, v)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%#v: %s, %v; json.Marshal writes %s", v, got, err, want)
		}
	}
	if _, err := appendJSON(nil, map[string]any{"deep": []any{math.Inf(1)}}); err == nil {
		t.Error("what JSON cannot say was written")
	}
}
