package nova

import (
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// externalEvent is a piece of news, and how it was taken.
type externalEvent struct {
	Name       string           `json:"name"`
	ServerUUID cloud.InstanceID `json:"server_uuid"`
	Status     string           `json:"status"`
	Tag        string           `json:"tag,omitempty"`
	Code       int              `json:"code"`
}

// eventSince are the names of events with the microversion that brought each.
var eventSince = map[string]int{"network-changed": 0, "network-vif-plugged": 0, "network-vif-unplugged": 0, "network-vif-deleted": 0,
	"volume-extended": 51, "power-update": 76, "accelerator-request-bound": 82, "volume-reimaged": 93}

// externalEvents are other services' news for Nova. Ours share a store, so there is nothing to learn from them;
// they are acknowledged for servers that exist.
func (a *api) externalEvents(w http.ResponseWriter, r *http.Request) error {
	if err := a.Compute.MayTell(r.Context()); err != nil { // before anything is said about the body
		return err
	}
	events, err := readEvents(r)
	if err != nil {
		return err
	}
	there, err := a.Compute.Existing(r.Context(), serversOf(events))
	if err != nil {
		return err
	}
	known := 0
	for i := range events {
		e := &events[i]
		if there[e.ServerUUID] {
			e.Code = http.StatusOK
			known++
		} else {
			e.Code, e.Status = openstack.Code(openstack.FaultNova, cloud.NotFoundf("instance", string(e.ServerUUID))), "failed"
		}
	}
	status := http.StatusOK
	switch known {
	case len(events):
	case 0:
		return cloud.Errorf(cloud.NotFound, "instance", "", "No instances found for any event")
	default:
		status = http.StatusMultiStatus
	}
	return openstack.WriteJSON(w, status, map[string]any{"events": events})
}

func serversOf(events []externalEvent) []cloud.InstanceID {
	ids := make([]cloud.InstanceID, len(events))
	for i, e := range events {
		ids[i] = e.ServerUUID
	}
	return ids
}

func readEvents(r *http.Request) ([]externalEvent, error) {
	var body struct {
		Events []struct {
			Name       string           `json:"name"`
			ServerUUID cloud.InstanceID `json:"server_uuid"`
			Status     *string          `json:"status"`
			Tag        string           `json:"tag"`
		} `json:"events"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return nil, err
	}
	if len(body.Events) == 0 {
		return nil, cloud.Invalidf("request", "events", "Invalid input for field/attribute events. There must be one at least.")
	}
	events := make([]externalEvent, len(body.Events))
	for i, e := range body.Events {
		events[i] = externalEvent{Name: e.Name, ServerUUID: e.ServerUUID, Status: "completed", Tag: e.Tag}
		if e.Status != nil {
			events[i].Status = *e.Status
		}
		if err := events[i].check(r); err != nil {
			return nil, err
		}
	}
	return events, nil
}

func (e externalEvent) check(r *http.Request) error {
	if since, known := eventSince[e.Name]; !known || !atLeast(r, since) {
		return cloud.Invalidf("request", "name", "Invalid input for field/attribute name. '%s' is no event of this version.", e.Name)
	}
	if !slices.Contains([]string{"failed", "completed", "in-progress"}, e.Status) {
		return cloud.Invalidf("request", "status", "Invalid input for field/attribute status. '%s' must be failed, completed or in-progress.", e.Status)
	}
	if e.ServerUUID == "" {
		return cloud.Invalidf("request", "server_uuid", "Invalid input for field/attribute server_uuid. It is required.")
	}
	return nil
}
