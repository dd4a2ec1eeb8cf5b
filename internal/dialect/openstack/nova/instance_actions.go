package nova

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// actionNames are what Nova calls our kinds of Operation.
var actionNames = map[string]string{"instance.create": "create", "instance.delete": "delete", "instance.start": "start", "instance.stop": "stop",
	"instance.reboot": "reboot", "instance.pause": "pause", "instance.unpause": "unpause", "instance.suspend": "suspend", "instance.resume": "resume",
	"instance.rebuild": "rebuild", "instance.rescue": "rescue", "instance.unrescue": "unrescue", "instance.resize": "resize",
	"instance.confirm_resize": "confirmResize", "instance.revert_resize": "revertResize", "instance.shelve": "shelve", "instance.offload": "shelveOffload",
	"instance.unshelve": "unshelve", "instance.create_image": "createImage", "instance.attach_volume": "attach_volume", "instance.detach_volume": "detach_volume",
	"instance.swap_volume": "swap_volume", "volume.grow": "extend_volume", "instance.migrate": "migrate", "instance.evacuate": "evacuate",
	"instance.attach_port": "attach_interface", "instance.detach_port": "detach_interface"}

func actionView(r *http.Request, op *cloud.Operation) map[string]any {
	m := map[string]any{"action": actionNames[op.Kind], "instance_uuid": serverID(r), "request_id": op.RequestID,
		"user_id": op.UserID, "project_id": op.ProjectID, "start_time": op.CreatedAt.UTC().Format(microSeconds), "message": nil}
	if op.Fault != nil && op.State != cloud.OperationSucceeded {
		m["message"] = op.Fault.Message
	}
	if atLeast(r, 58) {
		m["updated_at"] = op.UpdatedAt.UTC().Format(microSeconds)
	}
	return m
}

func (a *api) listActions(w http.ResponseWriter, r *http.Request) error {
	if err := a.actionsReadable(r); err != nil {
		return err
	}
	q, p, err := actionQuery(r)
	if err != nil {
		return err
	}
	list, err := a.Compute.ListActions(r.Context(), serverID(r), q)
	if err != nil {
		return noMarker(err, p)
	}
	out := make([]any, len(list))
	for i, op := range list {
		out[i] = actionView(r, op)
	}
	body := map[string]any{"instanceActions": out}
	if n := len(list); n > 0 {
		body = a.withNext(r, body, "links", "/servers/"+string(serverID(r))+"/os-instance-actions", p.Limit, n, list[n-1].RequestID)
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

// actionKeys are what a list of actions is asked, and since which version. Any other key was passed over before the first of them.
var actionKeys = map[string]int{"limit": 58, "marker": 58, "changes-since": 58, "changes-before": 66}

// actionQuery reads page and times of change, which came with 2.58.
func actionQuery(r *http.Request) (q cloud.Query, p openstack.Page, err error) {
	if !atLeast(r, 58) {
		return q, p, nil
	}
	if err := knownKeys(r, actionKeys); err != nil {
		return q, p, err
	}
	if p, err = openstack.ParsePage(r, nil, pageMax); err != nil {
		return q, p, err
	}
	if p.Limit == 0 {
		p.Limit = pageMax
	}
	changed, err := changeTimes(r)
	return p.Query(changed...), p, err
}

// knownKeys refuses a query with a key that is not in the list, or came later than the request's version.
func knownKeys(r *http.Request, known map[string]int) error {
	for key := range r.URL.Query() {
		if from, ok := known[key]; !ok || !atLeast(r, from) {
			return unexpected(key)
		}
	}
	return nil
}

// actionsReadable: until 2.21 the actions of a deleted server were not shown.
func (a *api) actionsReadable(r *http.Request) error {
	if atLeast(r, 21) {
		return nil
	}
	_, err := a.Compute.Instance(r.Context(), serverID(r))
	return err
}

func (a *api) showAction(w http.ResponseWriter, r *http.Request) error {
	if err := a.actionsReadable(r); err != nil {
		return err
	}
	request := r.PathValue("action")
	list, err := a.Compute.ListActions(r.Context(), serverID(r), cloud.Query{Where: []cloud.Cond{cloud.Eq("request_id", request)}, Limit: 1})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return cloud.Errorf(cloud.NotFound, "action", request, "Action for request_id %s on instance %s not found", request, serverID(r))
	}
	host, err := a.actionHost(r)
	if err != nil {
		return err
	}
	m := actionView(r, list[0])
	m["events"] = actionEvents(r, list[0], host)
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"instanceAction": m})
}

