package ec2

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/image"
)

// What becomes of a task: one that failed or was cancelled is called deleted.
const (
	taskActive    = "active"
	taskCompleted = "completed"
	taskDeleted   = "deleted"
)

// imageTask and snapshotTask are imports as they stand.
type imageTask struct {
	task  image.Task
	shown shape.ImportImageTask
}

type snapshotTask struct {
	task  image.Task
	ask   importAsk
	shown shape.ImportSnapshotTask
}

func (t *imageTask) place() string    { return taskPlace(t.task) }
func (t *snapshotTask) place() string { return taskPlace(t.task) }

func taskPlace(t image.Task) string { return place(t.Operation.CreatedAt, t.Operation.ID) }

// asked is what a task was asked for here; not ok for one of another API.
func asked(t image.Task) (ask importAsk, ok bool) {
	text, err := json.Marshal(t.Request.Asked)
	if err != nil || t.Request.From != image.SourceWeb {
		return ask, false
	}
	return ask, json.Unmarshal(text, &ask) == nil && ask.URL != "" && ask.Format != ""
}

// tasks are the imports of the account, with what they were asked for.
func (a *api) importsAsked(ctx context.Context, snapshot bool, each func(image.Task, importAsk)) error {
	tasks, err := a.Images.Tasks(ctx, cloud.Where(own(ctx)))
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if ask, ok := asked(t); ok && (ask.Snapshot != "") == snapshot {
			each(t, ask)
		}
	}
	return nil
}

// allImageTasks looks at tasks, which have no ids of their own: conditions do not narrow it down.
func (a *api) allImageTasks(ctx context.Context, _ ...cloud.Cond) (rows []*imageTask, err error) {
	err = a.importsAsked(ctx, false, func(t image.Task, ask importAsk) {
		rows = append(rows, &imageTask{t, imageTaskShown(t, ask)})
	})
	return rows, err
}

func (a *api) imageTasks(ctx context.Context, id cloud.ImageID) ([]*imageTask, error) {
	return find(ctx, imageTaskIDs, []string{imageTaskIDs.of(string(id))}, a.allImageTasks, func(t *imageTask) string { return string(t.task.ImageID) })
}

// taskState is how far an import's Operation is.
func taskState(op *cloud.Operation) (status, message, progress string) {
	switch {
	case op.State == cloud.OperationSucceeded:
		return taskCompleted, "", ""
	case op.State.Ended():
		if op.Fault != nil {
			message = "ClientError: " + op.Fault.Message
		}
		return taskDeleted, message, ""
	case op.State == cloud.OperationPending:
		return taskActive, "pending", strconv.Itoa(op.Progress)
	}
	return taskActive, "downloading/converting", strconv.Itoa(op.Progress)
}

func imageTaskShown(t image.Task, ask importAsk) shape.ImportImageTask {
	shown := shape.ImportImageTask{ImportTaskId: id(imageTaskIDs, t.ImageID), ImageId: id(imageIDs, t.ImageID), Description: ask.Description,
		Architecture: ask.Architecture, Platform: ask.Platform, Tags: tagsOf(ask.Tags, ""),
		SnapshotDetails: []shape.SnapshotDetail{{Format: ask.Format, Url: ask.URL}}}
	shown.Status, shown.StatusMessage, shown.Progress = taskState(t.Operation)
	shown.SnapshotDetails[0].Status = shown.Status
	return shown
}

func (a *api) allSnapshotTasks(ctx context.Context, _ ...cloud.Cond) (rows []*snapshotTask, err error) {
	var ids []cloud.SnapshotID
	err = a.importsAsked(ctx, true, func(t image.Task, ask importAsk) {
		ids = append(ids, ask.Snapshot)
		rows = append(rows, &snapshotTask{task: t, ask: ask})
	})
	if err != nil {
		return nil, err
	}
	made, err := a.snapshotsByID(ctx, ids)
	for _, r := range rows {
		r.shown = snapshotTaskShown(r.task, r.ask, made[r.ask.Snapshot])
	}
	return rows, err
}

func (a *api) snapshotTasks(ctx context.Context, id cloud.SnapshotID) ([]*snapshotTask, error) {
	return find(ctx, snapshotTaskIDs, []string{snapshotTaskIDs.of(string(id))}, a.allSnapshotTasks, func(t *snapshotTask) string { return string(t.ask.Snapshot) })
}

// snapshotTaskShown: the task is at its end when the snapshot is made, which takes a while from when the image is there.
func snapshotTaskShown(t image.Task, ask importAsk, made *cloud.Snapshot) shape.ImportSnapshotTask {
	detail := &shape.SnapshotTaskDetail{Description: ask.Description, Format: ask.Format, Url: ask.URL, SnapshotId: id(snapshotIDs, ask.Snapshot)}
	switch {
	case made == nil:
		detail.Status, detail.SnapshotId = taskDeleted, ""
	case made.State == cloud.VolumeFailed:
		detail.Status, detail.SnapshotId = taskDeleted, ""
		if made.Fault != nil {
			detail.StatusMessage = "ClientError: " + made.Fault.Message
		}
	case made.State == cloud.VolumeAvailable:
		detail.Status, detail.DiskImageSize = taskCompleted, new(float64(made.SizeGiB)*(1<<30))
	default:
		_, detail.StatusMessage, detail.Progress = taskState(t.Operation)
		detail.Status = taskActive
	}
	return shape.ImportSnapshotTask{ImportTaskId: id(snapshotTaskIDs, ask.Snapshot), Description: ask.Description, SnapshotTaskDetail: detail, Tags: tagsOf(ask.Tags, "")}
}

func (a *api) describeImportImageTasks(ctx context.Context, in *shape.DescribeImportImageTasksRequest) (*shape.DescribeImportImageTasksResult, error) {
	rows, err := namedOrAll(ctx, imageTaskIDs, in.ImportTaskIds, a.allImageTasks, func(t *imageTask) string { return string(t.task.ImageID) })
	if err != nil {
		return nil, err
	}
	f := fields[*imageTask]{"task-state": one(func(t *imageTask) string { return t.shown.Status })}
	rows, next, err := pageFor(rows, f, in.Filters, func(t *imageTask) []shape.Tag { return t.shown.Tags }, in.MaxResults, in.NextToken, (*imageTask).place)
	out := &shape.DescribeImportImageTasksResult{NextToken: next, ImportImageTasks: []shape.ImportImageTask{}}
	for _, r := range rows {
		out.ImportImageTasks = append(out.ImportImageTasks, r.shown)
	}
	return out, err
}

func (a *api) describeImportSnapshotTasks(ctx context.Context, in *shape.DescribeImportSnapshotTasksRequest) (*shape.DescribeImportSnapshotTasksResult, error) {
	rows, err := namedOrAll(ctx, snapshotTaskIDs, in.ImportTaskIds, a.allSnapshotTasks, func(t *snapshotTask) string { return string(t.ask.Snapshot) })
	if err != nil {
		return nil, err
	}
	f := fields[*snapshotTask]{"task-state": one(func(t *snapshotTask) string { return t.shown.SnapshotTaskDetail.Status })}
	rows, next, err := pageFor(rows, f, in.Filters, func(t *snapshotTask) []shape.Tag { return t.shown.Tags }, in.MaxResults, in.NextToken, (*snapshotTask).place)
	out := &shape.DescribeImportSnapshotTasksResult{NextToken: next, ImportSnapshotTasks: []shape.ImportSnapshotTask{}}
	for _, r := range rows {
		out.ImportSnapshotTasks = append(out.ImportSnapshotTasks, r.shown)
	}
	return out, err
}
