package doctor

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// TestDoctorSaysWhetherKVMWorks: a cloud decides by running a guest; the doctor says the same in words, and what follows.
func TestDoctorSaysWhetherKVMWorks(t *testing.T) {
	files := cloudtest.Need(t, "qemu-system-x86_64", "nft", "ip")
	c := cloudtest.Start(t, files, cloudtest.Settings{})
	var found string
	cloudtest.Eventually(t, cloudtest.Patience(20*time.Second), func() (err error) {
		found, err = c.Acceleration()
		return err
	})
	out, err := c.Host.Command(files.Binary, "doctor").CombinedOutput()
	t.Logf("the cloud uses %s; nubo doctor (%v):\n%s", found, err, out)
	says := func(pattern string) bool { return regexp.MustCompile(`(?is)` + pattern).Match(out) }
	if !says(`kvm`) {
		t.Fatal("the doctor does not speak of KVM")
	}
	broken := says(`kvm[^\n]*(does not|cannot|could not|did not)[^\n]*(boot|run|start)`)
	if found == "kvm" && broken {
		t.Error("KVM works, and the doctor says it does not")
	}
	if _, err := os.Stat("/dev/kvm"); err != nil || found == "kvm" {
		return
	}
	if !broken {
		t.Error("/dev/kvm is there and boots no guest, and the doctor does not say so")
	}
	if !says(`tcg|emulat|slow`) {
		t.Error("the doctor does not say what follows: guests are emulated and slow")
	}
}
