package cinder

import (
	"cmp"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

func (a *api) messageRoutes(s *openstack.Service) {
	s.Handle("GET /v3/messages", since(3, a.listMessages))
	s.Handle("GET /v3/messages/{id}", since(3, a.showMessage))
	s.Handle("DELETE /v3/messages/{id}", since(3, a.deleteMessage))
}

func messageID(r *http.Request) cloud.NoticeID { return cloud.NoticeID(r.PathValue("id")) }

// deed is what was to be done, in this service's words. The numbers below 100 are the service's own; it has none
// for the others.
type deed struct{ number, words string }

var deeds = map[string]deed{
	"volume.create":         {"001", "schedule allocate volume"},
	"volume.upload_image":   {"003", "copy volume to image"},
	"volume.grow":           {"007", "extend volume"},
	"snapshot.create":       {"009", "create snapshot"},
	"snapshot.delete":       {"010", "delete snapshot"},
	"backup.create":         {"013", "create backup"},
	"backup.delete":         {"014", "delete backup"},
	"volume.restore":        {"015", "restore backup"},
	"volume.delete":         {"101", "delete volume"},
	"volume.revert":         {"102", "revert volume to snapshot"},
	"group.copy":            {"103", "create group from source"},
	"group.delete":          {"104", "delete group"},
	"group_snapshot.create": {"105", "create group snapshot"},
	"group_snapshot.delete": {"106", "delete group snapshot"},
	"volume.retype":         {"107", "retype volume"},
	"volume.migrate":        {"108", "migrate volume"},
}

func deedOf(n *cloud.Notice) deed { return cmp.Or(deeds[n.Kind], deed{"000", n.Kind}) }

// reasons are the numbers that this service has for why.
var reasons = map[cloud.Kind]string{cloud.NoCapacity: "003", cloud.QuotaExceeded: "006"}

const unknownReason = "001"

var messageResources = map[string]string{"volume": "VOLUME", "snapshot": "VOLUME_SNAPSHOT", "backup": "VOLUME_BACKUP",
	"group": "VOLUME_GROUP", "group_snapshot": "VOLUME_GROUP_SNAPSHOT"}

func eventID(n *cloud.Notice) string {
	return "VOLUME_" + messageResources[n.Noun] + "_" + deedOf(n).number + "_" + cmp.Or(reasons[n.Fault.Kind], unknownReason)
}

// messageLevel is that of all: what went well makes no message.
const messageLevel = "ERROR"

var messageColumns = openstack.SortColumns{"id": "id", "created_at": "created_at", "guaranteed_until": "created_at", "event_id": "kind",
	"resource_uuid": "noun_id", "resource_type": "noun", "request_id": "request_id", "project_id": "project_id"}

var messageFilters = filters[cloud.Notice]{
	"resource_uuid": column[cloud.Notice]("noun_id"), "request_id": column[cloud.Notice]("request_id"),
	"resource_type": kept(func(n *cloud.Notice, t string) bool { return messageResources[n.Noun] == t }),
	"event_id":      kept(func(n *cloud.Notice, id string) bool { return eventID(n) == id }),
	"message_level": kept(func(_ *cloud.Notice, level string) bool { return level == messageLevel }),
}

func viewMessage(r *http.Request, n *cloud.Notice) map[string]any {
	return map[string]any{"id": n.ID, "event_id": eventID(n), "message_level": messageLevel, "user_message": deedOf(n).words + ": " + n.Fault.Message,
		"request_id": n.RequestID, "resource_type": messageResources[n.Noun], "resource_uuid": n.NounID, "created_at": stamp(n.CreatedAt),
		"guaranteed_until": stamp(n.CreatedAt.AddDate(0, 0, volume.NoticeDays)), "links": selfLinks(r, "messages", string(n.ID))}
}

func (a *api) listMessages(w http.ResponseWriter, r *http.Request) error {
	return writeList(w, r, "messages", messageColumns, messageFilters, a.volumes.ListNotices,
		func(n *cloud.Notice) (map[string]any, string) { return viewMessage(r, n), string(n.ID) })
}

func (a *api) showMessage(w http.ResponseWriter, r *http.Request) error {
	n, err := a.volumes.Notice(r.Context(), messageID(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"message": viewMessage(r, n)})
}

func (a *api) deleteMessage(w http.ResponseWriter, r *http.Request) error {
	if err := a.volumes.DeleteNotice(r.Context(), messageID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
