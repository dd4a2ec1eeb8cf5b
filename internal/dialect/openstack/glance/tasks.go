package glance

import (
	"net/http"
	"net/url"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/image"
)

// taskType is the only kind of task there is.
const taskType = "api_image_import"

// taskLife is how long after its end a task is promised to be there.
const taskLife = 48 * time.Hour

var taskSortColumns = openstack.SortColumns{"id": "id", "created_at": "created_at", "updated_at": "updated_at", "status": "state"}

// taskStates are the states of Operations that a task's status stands for.
var taskStates = map[string][]cloud.OperationState{
	"pending":    {cloud.OperationPending},
	"processing": {cloud.OperationRunning, cloud.OperationUnwinding},
	"success":    {cloud.OperationSucceeded},
	"failure":    {cloud.OperationFailed, cloud.OperationCancelled, cloud.OperationStuck},
}

func (a *api) tasks(w http.ResponseWriter, r *http.Request) error {
	q, limit, err := taskQuery(r.URL.Query())
	if err != nil {
		return err
	}
	var tasks []image.Task
	if t := r.URL.Query().Get("type"); limit > 0 && (t == "" || t == taskType) {
		if tasks, err = a.images.Tasks(r.Context(), q); err != nil {
			return err
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, taskPage(r.URL.Query(), tasks, limit))
}

func taskQuery(q url.Values) (cloud.Query, int, error) {
	limit, err := limitOf(q)
	if err != nil {
		return cloud.Query{}, 0, err
	}
	query := cloud.Query{After: q.Get("marker"), Limit: limit}
	if query.Order, err = openstack.SortDescending(q, taskSortColumns); err != nil {
		return query, 0, err
	}
	if text := q.Get("status"); text != "" {
		states, ok := taskStates[text]
		if !ok {
			return query, 0, cloud.Invalidf("task", "status", "Invalid status value: %s", text)
		}
		query.Where = append(query.Where, cloud.In("state", states))
	}
	if id := q.Get("image_id"); id != "" {
		query.Where = append(query.Where, cloud.Eq("subject", "image/"+id))
	}
	return query, limit, nil
}

func taskPage(q url.Values, tasks []image.Task, limit int) map[string]any {
	views := make([]any, len(tasks))
	for n, t := range tasks {
		v := viewTask(t)
		for _, only := range []string{"input", "result", "message"} { // details are for those who ask for one
			delete(v, only)
		}
		views[n] = v
	}
	q.Del("marker")
	body := map[string]any{"tasks": views, "first": pathWith("/v2/tasks", q), "schema": "/v2/schemas/tasks"}
	if limit > 0 && len(tasks) == limit {
		q.Set("marker", string(tasks[limit-1].Operation.ID))
		body["next"] = pathWith("/v2/tasks", q)
	}
	return body
}

func (a *api) imageTasks(w http.ResponseWriter, r *http.Request) error {
	tasks, err := a.images.ImageTasks(r.Context(), imageID(r))
	if err != nil {
		return err
	}
	views := make([]any, len(tasks))
	for n, t := range tasks {
		views[n] = viewTask(t)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"tasks": views})
}

func (a *api) task(w http.ResponseWriter, r *http.Request) error {
	t, err := a.images.Task(r.Context(), cloud.OperationID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, viewTask(t))
}

func viewTask(t image.Task) map[string]any {
	op := t.Operation
	v := map[string]any{"id": op.ID, "type": taskType, "status": taskStatus(op.State), "owner": op.ProjectID, "image_id": t.ImageID,
		"user_id": op.UserID, "request_id": op.RequestID, "created_at": stamp(op.CreatedAt), "updated_at": stamp(op.UpdatedAt), "message": "", "result": nil,
		"input": map[string]any{"image_id": t.ImageID, "import_req": t.Request.Asked}, "self": "/v2/tasks/" + string(op.ID), "schema": "/v2/schemas/task"}
	if op.State == cloud.OperationSucceeded {
		v["result"] = map[string]any{"image_id": t.ImageID}
	}
	if op.Fault != nil {
		v["message"] = op.Fault.Message
	}
	if op.EndedAt != nil {
		v["expires_at"] = stamp(op.EndedAt.Add(taskLife))
	}
	return v
}

func taskStatus(state cloud.OperationState) string {
	for status, states := range taskStates {
		for _, s := range states {
			if s == state {
				return status
			}
		}
	}
	return "processing"
}
