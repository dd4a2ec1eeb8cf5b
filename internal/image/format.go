package image

import (
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Formats and Containers are the names that an image's format and container may have.
var (
	Formats    = []string{"ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "ploop", "iso", "root-tar"}
	Containers = []string{"ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"}
)

// machineFormats are Amazon's kernel, RAM disk and machine images: container and format usually go together.
var machineFormats = []string{"ami", "ari", "aki"}

// diskFormat is how the bytes of an image lie, in the hosts' words. Kernels, RAM disks and
// Amazon machine images are plain bytes.
func diskFormat(format string) spec.Format {
	if slices.Contains(machineFormats, format) {
		return spec.FormatRaw
	}
	return spec.Format(format)
}

// checkFormats refuses names nobody knows. It completes an Amazon pair of which one half is missing.
func checkFormats(i *cloud.Image) error {
	if i.Container != "" && !slices.Contains(Containers, i.Container) {
		return cloud.Invalidf("image", "container_format", "Invalid container format '%s' for image.", i.Container)
	}
	if i.Format != "" && !slices.Contains(Formats, i.Format) {
		return cloud.Invalidf("image", "disk_format", "Invalid disk format '%s' for image.", i.Format)
	}
	switch {
	case slices.Contains(machineFormats, i.Container) && i.Format == "":
		i.Format = i.Container
	case slices.Contains(machineFormats, i.Format) && i.Container == "":
		i.Container = i.Format
	}
	return nil
}

// opaque tells whether a container's bytes may be a package rather than a disk; such an image is
// kept as it came, and no instance can use it unless a disk was found in it.
func opaque(container string) bool {
	return container == "ova" || container == "ovf" || container == "docker" || container == "compressed"
}

// amazonPackage tells whether an Amazon container, whose bytes are plain, is declared to hold a format that is not. What
// that should be nobody knows: it is kept as it came.
func amazonPackage(i *cloud.Image) bool {
	return slices.Contains(machineFormats, i.Container) && diskFormat(i.Format) != spec.FormatRaw
}

// diskless formats are kept without looking inside: no host opens them.
func diskless(format string) bool { return format == "ploop" || format == "root-tar" }
