package shadow

import (
	"os"
	"path/filepath"
	"testing"
)

// The hash is the one of the image, made with `openssl passwd -5`.
const image = "root:*:19000:0:99999:7:::\ncirros:$5$nubominimal$4Ta7GkETcpILPqA6qf6JsGmbt4z4MscNPB7ooT8Jm6B:19000:0:99999:7:::\n"

func TestCheckAndSet(t *testing.T) {
	File = filepath.Join(t.TempDir(), "shadow")
	if err := os.WriteFile(File, []byte(image), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		user, password string
		right          bool
	}{{"cirros", "gocubsgo", true}, {"cirros", "wrong", false}, {"cirros", "", false}, {"root", "", false}, {"root", "*", false}, {"nobody", "x", false}} {
		if Check(c.user, c.password) != c.right {
			t.Errorf("%s with %q: want %v", c.user, c.password, c.right)
		}
	}
	if err := Set("root", "new"); err != nil {
		t.Fatal(err)
	}
	if !Check("root", "new") || !Check("cirros", "gocubsgo") {
		t.Error("after a change the passwords are not as set")
	}
	if err := Set("missing", "x"); err == nil {
		t.Error("the password of a user who does not exist was set")
	}
}
