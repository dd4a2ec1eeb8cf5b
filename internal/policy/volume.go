package policy

// volumeRules: volumes, snapshots, attachments, volume types.
var volumeRules = map[Action]Rule{
	"volume.get":          ProjectReader,
	"volume.create":       ProjectMaker,
	"volume.update":       ProjectMember,
	"volume.delete":       ProjectMember,
	"volume.force_delete": Admin,
	"volume.grow":         ProjectMember,
	"volume.attach":       ProjectMember,
	"volume.retype":       ProjectMember,
	"volume.migrate":      Admin,
	"volume.upload":       ProjectMember, // its bytes become an image
	"volume.restore":      ProjectMember, // other bytes in place of its own
	"volume.reset":        Admin,
	"volume.see_host":     SystemReader,
	"volume.take_in":      Admin, // what lies on a pool becomes the caller's
	"volume.let_go":       Admin, // out of the cloud's hands

	"snapshot.get":          SharedReader,
	"snapshot.create":       ProjectMaker,
	"snapshot.update":       ProjectMember,
	"snapshot.share":        ProjectMember,
	"snapshot.publish":      Admin, // to everybody
	"snapshot.delete":       ProjectMember,
	"snapshot.force_delete": Admin,
	"snapshot.reset":        Admin,
	"snapshot.take_in":      Admin,
	"snapshot.let_go":       Admin,

	"attachment.get":    ProjectReader,
	"attachment.manage": ProjectMember,

	"volume type.get":     SharedReader, // Shared: public, or the caller's project is on its list
	"volume type.manage":  Admin,
	"volume type.see_qos": Admin,
	"volume pool.get":     SystemReader,
	"volume pool.manage":  Admin, // taking a host's pools out of service
	"volume qos.get":      SystemReader,
	"volume qos.manage":   Admin,

	"transfer.get":    ProjectReader,
	"transfer.create": ProjectMember,
	"transfer.delete": ProjectMember,
	"transfer.accept": ProjectMaker, // the target is the receiver

	"group type.get":        SharedReader,
	"group type.manage":     Admin,
	"group type.see_specs":  Admin,
	"volume group.get":      ProjectReader,
	"volume group.create":   ProjectMaker,
	"volume group.update":   ProjectMember,
	"volume group.delete":   ProjectMember,
	"volume group.reset":    Admin,
	"group snapshot.get":    ProjectReader,
	"group snapshot.create": ProjectMaker,
	"group snapshot.delete": ProjectMember,
	"group snapshot.reset":  Admin,

	"notice.get":    ProjectReader,
	"notice.delete": ProjectMember,

	"backup.get":          ProjectReader,
	"backup.create":       ProjectMaker,
	"backup.update":       ProjectMember,
	"backup.delete":       ProjectMember,
	"backup.restore":      ProjectMember,
	"backup.force_delete": Admin,
	"backup.reset":        Admin,
	"backup.export":       Admin, // records say where the bytes are
}
