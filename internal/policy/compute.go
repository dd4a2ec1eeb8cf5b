package policy

// computeRules: instances, flavors, key pairs, instance groups, hosts.
var computeRules = map[Action]Rule{
	"instance.get":             ProjectReader,
	"instance.list_deleted":    Admin,
	"instance.create":          ProjectMaker,
	"instance.create_on":       Admin, // naming the host
	"instance.update":          ProjectMember,
	"instance.delete":          ProjectMember,
	"instance.power":           ProjectMember, // start, stop, reboot, pause, suspend and back
	"instance.lock":            ProjectMember,
	"instance.unlock_any":      Admin, // what an administrator locked
	"instance.rebuild":         ProjectMember,
	"instance.rescue":          ProjectMember,
	"instance.resize":          ProjectMember,
	"instance.shelve":          ProjectMember,
	"instance.offload":         Admin,
	"instance.snapshot":        ProjectMember,
	"instance.console":         ProjectMember,
	"instance.console_log":     ProjectMember, // what a guest prints may be secret
	"instance.event":           Admin,
	"instance.attach":          ProjectMember, // volumes and ports
	"instance.reset":           Admin,
	"instance.migrate":         Admin,
	"instance.diagnostics":     Admin,
	"instance.swap_volume":     Admin,
	"instance.see_host":        SystemReader,
	"instance.list_of_project": Admin, // another than the caller's
	"instance.filter_all":      Admin, // what owners are not asked for
	"instance.see_details":     Admin, // what a fault tells beyond its message

	"migration.get": SystemReader,

	"flavor.get":          SharedReader,
	"flavor.manage":       Admin,
	"flavor.see_access":   Admin, // which projects may use it
	"flavor.list_private": Admin,

	"key pair.get":    Self,
	"key pair.create": Self,
	"key pair.delete": Self,

	"instance template.get":    ProjectReader,
	"instance template.create": ProjectMaker,
	"instance template.update": ProjectMember, // its versions, and which is the default
	"instance template.delete": ProjectMember,

	"instance group.get":      ProjectReader,
	"instance group.create":   ProjectMaker,
	"instance group.delete":   ProjectMember,
	"instance group.list_all": Admin,

	"host.get":    SystemReader,
	"host.manage": Admin,
	"zone.get":    Anyone,
	"zone.detail": SystemReader,

	"provider.get":    SystemReader,
	"provider.manage": Admin,
	"provider.usage":  ProjectReader,

	"quota.get":    ProjectReader,
	"quota.manage": Admin,
	"usage.get":    ProjectReader,
}
