package glance

import (
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// view is an image as clients see it: its properties stand beside its attributes, and
// what is not known is null.
func view(i *cloud.Image) map[string]any {
	v := make(map[string]any, len(i.Properties)+24)
	for k, value := range i.Properties {
		v[k] = value
	}
	path := "/v2/images/" + string(i.ID)
	v["id"], v["name"], v["status"], v["visibility"] = i.ID, orNull(i.Name), status(i.State), i.Visibility
	v["protected"], v["os_hidden"], v["owner"] = i.Protected, i.Hidden, orNull(string(i.ProjectID))
	v["container_format"], v["disk_format"] = orNull(i.Container), orNull(i.Format)
	v["min_disk"], v["min_ram"] = i.MinDiskGiB, i.MinMemoryMiB
	v["checksum"], v["os_hash_algo"], v["os_hash_value"] = orNull(i.MD5), nil, orNull(i.SHA512)
	if i.SHA512 != "" {
		v["os_hash_algo"] = "sha512"
	}
	v["size"], v["virtual_size"] = size(i), nil
	if i.VirtualBytes > 0 {
		v["virtual_size"] = i.VirtualBytes
	}
	v["created_at"], v["updated_at"] = stamp(i.CreatedAt), stamp(i.UpdatedAt)
	v["tags"] = append([]string{}, i.Tags...)
	showImport(v, i)
	v["self"], v["file"], v["schema"] = path, path+"/file", "/v2/schemas/image"
	return v
}

// showImport tells where the bytes are, and how an import that goes on or went wrong stands.
func showImport(v map[string]any, i *cloud.Image) {
	switch {
	case i.State == cloud.ImageActive, i.State == cloud.ImageDeactivated:
		v["stores"] = store
	case i.State == cloud.ImageImporting:
		v["os_glance_importing_to_stores"], v["os_glance_failed_import"] = store, ""
	case i.Fault != nil:
		v["os_glance_importing_to_stores"], v["os_glance_failed_import"] = "", store
	}
}

// size is null until there is data, and 0 for an image that stands for volumes' snapshots.
func size(i *cloud.Image) any {
	if i.SizeBytes == 0 && len(i.Disks) == 0 {
		return nil
	}
	return i.SizeBytes
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// stamp is a time as this service writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
