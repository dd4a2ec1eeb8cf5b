package store

import (
	"cmp"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

var operations = definition[cloud.Operation, cloud.OperationID]{
	table: "operations", resource: "operation",
	id: func(o *cloud.Operation) cloud.OperationID { return o.ID },
	columns: []column[cloud.Operation]{
		text("kind", func(o *cloud.Operation) any { return o.Kind }),
		text("project_id", func(o *cloud.Operation) any { return o.ProjectID }),
		text("user_id", func(o *cloud.Operation) any { return o.UserID }),
		text("request_id", func(o *cloud.Operation) any { return o.RequestID }),
		text("subject", func(o *cloud.Operation) any { return o.Subject }),
		text("history", func(o *cloud.Operation) any { return cmp.Or(o.Concerns, o.Subject) }),
		text("state", func(o *cloud.Operation) any { return o.State }),
		flag("ended", func(o *cloud.Operation) any { return o.State.Ended() }),
		number("done", func(o *cloud.Operation) any { return o.Done }),
		number("attempts", func(o *cloud.Operation) any { return o.Attempts }),
		instant("retry_at", func(o *cloud.Operation) any { return o.RetryAt }),
		instant("deadline", func(o *cloud.Operation) any { return o.Deadline }),
		flag("cancel", func(o *cloud.Operation) any { return o.Cancel }),
		text("owner", func(o *cloud.Operation) any { return o.Owner }),
		instant("lease_until", func(o *cloud.Operation) any { return o.LeaseUntil }),
		number("lease", func(o *cloud.Operation) any { return o.Lease }),
		instant("ended_at", func(o *cloud.Operation) any { return o.EndedAt }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("subject", "created_at"),
		by("history", "created_at"),
		unique("subject", "subject").only("state IN ('running', 'unwinding')"),
		by("state", "created_at"),
		by("retry_at").only("ended = 0"),
		by("lease_until").only("ended = 0"),
		by("owner").only("ended = 0"),
		by("ended_at").only("ended = 1"),
		by("request_id"),
	},
}

var idempotencies = definition[cloud.Idempotency, string]{
	table: "idempotencies", resource: "idempotency key",
	id: func(i *cloud.Idempotency) string { return i.ID },
	columns: []column[cloud.Idempotency]{
		text("fingerprint", func(i *cloud.Idempotency) any { return i.Fingerprint }),
		instant("expires_at", func(i *cloud.Idempotency) any { return i.ExpiresAt }),
	},
	indexes: []index{
		by("expires_at"),
	},
}

var quotas = definition[cloud.Quota, cloud.QuotaID]{
	table: "quotas", resource: "quota",
	id:      func(q *cloud.Quota) cloud.QuotaID { return q.ID },
	columns: []column[cloud.Quota]{},
}

var usageEvents = definition[cloud.UsageEvent, cloud.UsageID]{
	table: "usage_events", resource: "usage event",
	id:     func(u *cloud.UsageEvent) cloud.UsageID { return u.ID },
	ledger: true,
	columns: []column[cloud.UsageEvent]{
		text("kind", func(u *cloud.UsageEvent) any { return u.Kind }),
		instant("at", func(u *cloud.UsageEvent) any { return u.At }),
		text("project_id", func(u *cloud.UsageEvent) any { return u.ProjectID }),
		text("user_id", func(u *cloud.UsageEvent) any { return u.UserID }),
		text("subject", func(u *cloud.UsageEvent) any { return u.Subject }),
		text("name", func(u *cloud.UsageEvent) any { return u.Name }),
		text("host_id", func(u *cloud.UsageEvent) any { return u.HostID }),
		text("flavor", func(u *cloud.UsageEvent) any { return u.Flavor }),
		text("image_id", func(u *cloud.UsageEvent) any { return u.ImageID }),
		number("vcpus", func(u *cloud.UsageEvent) any { return u.VCPUs }),
		number("memory_mib", func(u *cloud.UsageEvent) any { return u.MemoryMiB }),
		number("disk_gib", func(u *cloud.UsageEvent) any { return u.DiskGiB }),
		text("address", func(u *cloud.UsageEvent) any { return u.Address }),
	},
	indexes: []index{
		by("at"),
		by("project_id", "at"),
		by("subject", "at"),
	},
}

var settings = definition[cloud.Setting, cloud.SettingID]{
	table: "settings", resource: "setting",
	id:      func(s *cloud.Setting) cloud.SettingID { return s.ID },
	columns: []column[cloud.Setting]{},
}
