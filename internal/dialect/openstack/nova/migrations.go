package nova

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// migrationTypes are what Nova calls the kinds of migration.
var migrationTypes = map[cloud.MigrationKind]string{cloud.MigrationCold: "migration", cloud.MigrationResize: "resize",
	cloud.MigrationLive: "live-migration", cloud.MigrationEvacuation: "evacuation"}

// migrationStatuses are what it calls their states; some kinds have words of their own.
var migrationStatuses = map[cloud.MigrationState]string{cloud.MigrationRunning: "migrating", cloud.MigrationWaiting: "finished",
	cloud.MigrationReverting: "reverting", cloud.MigrationReverted: "reverted", cloud.MigrationCompleted: "confirmed", cloud.MigrationFailed: "error"}

var ownStatuses = map[cloud.MigrationKind]map[cloud.MigrationState]string{
	cloud.MigrationLive:       {cloud.MigrationRunning: "running", cloud.MigrationCompleted: "completed"},
	cloud.MigrationEvacuation: {cloud.MigrationRunning: "pre-migrating", cloud.MigrationCompleted: "done", cloud.MigrationFailed: "failed"},
}

func migrationStatus(m *cloud.Migration) string {
	if word := ownStatuses[m.Kind][m.State]; word != "" {
		return word
	}
	return migrationStatuses[m.State]
}

func migrationView(r *http.Request, m *cloud.Migration) map[string]any {
	v := map[string]any{"id": m.Number, "status": migrationStatus(m), "instance_uuid": m.InstanceID,
		"source_compute": m.Source, "source_node": m.Source, "dest_compute": orNull(m.Target), "dest_node": orNull(m.Target), "dest_host": orNull(m.TargetAddress),
		"old_instance_type_id": flavorNumber(m.OldFlavor), "new_instance_type_id": flavorNumber(m.NewFlavor),
		"created_at": m.CreatedAt.UTC().Format(microSeconds), "updated_at": m.UpdatedAt.UTC().Format(microSeconds)}
	if atLeast(r, 23) {
		v["migration_type"] = migrationTypes[m.Kind]
	}
	if atLeast(r, 59) {
		v["uuid"] = m.ID
	}
	if atLeast(r, 80) {
		v["project_id"], v["user_id"] = m.ProjectID, m.UserID
	}
	return v
}

// flavorNumber is a flavor's id where Nova has the number of its row: null for ids that are no numbers.
func flavorNumber(id cloud.FlavorID) any {
	n, err := strconv.Atoi(string(id))
	if err != nil {
		return nil
	}
	return n
}

// migrationKeys are what the list may be asked for from 2.59 on, with the version that brought each.
var migrationKeys = map[string]int{"hidden": 1, "host": 1, "instance_uuid": 1, "migration_type": 1, "source_compute": 1, "status": 1,
	"limit": 59, "marker": 59, "changes-since": 59, "changes-before": 66, "user_id": 80, "project_id": 80}

func (a *api) listMigrations(w http.ResponseWriter, r *http.Request) error {
	q, p, err := migrationQuery(r)
	if err != nil {
		return err
	}
	list, err := a.Compute.ListMigrations(r.Context(), q, migrationFilter(r))
	if err != nil {
		return noMarker(err, p)
	}
	views := make([]any, len(list))
	for i, m := range list {
		views[i] = migrationView(r, m)
	}
	body := map[string]any{"migrations": views}
	if n := len(list); n > 0 && atLeast(r, 59) {
		body = a.withNext(r, body, "migrations_links", "/os-migrations", p.Limit, n, string(list[n-1].ID))
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

// migrationQuery reads page and columns. Newest first, as Nova does.
func migrationQuery(r *http.Request) (q cloud.Query, p openstack.Page, err error) {
	values := r.URL.Query()
	if atLeast(r, 59) {
		if err := knownKeys(r, migrationKeys); err != nil {
			return q, p, err
		}
		if p, err = openstack.ParsePage(r, nil, pageMax); err != nil {
			return q, p, err
		}
		if p.Limit == 0 {
			p.Limit = pageMax
		}
		changed, err := changeTimes(r)
		if err != nil {
			return q, p, err
		}
		q = p.Query(changed...)
	}
	q.Order = []cloud.Order{{Column: "created_at", Desc: true}}
	columns := map[string]string{"instance_uuid": "instance_id", "source_compute": "source"}
	if atLeast(r, 80) {
		columns["user_id"], columns["project_id"] = "user_id", "project_id"
	}
	for key, column := range columns {
		if v := values.Get(key); v != "" {
			q.Where = append(q.Where, cloud.Eq(column, v))
		}
	}
	return q, p, nil
}

// migrationFilter compares what is shown in words of Nova's.
func migrationFilter(r *http.Request) func(*cloud.Migration) bool {
	values := r.URL.Query()
	is := func(key string, shown ...string) bool {
		return values.Get(key) == "" || slices.Contains(shown, values.Get(key))
	}
	hidden := openstack.IsTrue(values.Get("hidden")) // no migration is hidden here, so whoever asks for hidden ones gets none
	return func(m *cloud.Migration) bool {
		return !hidden && is("host", m.Source, m.Target) && is("status", migrationStatus(m)) && is("migration_type", migrationTypes[m.Kind])
	}
}
