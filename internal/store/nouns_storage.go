package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var images = definition[cloud.Image, cloud.ImageID]{
	table: "images", resource: "image", short: true,
	id: func(i *cloud.Image) cloud.ImageID { return i.ID },
	columns: []column[cloud.Image]{
		text("project_id", func(i *cloud.Image) any { return i.ProjectID }),
		text("name", func(i *cloud.Image) any { return i.Name }),
		text("state", func(i *cloud.Image) any { return i.State }),
		text("visibility", func(i *cloud.Image) any { return i.Visibility }),
		flag("protected", func(i *cloud.Image) any { return i.Protected }),
		flag("hidden", func(i *cloud.Image) any { return i.Hidden }),
		text("container", func(i *cloud.Image) any { return i.Container }),
		text("format", func(i *cloud.Image) any { return i.Format }),
		number("size_bytes", func(i *cloud.Image) any { return i.SizeBytes }),
		number("staged_bytes", func(i *cloud.Image) any { return i.StagedBytes }),
		number("virtual_bytes", func(i *cloud.Image) any { return i.VirtualBytes }),
		text("md5", func(i *cloud.Image) any { return i.MD5 }),
		text("sha256", func(i *cloud.Image) any { return i.SHA256 }),
		text("sha512", func(i *cloud.Image) any { return i.SHA512 }),
		number("min_disk_gib", func(i *cloud.Image) any { return i.MinDiskGiB }),
		number("min_memory_mib", func(i *cloud.Image) any { return i.MinMemoryMiB }),
		text("operation_id", func(i *cloud.Image) any { return i.OperationID }),
		text("upload_id", func(i *cloud.Image) any { return i.UploadID }),
		set("tags", func(i *cloud.Image) any { return i.Tags }),
		set("members", func(i *cloud.Image) any { return membersOf(i) }),
		set("snapshots", func(i *cloud.Image) any { return snapshotsOf(i) }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("visibility", "created_at"),
		by("name"),
		by("state"),
		by("sha256"),
	},
}

var volumes = definition[cloud.Volume, cloud.VolumeID]{
	table: "volumes", resource: "volume", short: true,
	id: func(v *cloud.Volume) cloud.VolumeID { return v.ID },
	columns: []column[cloud.Volume]{
		text("project_id", func(v *cloud.Volume) any { return v.ProjectID }),
		text("user_id", func(v *cloud.Volume) any { return v.UserID }),
		text("name", func(v *cloud.Volume) any { return v.Name }),
		text("description", func(v *cloud.Volume) any { return v.Description }),
		number("size_gib", func(v *cloud.Volume) any { return v.SizeGiB }),
		text("state", func(v *cloud.Volume) any { return v.State }),
		text("operation_id", func(v *cloud.Volume) any { return v.OperationID }),
		text("task", func(v *cloud.Volume) any { return v.Task }),
		text("type_id", func(v *cloud.Volume) any { return v.TypeID }),
		text("next_type_id", func(v *cloud.Volume) any { return v.NextTypeID }),
		text("zone", func(v *cloud.Volume) any { return v.Zone }),
		text("host_id", func(v *cloud.Volume) any { return v.HostID }),
		text("pool", func(v *cloud.Volume) any { return v.Pool }),
		flag("bootable", func(v *cloud.Volume) any { return v.Bootable }),
		flag("read_only", func(v *cloud.Volume) any { return v.ReadOnly }),
		flag("multi_attach", func(v *cloud.Volume) any { return v.MultiAttach }),
		text("image_id", func(v *cloud.Volume) any { return v.ImageID }),
		text("snapshot_id", func(v *cloud.Volume) any { return v.SnapshotID }),
		text("source_volume", func(v *cloud.Volume) any { return v.SourceVolume }),
		text("group_id", func(v *cloud.Volume) any { return v.GroupID }),
		text("backup_id", func(v *cloud.Volume) any { return v.BackupID }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("host_id", "created_at"),
		by("name"),
		by("updated_at"),
		by("type_id"),
		by("next_type_id"),
		by("image_id"),
		by("snapshot_id"),
		by("source_volume"),
		by("operation_id"),
		by("group_id"),
		by("backup_id"),
	},
}

var attachments = definition[cloud.Attachment, cloud.AttachmentID]{
	table: "attachments", resource: "attachment", short: true,
	id: func(a *cloud.Attachment) cloud.AttachmentID { return a.ID },
	columns: []column[cloud.Attachment]{
		text("project_id", func(a *cloud.Attachment) any { return a.ProjectID }),
		text("volume_id", func(a *cloud.Attachment) any { return a.VolumeID }),
		text("instance_id", func(a *cloud.Attachment) any { return a.InstanceID }),
		text("host_id", func(a *cloud.Attachment) any { return a.HostID }),
		text("device", func(a *cloud.Attachment) any { return a.Device }),
		text("state", func(a *cloud.Attachment) any { return a.State }),
		flag("read_only", func(a *cloud.Attachment) any { return a.ReadOnly }),
		instant("attached_at", func(a *cloud.Attachment) any { return a.AttachedAt }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("volume_id", "created_at"),
		by("instance_id", "created_at"),
		by("host_id", "created_at"),
	},
}

var snapshots = definition[cloud.Snapshot, cloud.SnapshotID]{
	table: "snapshots", resource: "snapshot", short: true,
	id: func(s *cloud.Snapshot) cloud.SnapshotID { return s.ID },
	columns: []column[cloud.Snapshot]{
		text("project_id", func(s *cloud.Snapshot) any { return s.ProjectID }),
		text("user_id", func(s *cloud.Snapshot) any { return s.UserID }),
		text("volume_id", func(s *cloud.Snapshot) any { return s.VolumeID }),
		text("name", func(s *cloud.Snapshot) any { return s.Name }),
		text("description", func(s *cloud.Snapshot) any { return s.Description }),
		number("size_gib", func(s *cloud.Snapshot) any { return s.SizeGiB }),
		text("state", func(s *cloud.Snapshot) any { return s.State }),
		text("operation_id", func(s *cloud.Snapshot) any { return s.OperationID }),
		text("host_id", func(s *cloud.Snapshot) any { return s.HostID }),
		text("pool", func(s *cloud.Snapshot) any { return s.Pool }),
		text("group_snapshot_id", func(s *cloud.Snapshot) any { return s.GroupSnapshotID }),
		text("copy_of", func(s *cloud.Snapshot) any { return s.CopyOf }),
		flag("public", func(s *cloud.Snapshot) any { return s.Public }),
		set("shared_with", func(s *cloud.Snapshot) any { return s.SharedWith }),
	},
	indexes: []index{
		by("copy_of"),
		by("public", "created_at"),
		by("group_snapshot_id"),
		by("project_id", "created_at"),
		by("volume_id", "created_at"),
		by("host_id", "created_at"),
		by("name"),
	},
}

var volumeTypes = definition[cloud.VolumeType, cloud.VolumeTypeID]{
	table: "volume_types", resource: "volume type",
	id: func(v *cloud.VolumeType) cloud.VolumeTypeID { return v.ID },
	columns: []column[cloud.VolumeType]{
		text("name", func(v *cloud.VolumeType) any { return v.Name }),
		flag("public", func(v *cloud.VolumeType) any { return v.Public }),
		text("qos_id", func(v *cloud.VolumeType) any { return v.QOSID }),
		set("projects", func(v *cloud.VolumeType) any { return v.Projects }),
	},
	indexes: []index{
		unique("name", "name"),
	},
}

func membersOf(i *cloud.Image) []cloud.ProjectID {
	out := make([]cloud.ProjectID, len(i.Members))
	for n, m := range i.Members {
		out[n] = m.ProjectID
	}
	return out
}

func snapshotsOf(i *cloud.Image) []cloud.SnapshotID {
	out := make([]cloud.SnapshotID, len(i.Disks))
	for n, d := range i.Disks {
		out[n] = d.SnapshotID
	}
	return out
}
