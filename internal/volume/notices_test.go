package volume_test

import (
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// What fails leaves a notice for its project, which is read, deleted, and forgotten in time; what succeeds or is given up leaves none.
func TestNotices(t *testing.T) {
	s := &striker{kind: "volume.grow", step: "bytes", err: &cloud.Error{Kind: cloud.NoCapacity, Message: "struck"}}
	r, v, _ := prepared(t, s)
	s.armed.Store(true)
	ok(t, r.Grow(as("a"), v.ID, 5))
	r.settled()
	list, err := r.ListNotices(as("a"), volume.Filter[cloud.Notice]{})
	ok(t, err)
	if len(list) != 1 || list[0].NounID != string(v.ID) || list[0].Kind != "volume.grow" || list[0].Fault.Message != "struck" {
		t.Fatalf("notices: %+v", list)
	}
	_, err = r.Notice(as("b"), list[0].ID)
	wantKind(t, err, cloud.NotFound)
	wantKind(t, r.DeleteNotice(as("a", "reader"), list[0].ID), cloud.Forbidden)
	if n, err := r.TrimNotices(t.Context(), time.Now().AddDate(0, 0, -volume.NoticeDays)); err != nil || n != 0 {
		t.Errorf("forgot %d too early, %v", n, err)
	}
	ok(t, r.DeleteNotice(as("a"), list[0].ID))
	wantKind(t, r.DeleteNotice(as("a"), list[0].ID), cloud.NotFound)
}
