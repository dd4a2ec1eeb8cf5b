package ec2

import (
	"cmp"
	"context"
	"net/url"
	"path"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/image"
)

func (a *api) importActions() []*action {
	return []*action{
		serve("ImportImage", a.importImage, "Architecture BootMode Description DiskContainers Platform TagSpecifications "+
			"-ClientData -Hypervisor -LicenseType -RoleName"),
		serve("ImportSnapshot", a.importSnapshot, "Description DiskContainer TagSpecifications -ClientData -RoleName"),
		serve("DescribeImportImageTasks", a.describeImportImageTasks, "Filters ImportTaskIds MaxResults NextToken"),
		serve("DescribeImportSnapshotTasks", a.describeImportSnapshotTasks, "Filters ImportTaskIds MaxResults NextToken"),
		serve("CancelImportTask", a.cancelImportTask, "ImportTaskId -CancelReason"),
	}
}

// Ids of tasks are those of what they make.
var (
	imageTaskIDs    = idKind{"import-ami", "import image task", "InvalidConversionTaskId.NotFound", "InvalidConversionTaskId.Malformed"}
	snapshotTaskIDs = idKind{"import-snap", "import snapshot task", "InvalidConversionTaskId.NotFound", "InvalidConversionTaskId.Malformed"}
)

