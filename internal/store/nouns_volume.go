package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var volumeQOS = definition[cloud.VolumeQOS, cloud.VolumeQOSID]{
	table: "volume_qos", resource: "qos",
	id: func(q *cloud.VolumeQOS) cloud.VolumeQOSID { return q.ID },
	columns: []column[cloud.VolumeQOS]{
		text("name", func(q *cloud.VolumeQOS) any { return q.Name }),
		text("consumer", func(q *cloud.VolumeQOS) any { return q.Consumer }),
	},
	indexes: []index{unique("name", "name")},
}

var defaultVolumeTypes = definition[cloud.DefaultVolumeType, cloud.ProjectID]{
	table: "default_volume_types", resource: "default volume type",
	id: func(d *cloud.DefaultVolumeType) cloud.ProjectID { return d.ProjectID },
	columns: []column[cloud.DefaultVolumeType]{
		text("type_id", func(d *cloud.DefaultVolumeType) any { return d.TypeID }),
	},
	indexes: []index{by("type_id")},
}

var transfers = definition[cloud.Transfer, cloud.TransferID]{
	table: "transfers", resource: "transfer",
	id: func(t *cloud.Transfer) cloud.TransferID { return t.ID },
	columns: []column[cloud.Transfer]{
		text("project_id", func(t *cloud.Transfer) any { return t.ProjectID }),
		text("volume_id", func(t *cloud.Transfer) any { return t.VolumeID }),
		text("name", func(t *cloud.Transfer) any { return t.Name }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		unique("volume_id", "volume_id"),
	},
}

var volumeGroups = definition[cloud.VolumeGroup, cloud.VolumeGroupID]{
	table: "volume_groups", resource: "volume group",
	id: func(g *cloud.VolumeGroup) cloud.VolumeGroupID { return g.ID },
	columns: []column[cloud.VolumeGroup]{
		text("project_id", func(g *cloud.VolumeGroup) any { return g.ProjectID }),
		text("user_id", func(g *cloud.VolumeGroup) any { return g.UserID }),
		text("name", func(g *cloud.VolumeGroup) any { return g.Name }),
		text("description", func(g *cloud.VolumeGroup) any { return g.Description }),
		text("state", func(g *cloud.VolumeGroup) any { return g.State }),
		text("group_type_id", func(g *cloud.VolumeGroup) any { return g.GroupTypeID }),
		text("group_snapshot_id", func(g *cloud.VolumeGroup) any { return g.GroupSnapshotID }),
		text("source_group_id", func(g *cloud.VolumeGroup) any { return g.SourceGroupID }),
		text("zone", func(g *cloud.VolumeGroup) any { return g.Zone }),
		set("volume_types", func(g *cloud.VolumeGroup) any { return g.VolumeTypes }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("group_type_id"),
		by("group_snapshot_id"),
	},
}

var volumeGroupTypes = definition[cloud.VolumeGroupType, cloud.VolumeGroupTypeID]{
	table: "volume_group_types", resource: "group type",
	id: func(g *cloud.VolumeGroupType) cloud.VolumeGroupTypeID { return g.ID },
	columns: []column[cloud.VolumeGroupType]{
		text("name", func(g *cloud.VolumeGroupType) any { return g.Name }),
		flag("public", func(g *cloud.VolumeGroupType) any { return g.Public }),
	},
	indexes: []index{unique("name", "name")},
}

var groupSnapshots = definition[cloud.GroupSnapshot, cloud.GroupSnapshotID]{
	table: "group_snapshots", resource: "group snapshot",
	id: func(g *cloud.GroupSnapshot) cloud.GroupSnapshotID { return g.ID },
	columns: []column[cloud.GroupSnapshot]{
		text("project_id", func(g *cloud.GroupSnapshot) any { return g.ProjectID }),
		text("user_id", func(g *cloud.GroupSnapshot) any { return g.UserID }),
		text("group_id", func(g *cloud.GroupSnapshot) any { return g.GroupID }),
		text("group_type_id", func(g *cloud.GroupSnapshot) any { return g.GroupTypeID }),
		text("name", func(g *cloud.GroupSnapshot) any { return g.Name }),
		text("description", func(g *cloud.GroupSnapshot) any { return g.Description }),
		text("state", func(g *cloud.GroupSnapshot) any { return g.State }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("group_id"),
	},
}

var backups = definition[cloud.Backup, cloud.BackupID]{
	table: "backups", resource: "backup",
	id: func(b *cloud.Backup) cloud.BackupID { return b.ID },
	columns: []column[cloud.Backup]{
		text("project_id", func(b *cloud.Backup) any { return b.ProjectID }),
		text("user_id", func(b *cloud.Backup) any { return b.UserID }),
		text("volume_id", func(b *cloud.Backup) any { return b.VolumeID }),
		text("parent_id", func(b *cloud.Backup) any { return b.ParentID }),
		text("snapshot_id", func(b *cloud.Backup) any { return b.SnapshotID }),
		text("stored_as", func(b *cloud.Backup) any { return b.StoredAs }),
		text("name", func(b *cloud.Backup) any { return b.Name }),
		text("container", func(b *cloud.Backup) any { return b.Container }),
		number("size_gib", func(b *cloud.Backup) any { return b.SizeGiB }),
		text("state", func(b *cloud.Backup) any { return b.State }),
		instant("data_at", func(b *cloud.Backup) any { return &b.DataAt }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("volume_id", "created_at"),
		by("parent_id"),
		by("stored_as"),
	},
}

var notices = definition[cloud.Notice, cloud.NoticeID]{
	table: "notices", resource: "notice",
	id: func(n *cloud.Notice) cloud.NoticeID { return n.ID },
	columns: []column[cloud.Notice]{
		text("project_id", func(n *cloud.Notice) any { return n.ProjectID }),
		text("request_id", func(n *cloud.Notice) any { return n.RequestID }),
		text("noun", func(n *cloud.Notice) any { return n.Noun }),
		text("noun_id", func(n *cloud.Notice) any { return n.NounID }),
		text("kind", func(n *cloud.Notice) any { return n.Kind }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("noun_id"),
	},
}
