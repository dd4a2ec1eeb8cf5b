package ec2_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// TestImports fetches a disk as an image and as a snapshot, and tells how that went; what is nowhere says so.
func TestImports(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/disk.raw" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(make([]byte, 8192)) // the cloud is gone: it will say so
	}))
	t.Cleanup(server.Close)
	w := newWorldWith(t, testcloud.Options{Config: func(c *config.Config) {
		c.ImportRanges = append(c.ImportRanges, netip.MustParsePrefix("127.0.0.0/8"))
	}})
	made := w.do("ImportImage", "DiskContainer.1.Url", server.URL+"/disk.raw", "DiskContainer.1.Format", "RAW", "Description", "fetched",
		"TagSpecification.1.ResourceType", "import-image-task", "TagSpecification.1.Tag.1.Key", "k", "TagSpecification.1.Tag.1.Value", "v")
	w.Settle(t)
	w.filtersWork("DescribeImportImageTasks", "importImageTaskSet", map[string]string{}, "ImportTaskId.1", made.get("importTaskId"))
	done := w.do("DescribeImportImageTasks", "ImportTaskId.1", made.get("importTaskId"))
	if done.get("importImageTaskSet/status") != "completed" || done.get("importImageTaskSet/tagSet/key") != "k" {
		t.Errorf("the task is %+v", done)
	}
	if got := w.do("DescribeImages", "ImageId.1", done.get("importImageTaskSet/imageId")); got.get("imagesSet/imageState") != "available" || got.get("imagesSet/description") != "fetched" {
		t.Errorf("the image is %+v", got)
	}
	task := w.do("ImportSnapshot", "DiskContainer.Url", server.URL+"/disk.raw").get("importTaskId")
	w.Settle(t)
	snap := w.do("DescribeImportSnapshotTasks", "ImportTaskId.1", task)
	if got := snap.get("importSnapshotTaskSet/snapshotTaskDetail/status"); got != "completed" {
		t.Errorf("the task is %+v", snap)
	}
	w.volume("SnapshotId", snap.get("importSnapshotTaskSet/snapshotTaskDetail/snapshotId"))
	w.refused("IncorrectState", "CancelImportTask", "ImportTaskId", task)
	w.importsNothing(server.URL + "/none.raw")
}

// importsNothing imports what is not there, and what nobody can import.
func (w *world) importsNothing(address string) {
	w.t.Helper()
	image := w.do("ImportImage", "DiskContainer.1.Url", address).get("importTaskId")
	snapshot := w.do("ImportSnapshot", "DiskContainer.Url", address).get("importTaskId")
	w.Settle(w.t)
	if got := w.do("DescribeImportImageTasks", "ImportTaskId.1", image); got.get("importImageTaskSet/status") != "deleted" || got.get("importImageTaskSet/statusMessage") == "" {
		w.t.Errorf("the task is %+v", got)
	}
	if got := w.do("DescribeImportSnapshotTasks", "ImportTaskId.1", snapshot); got.get("importSnapshotTaskSet/snapshotTaskDetail/status") != "deleted" {
		w.t.Errorf("the task is %+v", got)
	}
	w.refused("UnsupportedOperation", "ImportImage", "DiskContainer.1.Url", "s3://bucket/disk.raw")
	w.refused("InvalidParameterValue", "ImportImage", "DiskContainer.1.Url", "ftp://bucket/disk.raw")
	w.refused("InvalidParameterValue", "ImportImage", "DiskContainer.1.Url", "http://example.org/disk.ova")
	w.refused("UnsupportedOperation", "ImportImage")
	w.refused("MissingParameter", "ImportSnapshot", "DiskContainer.Format", "raw")
	w.refused("InvalidConversionTaskId.NotFound", "DescribeImportImageTasks", "ImportTaskId.1", "import-ami-01234567890123456")
}
