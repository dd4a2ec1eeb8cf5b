package modules

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestMatch(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"modules.dep":   "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\nkernel/drivers/virtio/virtio-ring.ko:\n",
		"modules.alias": "alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\nalias virtio:d00000001v* virtio_net\nalias virtio:d0000000[12]v* extra\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for modalias, want := range map[string][]string{
		"pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00": {"virtio_pci"},
		"virtio:d00000001v00001AF4":                             {"virtio_net", "extra"},
		"virtio:d00000010v00001AF4":                             nil,
	} {
		if got := s.Match(modalias); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", modalias, got)
		}
	}
	if want := []string{"virtio_ring", "virtio"}; !reflect.DeepEqual(s.needs["virtio_pci"], want) {
		t.Errorf("needs: %v", s.needs)
	}
	if err := s.Load("not_a_module"); err != nil {
		t.Errorf("a module that is built in: %v", err)
	}
}
