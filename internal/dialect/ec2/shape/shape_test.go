package shape

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGenerated proves that what is checked in is what the generator makes of model.json.
func TestGenerated(t *testing.T) {
	dir := t.TempDir()
	copyTo(t, dir, "model.json")
	generator := filepath.Join(dir, "generate")
	run(t, ".", "go", "build", "-o", generator, "./generate")
	run(t, dir, generator)
	for _, name := range []string{"shapes.go", "operations.go"} {
		if string(read(t, filepath.Join(dir, name))) != string(read(t, name)) {
			t.Errorf("%s is not what the generator makes: run go generate", name)
		}
	}
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func copyTo(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), read(t, name), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
