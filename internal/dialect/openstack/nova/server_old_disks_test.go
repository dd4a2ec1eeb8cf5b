package nova

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestOldBlockDevices reads the older list of disks: what it means in the newer form, or why it means nothing.
func TestOldBlockDevices(t *testing.T) {
	for _, c := range []struct{ body, want, refused string }{
		{`{"block_device_mapping": [{"device_name": "vda", "volume_id": "v", "delete_on_termination": "1"}]}`, "volume v boot, deleted", ""},
		{`{"block_device_mapping": [{"volume_id": "v"}, {"snapshot_id": "s", "volume_size": "2"}]}`, "volume v boot; snapshot s 2", ""},
		{`{"imageRef": "i", "block_device_mapping": [{"device_name": "vdb", "volume_id": "v"}]}`, "volume v", ""},
		{`{"block_device_mapping": [{"device_name": "vdb", "no_device": true}, {"device_name": "/dev/vda", "volume_id": "v"}]}`, "volume v boot", ""},
		{`{"block_device_mapping_v2": [{"uuid": "v", "source_type": "volume"}]}`, "volume v", ""},
		{`{"block_device_mapping": [], "block_device_mapping_v2": []}`, "", "different block_device_mapping syntaxes"},
		{`{"block_device_mapping": [{"device_name": "vda"}]}`, "", "needs a volume_id or a snapshot_id"},
		{`{"block_device_mapping": [{"virtual_name": "ephemeral0"}]}`, "", "source_type blank"},
	} {
		var s createServer
		if err := json.Unmarshal([]byte(c.body), &s); err != nil {
			t.Fatal(err)
		}
		devices, err := s.blockDevices()
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v", c.body, err)
			}
			continue
		}
		if got := inWords(devices); err != nil || got != c.want {
			t.Errorf("%s is %q, %v", c.body, got, err)
		}
	}
}

func inWords(devices []blockDevice) string {
	var all []string
	for _, d := range devices {
		words := d.SourceType + " " + d.UUID
		if d.VolumeSize != nil {
			words += " 2"
		}
		if d.BootIndex != nil && d.BootIndex.set && d.BootIndex.value == 0 {
			words += " boot"
		}
		if d.Delete {
			words += ", deleted"
		}
		all = append(all, words)
	}
	return strings.Join(all, "; ")
}
