package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var instances = definition[cloud.Instance, cloud.InstanceID]{
	table: "instances", resource: "instance", other: "deleted_instances", short: true,
	id:      func(i *cloud.Instance) cloud.InstanceID { return i.ID },
	columns: instanceColumns,
	indexes: []index{
		by("project_id", "created_at"),
		by("project_id", "phase", "created_at"),
		by("host_id", "created_at"),
		by("old_host_id"),
		by("user_id"),
		by("name"),
		by("updated_at"),
		by("image_id"),
		by("flavor_id"),
		by("group"),
		by("operation_id"),
		by("reservation_id"),
	},
}

// deletedInstances are the last state of instances that are no more, apart from those that are, so that lists of the
// living cost the same however many have died.
var deletedInstances = definition[cloud.Instance, cloud.InstanceID]{
	table: "deleted_instances", resource: "instance", other: "instances", short: true,
	id:      func(i *cloud.Instance) cloud.InstanceID { return i.ID },
	columns: instanceColumns,
	indexes: []index{
		by("project_id", "created_at"),
		by("project_id", "updated_at"),
		by("updated_at"),
		by("terminated_at"),
	},
}

var instanceColumns = []column[cloud.Instance]{
	text("project_id", func(i *cloud.Instance) any { return i.ProjectID }),
	text("user_id", func(i *cloud.Instance) any { return i.UserID }),
	text("name", func(i *cloud.Instance) any { return i.Name }),
	text("description", func(i *cloud.Instance) any { return i.Description }),
	text("hostname", func(i *cloud.Instance) any { return i.Hostname }),
	text("phase", func(i *cloud.Instance) any { return i.Phase }),
	text("power", func(i *cloud.Instance) any { return i.Power }),
	text("observed_power", func(i *cloud.Instance) any { return i.Observed.Power }),
	text("operation_id", func(i *cloud.Instance) any { return i.OperationID }),
	text("task", func(i *cloud.Instance) any { return i.Task }),
	text("flavor_id", func(i *cloud.Instance) any { return i.Flavor.FlavorID }),
	text("flavor", func(i *cloud.Instance) any { return i.Flavor.Name }),
	number("vcpus", func(i *cloud.Instance) any { return i.Flavor.VCPUs }),
	number("memory_mib", func(i *cloud.Instance) any { return i.Flavor.MemoryMiB }),
	number("disk_gib", func(i *cloud.Instance) any { return i.Flavor.DiskGiB }),
	number("ephemeral_gib", func(i *cloud.Instance) any { return i.Flavor.EphemeralGiB }),
	number("local_gib", func(i *cloud.Instance) any { return i.LocalGiB() }),
	number("swap_mib", func(i *cloud.Instance) any { return i.Flavor.SwapMiB }),
	text("image_id", func(i *cloud.Instance) any { return i.ImageID }),
	text("key_name", func(i *cloud.Instance) any { return i.KeyName }),
	flag("config_drive", func(i *cloud.Instance) any { return i.ConfigDrive }),
	text("host_id", func(i *cloud.Instance) any { return i.HostID }),
	text("old_host_id", func(i *cloud.Instance) any { return i.OldHostID }),
	number("old_vcpus", func(i *cloud.Instance) any { return i.OldSize().VCPUs }),
	number("old_memory_mib", func(i *cloud.Instance) any { return i.OldSize().MemoryMiB }),
	text("zone", func(i *cloud.Instance) any { return i.Zone }),
	text("group", func(i *cloud.Instance) any { return i.Hints.Group }),
	text("reservation_id", func(i *cloud.Instance) any { return i.ReservationID }),
	text("rescue_disk", func(i *cloud.Instance) any { return i.RescueDisk }),
	text("shelved_image", func(i *cloud.Instance) any { return i.ShelvedImage }),
	flag("locked", func(i *cloud.Instance) any { return i.Locked }),
	flag("grow_root", func(i *cloud.Instance) any { return i.GrowRoot }),
	text("access_v4", func(i *cloud.Instance) any { return i.AccessV4 }),
	text("access_v6", func(i *cloud.Instance) any { return i.AccessV6 }),
	number("progress", func(i *cloud.Instance) any { return i.Progress }),
	number("launch_index", func(i *cloud.Instance) any { return i.LaunchIndex }),
	instant("launched_at", func(i *cloud.Instance) any { return i.LaunchedAt }),
	instant("terminated_at", func(i *cloud.Instance) any { return i.TerminatedAt }),
	set("tags", func(i *cloud.Instance) any { return i.Tags }),
	set("disks", func(i *cloud.Instance) any { return volumesOf(i) }),
}

var instanceGroups = definition[cloud.InstanceGroup, cloud.InstanceGroupID]{
	table: "instance_groups", resource: "instance group",
	id: func(i *cloud.InstanceGroup) cloud.InstanceGroupID { return i.ID },
	columns: []column[cloud.InstanceGroup]{
		text("project_id", func(i *cloud.InstanceGroup) any { return i.ProjectID }),
		text("user_id", func(i *cloud.InstanceGroup) any { return i.UserID }),
		text("name", func(i *cloud.InstanceGroup) any { return i.Name }),
		text("policy", func(i *cloud.InstanceGroup) any { return i.Policy }),
	},
	indexes: []index{
		by("project_id", "created_at"),
	},
}

