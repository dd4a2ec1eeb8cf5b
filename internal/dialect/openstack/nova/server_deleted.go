package nova

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// whichServers reads the filters that also reach deleted servers, by the times of their changes or by asking for them.
func whichServers(r *http.Request, q *compute.ListQuery) error {
	values := r.URL.Query()
	changed, err := changeTimes(r)
	if err != nil {
		return err
	}
	q.Where = append(q.Where, changed...)
	if values.Get("changes-since") != "" {
		q.Which = compute.LivingAndDeleted // whoever follows changes has to learn what is gone
	}
	// Who is not an administrator is not refused the filter: it is passed over.
	if values.Has("deleted") && policy.May(r.Context(), "instance.list_deleted", policy.Target{}) {
		q.Which = compute.Living
		if openstack.IsTrue(strings.TrimSpace(values.Get("deleted"))) {
			q.Which = compute.Deleted
		}
	}
	if onlyDeleted(values) {
		q.Which = compute.Deleted
	}
	return nil
}

// onlyDeleted tells whether a list asks for the one status of deleted servers.
func onlyDeleted(values url.Values) bool {
	for _, s := range values["status"] {
		if strings.ToUpper(s) != "DELETED" {
			return false
		}
	}
	return len(values["status"]) > 0
}

// changeTimes compares when something changed. Times are shown to the second: what is shown as a time changed by that time.
func changeTimes(r *http.Request) (where []cloud.Cond, err error) {
	values := r.URL.Query()
	var since, before time.Time
	if text := values.Get("changes-since"); text != "" {
		if since, err = parseTime("changes-since", text); err != nil {
			return nil, err
		}
		where = append(where, cloud.Cond{Column: "updated_at", Op: cloud.OpGe, Value: since})
	}
	if text := values.Get("changes-before"); text != "" && atLeast(r, 66) {
		if before, err = parseTime("changes-before", text); err != nil {
			return nil, err
		}
		where = append(where, cloud.Cond{Column: "updated_at", Op: cloud.OpLt, Value: before.Truncate(time.Second).Add(time.Second)})
	}
	if !before.IsZero() && since.After(before) {
		return nil, cloud.Invalidf("request", "changes-since", "The value of changes-since must be less than or equal to changes-before.")
	}
	return where, nil
}