// actionHost is the hash of the host that the server is on, which clients tell hosts apart by; empty when it is on none.
func (a *api) actionHost(r *http.Request) (string, error) {
	if !atLeast(r, 62) {
		return "", nil
	}
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if cloud.Is(err, cloud.NotFound) || err == nil && v.Host == nil {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return hostHash(v.ProjectID, v.Host.Name), nil
}

// eventNames are what Nova calls the part of an action that its hosts do. Clients wait for some of them.
var eventNames = map[string]string{"instance.create": "compute__do_build_and_run_instance", "instance.delete": "compute_terminate_instance",
	"instance.start": "compute_start_instance", "instance.stop": "compute_stop_instance", "instance.reboot": "compute_reboot_instance",
	"instance.pause": "compute_pause_instance", "instance.unpause": "compute_unpause_instance", "instance.suspend": "compute_suspend_instance",
	"instance.resume": "compute_resume_instance", "instance.rebuild": "compute_rebuild_instance", "instance.rescue": "compute_rescue_instance",
	"instance.unrescue": "compute_unrescue_instance", "instance.resize": "compute_finish_resize", "instance.migrate": "compute_finish_resize", "instance.evacuate": "compute_rebuild_instance", "instance.confirm_resize": "compute_confirm_resize",
	"instance.revert_resize": "compute_finish_revert_resize", "instance.shelve": "compute_shelve_instance", "instance.offload": "compute_shelve_offload_instance",
	"instance.unshelve": "compute_unshelve_instance", "instance.create_image": "compute_snapshot_instance", "instance.attach_volume": "compute_attach_volume",
	"instance.detach_volume": "compute_detach_volume", "instance.swap_volume": "compute_swap_volume", "volume.grow": "compute_extend_volume", "instance.attach_port": "compute_attach_interface", "instance.detach_port": "compute_detach_interface"}

// actionEvents are the whole of an Operation under the name it has elsewhere, and then its steps.
func actionEvents(r *http.Request, op *cloud.Operation, host string) []any {
	out := []any{}
	add := func(m map[string]any) {
		m["traceback"] = nil
		if atLeast(r, 62) {
			m["hostId"] = host
		}
		out = append(out, m)
	}
	add(wholeEvent(op))
	for _, s := range op.Steps {
		add(stepEvent(op, s))
	}
	return out
}

func wholeEvent(op *cloud.Operation) map[string]any {
	m := map[string]any{"event": eventNames[op.Kind], "start_time": op.CreatedAt.UTC().Format(microSeconds), "finish_time": nil, "result": nil}
	if op.State.Ended() {
		m["finish_time"], m["result"] = op.UpdatedAt.UTC().Format(microSeconds), "Error"
		if op.State == cloud.OperationSucceeded {
			m["result"] = "Success"
		}
	}
	return m
}

func stepEvent(op *cloud.Operation, s cloud.StepMark) map[string]any {
	m := map[string]any{"event": op.Kind + "." + s.Name, "start_time": s.StartedAt.UTC().Format(microSeconds), "finish_time": nil, "result": "Success"}
	if s.EndedAt != nil {
		m["finish_time"] = s.EndedAt.UTC().Format(microSeconds)
	}
	if s.Error != "" || s.Undone {
		m["result"] = "Error"
	}
	return m
}
