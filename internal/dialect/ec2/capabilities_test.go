package ec2_test

import (
	"flag"
	"os"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
)

var update = flag.Bool("update", false, "write the page anew")

const page = "../../../docs/ec2.md"

// TestCapabilities proves that the page tells what the code does.
func TestCapabilities(t *testing.T) {
	want := ec2.New(ec2.Deps{}).Capabilities()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("%s is not what the code does: run this test with -update", page)
	}
}