// importAsk is what an import was asked for, kept with its task.
type importAsk struct {
	URL          string            `json:"url"`
	Format       string            `json:"format"`
	Description  string            `json:"description,omitempty"`
	Architecture string            `json:"architecture,omitempty"`
	Platform     string            `json:"platform,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	// Snapshot is what is made in the end; empty: an image.
	Snapshot cloud.SnapshotID `json:"snapshot,omitempty"`
}

// importFormats are the formats of disks that can be imported.
var importFormats = map[string]string{"raw": "raw", "img": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vhd": "vhd", "vhdx": "vhdx", "vdi": "vdi"}

// formatOf is the format that a request names, or else the end of the address.
func formatOf(format, address string) (string, error) {
	asked := strings.ToLower(format)
	if u, err := url.Parse(address); asked == "" && err == nil {
		asked = strings.TrimPrefix(strings.ToLower(path.Ext(u.Path)), ".")
	}
	if known := importFormats[asked]; known != "" {
		return known, nil
	}
	return "", invalidParameter("The disk's format '%s' is none that can be imported: use RAW, QCOW2, VMDK, VHD, VHDX or VDI.", asked)
}

// fetchable refuses what is not on the web.
func fetchable(address string) error {
	switch u, err := url.Parse(address); {
	case address == "":
		return missingParameter("DiskContainer.Url")
	case err != nil:
		return invalidParameter("Invalid URL: %q", address)
	case u.Scheme == "s3":
		return unsupported("Disks cannot be imported from S3 buckets here: give an http or https URL, such as a presigned one.")
	case u.Scheme != "http" && u.Scheme != "https":
		return invalidParameter("The URL %q is neither http nor https.", address)
	}
	return nil
}

// fetchImage makes an image and starts to fill it from an address, in one transaction.
func (a *api) fetchImage(ctx context.Context, r image.CreateRequest, address, format string, ask importAsk) (*cloud.Image, error) {
	if err := fetchable(address); err != nil {
		return nil, err
	}
	var err error
	if r.Format, err = formatOf(format, address); err != nil {
		return nil, err
	}
	r.Container = "bare"
	ask.URL, ask.Format = address, cmp.Or(strings.ToUpper(format), strings.ToUpper(r.Format))
	var made *cloud.Image
	return made, a.Network.Together(ctx, func(ctx context.Context) error {
		if made, err = a.Images.Create(ctx, r); err != nil {
			return err
		}
		return a.Images.Import(ctx, made.ID, image.ImportRequest{From: image.SourceWeb, URI: address, Asked: ask})
	})
}

func (a *api) importImage(ctx context.Context, in *shape.ImportImageRequest) (*shape.ImportImageResult, error) {
	tags, err := tagsFor(in.TagSpecifications, "import-image-task")
	if err != nil {
		return nil, err
	}
	if len(in.DiskContainers) != 1 {
		return nil, unsupported("An image is imported from one disk container, not from %d.", len(in.DiskContainers))
	}
	disk := in.DiskContainers[0]
	if err := only(&disk, "DiskContainer", "Description DeviceName Format Url"); err != nil {
		return nil, err
	}
	ask := importAsk{Description: in.Description, Architecture: in.Architecture, Platform: in.Platform, Tags: tags}
	r := image.CreateRequest{ID: cloud.ImageID(cloud.NewID()), Visibility: cloud.VisibilityPrivate, Properties: map[string]string{}}
	r.Name = id(imageTaskIDs, r.ID)
	if err := describe(r.Properties, in.Description); err != nil {
		return nil, err
	}
	if err := machineProperties(r.Properties, in.Architecture, in.BootMode); err != nil {
		return nil, err
	}
	if strings.EqualFold(in.Platform, "windows") {
		r.Properties["os_type"] = "windows"
	}
	made, err := a.fetchImage(ctx, r, disk.Url, disk.Format, ask)
	if err != nil {
		return nil, err
	}
	tasks, err := a.imageTasks(ctx, made.ID)
	if err != nil {
		return nil, err
	}
	t := tasks[0].shown
	return &shape.ImportImageResult{ImportTaskId: t.ImportTaskId, ImageId: t.ImageId, Status: t.Status, StatusMessage: t.StatusMessage, Progress: t.Progress,
		Description: t.Description, Architecture: t.Architecture, Platform: t.Platform, SnapshotDetails: t.SnapshotDetails, Tags: t.Tags}, nil
}

// importSnapshot imports an image, which goes when the snapshot of its disk has been made.
func (a *api) importSnapshot(ctx context.Context, in *shape.ImportSnapshotRequest) (*shape.ImportSnapshotResult, error) {
	tags, err := tagsFor(in.TagSpecifications, "import-snapshot-task")
	if err != nil {
		return nil, err
	}
	if in.DiskContainer == nil {
		return nil, missingParameter("DiskContainer")
	}
	if err := only(in.DiskContainer, "DiskContainer", "Description Format Url"); err != nil {
		return nil, err
	}
	if err := fetchable(in.DiskContainer.Url); err != nil {
		return nil, err
	}
	var n *cloud.Snapshot
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		n, err = a.startSnapshotImport(ctx, in, tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	tasks, err := a.snapshotTasks(ctx, n.ID)
	if err != nil {
		return nil, err
	}
	t := tasks[0].shown
	return &shape.ImportSnapshotResult{ImportTaskId: t.ImportTaskId, Description: t.Description, SnapshotTaskDetail: t.SnapshotTaskDetail, Tags: t.Tags}, nil
}

func (a *api) startSnapshotImport(ctx context.Context, in *shape.ImportSnapshotRequest, tags map[string]string) (*cloud.Snapshot, error) {
	format, err := formatOf(in.DiskContainer.Format, in.DiskContainer.Url)
	if err != nil {
		return nil, err
	}
	i, err := a.Images.Create(ctx, image.CreateRequest{Name: "on its way to a snapshot", Visibility: cloud.VisibilityPrivate, Hidden: true, Container: "bare", Format: format})
	if err != nil {
		return nil, err
	}
	n, err := a.Volumes.SnapshotImage(ctx, i.ID, cloud.SnapshotRequest{Description: cmp.Or(in.Description, in.DiskContainer.Description)})
	if err != nil {
		return nil, err
	}
	ask := importAsk{URL: in.DiskContainer.Url, Format: strings.ToUpper(cmp.Or(in.DiskContainer.Format, format)), Description: in.Description, Tags: tags, Snapshot: n.ID}
	return n, a.Images.Import(ctx, i.ID, image.ImportRequest{From: image.SourceWeb, URI: in.DiskContainer.Url, Asked: ask})
}

// cancelImportTask takes away what the task was to make, which ends it.
func (a *api) cancelImportTask(ctx context.Context, in *shape.CancelImportTaskRequest) (*shape.CancelImportTaskResult, error) {
	out := &shape.CancelImportTaskResult{ImportTaskId: in.ImportTaskId, PreviousState: taskActive, State: taskDeleted}
	if strings.HasPrefix(in.ImportTaskId, snapshotTaskIDs.prefix+"-") {
		t, err := findOne(ctx, snapshotTaskIDs, in.ImportTaskId, a.allSnapshotTasks, func(t *snapshotTask) string { return string(t.ask.Snapshot) })
		if err != nil {
			return nil, err
		}
		if t.shown.SnapshotTaskDetail.Status != taskActive {
			return nil, ended(in.ImportTaskId, t.shown.SnapshotTaskDetail.Status)
		}
		return out, a.Volumes.DeleteSnapshot(ctx, t.ask.Snapshot, false)
	}
	t, err := findOne(ctx, imageTaskIDs, in.ImportTaskId, a.allImageTasks, func(t *imageTask) string { return string(t.task.ImageID) })
	if err != nil {
		return nil, err
	}
	if t.shown.Status != taskActive {
		return nil, ended(in.ImportTaskId, t.shown.Status)
	}
	return out, a.Images.Delete(ctx, t.task.ImageID)
}

func ended(task, status string) error {
	return bad("IncorrectState", "The task %s is %s and cannot be cancelled.", task, status)
}
