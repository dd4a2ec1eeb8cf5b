package ec2

import (
	"fmt"
	"slices"
	"testing"
)

// TestPages proves that pages put together are the list, also when the row that a page ends with goes.
func TestPages(t *testing.T) {
	rows := []string{"00000000000000000001/a", "00000000000000000001/b", "00000000000000000002/a", "00000000000000000003/a"}
	same := func(s string) string { return s }
	first, next, err := pageOf(rows, new(2), "", same, 1)
	if err != nil || len(first) != 2 || next == "" {
		t.Fatalf("first page: %v %q %v", first, next, err)
	}
	rest, end, err := pageOf(slices.Delete(slices.Clone(rows), 1, 2), new(2), next, same, 1)
	if err != nil || fmt.Sprint(rest) != fmt.Sprint(rows[2:]) || end != "" {
		t.Errorf("second page: %v %q %v", rest, end, err)
	}
	for _, token := range []string{"x", "%%%", "eA"} {
		if _, _, err := pageOf(rows, nil, token, same, 1); ofError(err).code != "InvalidNextToken" {
			t.Errorf("token %q: %v", token, err)
		}
	}
	if _, _, err := pageOf(rows, new(1001), "", same, 5); ofError(err).code != "InvalidParameterValue" {
		t.Errorf("too large a page: %v", err)
	}
}
