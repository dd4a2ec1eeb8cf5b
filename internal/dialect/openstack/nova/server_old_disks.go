package nova

import (
	"encoding/json"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// oldBlockDevice is an entry of block_device_mapping, the list that came before block_device_mapping_v2 and is still taken.
type oldBlockDevice struct {
	DeviceName     *string         `json:"device_name"`
	VolumeID       string          `json:"volume_id"`
	SnapshotID     string          `json:"snapshot_id"`
	VolumeSize     *looseInt       `json:"volume_size"`
	Delete         looseBool       `json:"delete_on_termination"`
	NoDevice       json.RawMessage `json:"no_device"`
	VirtualName    *string         `json:"virtual_name"`
	ConnectionInfo json.RawMessage `json:"connection_info"`
}

// blockDevices are the disks asked for, in whichever form.
func (s *createServer) blockDevices() ([]blockDevice, error) {
	if s.OldBlockDevices == nil {
		return s.BlockDevices, nil
	}
	if s.BlockDevices != nil {
		return nil, cloud.Invalidf("request", "block_device_mapping", "Using different block_device_mapping syntaxes is not allowed in the same request.")
	}
	var devices []blockDevice
	for _, old := range s.OldBlockDevices {
		if given(old.NoDevice) { // takes a disk of the image's own list away
			continue
		}
		d, err := old.renewed()
		if err != nil {
			return nil, err
		}
		if s.ImageRef == "" && old.isRoot(len(devices)) {
			d.BootIndex = &nullableIndex{set: true}
		}
		devices = append(devices, d)
	}
	return devices, nil
}

func (old oldBlockDevice) renewed() (blockDevice, error) {
	d := blockDevice{DestinationType: "volume", VolumeSize: old.VolumeSize, Delete: old.Delete, DeviceName: old.DeviceName}
	switch {
	case old.VirtualName != nil && *old.VirtualName != "":
		return d, cloud.Invalidf("request", "virtual_name", "Disks by virtual name are asked for in block_device_mapping_v2: source_type blank, destination_type local.")
	case old.VolumeID != "":
		d.SourceType, d.UUID = "volume", old.VolumeID
	case old.SnapshotID != "":
		d.SourceType, d.UUID = "snapshot", old.SnapshotID
	default:
		return d, cloud.Invalidf("request", "block_device_mapping", "Each block_device_mapping needs a volume_id or a snapshot_id.")
	}
	return d, nil
}

// isRoot: the first disk's name is the root's; where none is named it is the first of the list.
func (old oldBlockDevice) isRoot(before int) bool {
	if old.DeviceName == nil || *old.DeviceName == "" {
		return before == 0
	}
	return strings.HasSuffix(*old.DeviceName, "da")
}