var flavors = definition[cloud.Flavor, cloud.FlavorID]{
	table: "flavors", resource: "flavor",
	id: func(f *cloud.Flavor) cloud.FlavorID { return f.ID },
	columns: []column[cloud.Flavor]{
		text("name", func(f *cloud.Flavor) any { return f.Name }),
		text("description", func(f *cloud.Flavor) any { return f.Description }),
		number("vcpus", func(f *cloud.Flavor) any { return f.VCPUs }),
		number("memory_mib", func(f *cloud.Flavor) any { return f.MemoryMiB }),
		number("disk_gib", func(f *cloud.Flavor) any { return f.DiskGiB }),
		number("ephemeral_gib", func(f *cloud.Flavor) any { return f.EphemeralGiB }),
		number("swap_mib", func(f *cloud.Flavor) any { return f.SwapMiB }),
		double("rxtx_factor", func(f *cloud.Flavor) any { return f.RxTxFactor }),
		flag("public", func(f *cloud.Flavor) any { return f.Public }),
		flag("disabled", func(f *cloud.Flavor) any { return f.Disabled }),
		set("projects", func(f *cloud.Flavor) any { return f.Projects }),
	},
	indexes: []index{
		unique("name", "name"),
	},
}

var instanceTemplates = definition[cloud.InstanceTemplate, cloud.InstanceTemplateID]{
	table: "instance_templates", resource: "instance template", short: true,
	id: func(t *cloud.InstanceTemplate) cloud.InstanceTemplateID { return t.ID },
	columns: []column[cloud.InstanceTemplate]{
		text("project_id", func(t *cloud.InstanceTemplate) any { return t.ProjectID }),
		text("user_id", func(t *cloud.InstanceTemplate) any { return t.UserID }),
		text("name", func(t *cloud.InstanceTemplate) any { return t.Name }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		unique("name", "project_id", "name"),
	},
}

var keyPairs = definition[cloud.KeyPair, cloud.KeyPairID]{
	table: "key_pairs", resource: "key pair", short: true,
	id: func(k *cloud.KeyPair) cloud.KeyPairID { return k.ID },
	columns: []column[cloud.KeyPair]{
		text("user_id", func(k *cloud.KeyPair) any { return k.UserID }),
		text("name", func(k *cloud.KeyPair) any { return k.Name }),
		text("type", func(k *cloud.KeyPair) any { return k.Type }),
		text("fingerprint", func(k *cloud.KeyPair) any { return k.Fingerprint }),
	},
	indexes: []index{
		by("user_id", "name"),
	},
}

var hosts = definition[cloud.Host, cloud.HostID]{
	table: "hosts", resource: "host",
	id: func(h *cloud.Host) cloud.HostID { return h.ID },
	columns: []column[cloud.Host]{
		text("name", func(h *cloud.Host) any { return h.Name }),
		text("zone", func(h *cloud.Host) any { return h.Zone }),
		flag("enabled", func(h *cloud.Host) any { return h.Enabled }),
		flag("forced_down", func(h *cloud.Host) any { return h.ForcedDown }),
		flag("up", func(h *cloud.Host) any { return h.Up }),
		instant("seen_at", func(h *cloud.Host) any { return h.SeenAt }),
		number("vcpus", func(h *cloud.Host) any { return h.VCPUs }),
		number("memory_mib", func(h *cloud.Host) any { return h.MemoryMiB }),
		number("disk_gib", func(h *cloud.Host) any { return h.DiskGiB }),
		number("reserved_mib", func(h *cloud.Host) any { return h.ReservedMiB }),
		text("address", func(h *cloud.Host) any { return h.Address }),
		text("hypervisor", func(h *cloud.Host) any { return h.Hypervisor }),
		text("architecture", func(h *cloud.Host) any { return h.Architecture }),
		flag("shared_pool", func(h *cloud.Host) any { return h.SharedPool }),
		number("number", func(h *cloud.Host) any { return h.Number }),
		set("off", func(h *cloud.Host) any { return h.Off() }),
	},
	indexes: []index{
		unique("name", "name"),
		unique("number", "number").only("number <> 0"),
	},
}

var aggregates = definition[cloud.Aggregate, cloud.AggregateID]{
	table: "aggregates", resource: "aggregate",
	id: func(a *cloud.Aggregate) cloud.AggregateID { return a.ID },
	columns: []column[cloud.Aggregate]{
		text("name", func(a *cloud.Aggregate) any { return a.Name }),
		text("zone", func(a *cloud.Aggregate) any { return a.Zone }),
		set("hosts", func(a *cloud.Aggregate) any { return a.Hosts }),
	},
	indexes: []index{
		unique("name", "name"),
	},
}

// volumesOf are the volumes of an instance; its local disks have no row of their own.
func volumesOf(i *cloud.Instance) []cloud.VolumeID {
	out := make([]cloud.VolumeID, 0, len(i.Disks))
	for _, d := range i.Disks {
		if !d.Local {
			out = append(out, d.VolumeID)
		}
	}
	return out
}

var instanceMigrations = definition[cloud.Migration, cloud.MigrationID]{
	table: "instance_migrations", resource: "migration",
	id: func(m *cloud.Migration) cloud.MigrationID { return m.ID },
	columns: []column[cloud.Migration]{
		number("number", func(m *cloud.Migration) any { return m.Number }),
		text("instance_id", func(m *cloud.Migration) any { return m.InstanceID }),
		text("project_id", func(m *cloud.Migration) any { return m.ProjectID }),
		text("user_id", func(m *cloud.Migration) any { return m.UserID }),
		text("kind", func(m *cloud.Migration) any { return m.Kind }),
		text("state", func(m *cloud.Migration) any { return m.State }),
		flag("open", func(m *cloud.Migration) any { return m.State.Open() }),
		text("source", func(m *cloud.Migration) any { return m.Source }),
		text("target", func(m *cloud.Migration) any { return m.Target }),
	},
	indexes: []index{
		unique("number", "number"),
		by("instance_id", "created_at"),
		by("project_id", "created_at"),
		by("updated_at"),
	},
}
