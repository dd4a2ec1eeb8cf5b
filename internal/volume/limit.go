package volume

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// limitFields are the numbers that a set of limits may hold, by their keys. Each key may end in "_per_gb" too, and is
// then for each GiB of the volume.
func limitFields(l *spec.DiskLimits) map[string]*int64 {
	return map[string]*int64{
		"total_iops_sec": &l.IOPS, "read_iops_sec": &l.ReadIOPS, "write_iops_sec": &l.WriteIOPS,
		"total_bytes_sec": &l.BytesPerSecond, "read_bytes_sec": &l.ReadBytesPerSecond, "write_bytes_sec": &l.WriteBytesPerSecond,
		"total_iops_sec_max": &l.IOPSMax, "read_iops_sec_max": &l.ReadIOPSMax, "write_iops_sec_max": &l.WriteIOPSMax,
		"total_bytes_sec_max": &l.BytesPerSecondMax, "read_bytes_sec_max": &l.ReadBytesPerSecondMax,
		"write_bytes_sec_max": &l.WriteBytesPerSecondMax, "size_iops_sec": &l.IOSizeBytes,
	}
}

const perGiB = "_per_gb"

func limitKeys() map[string]bool {
	keys := map[string]bool{}
	for key := range limitFields(&spec.DiskLimits{}) {
		keys[key], keys[key+perGiB] = true, true
	}
	return keys
}

// limitsOf turns specs into the limits of a volume of some size. The hypervisor takes a total or one for each direction,
// not both: the total counts.
func limitsOf(specs map[string]string, sizeGiB int) spec.DiskLimits {
	var l spec.DiskLimits
	for key, field := range limitFields(&l) {
		*field, _ = strconv.ParseInt(specs[key], 10, 64) // what was stored was checked
		if each, _ := strconv.ParseInt(specs[key+perGiB], 10, 64); each > 0 {
			*field = each * int64(sizeGiB)
		}
	}
	if l.IOPS > 0 {
		l.ReadIOPS, l.WriteIOPS, l.ReadIOPSMax, l.WriteIOPSMax = 0, 0, 0, 0
	}
	if l.BytesPerSecond > 0 {
		l.ReadBytesPerSecond, l.WriteBytesPerSecond, l.ReadBytesPerSecondMax, l.WriteBytesPerSecondMax = 0, 0, 0, 0
	}
	return l
}

// DiskLimits answers what the hypervisor shall hold volumes to, for those that have limits: those of their type, and their own
// where these are lower. It asks the store for volumes, types and limits once each.
func (s *Service) DiskLimits(ctx context.Context, ids []cloud.VolumeID) (map[cloud.VolumeID]spec.DiskLimits, error) {
	limits := map[cloud.VolumeID]spec.DiskLimits{}
	if len(ids) == 0 {
		return limits, nil
	}
	rows, err := s.Volumes.List(ctx, cloud.Where(cloud.In("id", ids)))
	if err != nil {
		return nil, err
	}
	ofType, err := s.typeLimits(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range rows {
		if l := within(limitsOf(ofType[v.TypeID], v.SizeGiB), v.VolumeLimits); l != (spec.DiskLimits{}) {
			limits[v.ID] = l
		}
	}
	return limits, nil
}

// within are the limits of a type, and a volume's own.
func within(l spec.DiskLimits, own cloud.VolumeLimits) spec.DiskLimits {
	if n := int64(own.IOPS); n > 0 && (l.IOPS == 0 || n < l.IOPS) {
		l.IOPS, l.IOPSMax = n, 0
		l.ReadIOPS, l.WriteIOPS, l.ReadIOPSMax, l.WriteIOPSMax = 0, 0, 0, 0
	}
	if n := int64(own.MiBPerSecond) << 20; n > 0 && (l.BytesPerSecond == 0 || n < l.BytesPerSecond) {
		l.BytesPerSecond, l.BytesPerSecondMax = n, 0
		l.ReadBytesPerSecond, l.WriteBytesPerSecond, l.ReadBytesPerSecondMax, l.WriteBytesPerSecondMax = 0, 0, 0, 0
	}
	return l
}

// checkLimits refuses limits that are none.
func checkLimits(l cloud.VolumeLimits) error {
	if l.IOPS < 0 || l.MiBPerSecond < 0 {
		return cloud.Invalidf("volume", "limits", "The limits of a volume must not be negative.")
	}
	return nil
}

// typeLimits are the specs that the hypervisor holds volumes to, by their types.
func (s *Service) typeLimits(ctx context.Context) (map[cloud.VolumeTypeID]map[string]string, error) {
	sets, err := s.QOSRows.List(ctx, cloud.Where(cloud.In("consumer", []string{"front-end", "both"})))
	if err != nil || len(sets) == 0 {
		return nil, err
	}
	specs := map[cloud.VolumeQOSID]map[string]string{}
	for _, q := range sets {
		specs[q.ID] = q.Specs
	}
	types, err := s.Types.List(ctx, cloud.Where(cloud.In("qos_id", slices.Collect(maps.Keys(specs)))))
	if err != nil {
		return nil, err
	}
	ofType := map[cloud.VolumeTypeID]map[string]string{}
	for _, t := range types {
		ofType[t.ID] = specs[t.QOSID]
	}
	return ofType, nil
}
