package minimal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// kernel is an unpacked kernel package.
type kernel struct {
	dir     string // holds boot/ and lib/ or usr/lib/
	version string // "6.1.0-56-cloud-amd64"
}

// kernelMetas are the packages that stand for the newest kernel for virtual
// machines: Debian's and Ubuntu's.
var kernelMetas = []string{"linux-image-cloud-amd64", "linux-image-virtual"}

// fetchKernel gives the kernel from the cache, or downloads it with apt, as any
// user and without installing it.
func fetchKernel(ctx context.Context, o Options, t tools) (kernel, error) {
	name, id, err := choosePackage(ctx, o, t)
	if err != nil {
		return kernel{}, err
	}
	version := strings.TrimPrefix(strings.TrimPrefix(name, "linux-image-"), "unsigned-")
	k := kernel{dir: filepath.Join(o.CacheDir, name+"_"+id), version: version}
	if _, err := os.Stat(k.vmlinuz()); err == nil {
		return k, nil
	}
	o.Log.Info("downloading a kernel", "package", name, "version", id)
	return k, k.download(ctx, t, name)
}

// choosePackage gives the name and version of the kernel's package. apt takes
// most of a second per question, so it asks as few as it can.
func choosePackage(ctx context.Context, o Options, t tools) (name, version string, err error) {
	name = o.KernelPackage
	if name == "" {
		if name, version, err = newestKernel(ctx, t); err != nil {
			return "", "", err
		}
	}
	if version == "" {
		version, err = packageVersion(ctx, t, name)
	}
	return name, unsafeInName.ReplaceAllString(version, "_"), err
}

func newestKernel(ctx context.Context, t tools) (name, version string, err error) {
	for _, meta := range kernelMetas {
		out, err := run(ctx, "", t.aptCache, "show", "--no-all-versions", meta)
		if err != nil {
			continue // not this distribution's
		}
		if m := imageDependency.FindStringSubmatch(string(out)); m != nil {
			return m[1], m[2], nil
		}
	}
	return "", "", fmt.Errorf("apt knows none of the packages %s: run apt-get update, or name a package", strings.Join(kernelMetas, ", "))
}

// imageDependency finds the kernel that a package of kernelMetas depends on;
// Debian gives its version too.
var imageDependency = regexp.MustCompile(`(?m)^Depends:.*?\b(linux-image-[^ ,]+)(?: \(= ([^)]+)\))?`)

// dependencies reads the "Depends: NAME" lines of apt-cache.
func dependencies(out string) []string {
	var names []string
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimLeft(strings.TrimSpace(line), "|"), "Depends: "); ok {
			names = append(names, strings.Trim(name, "<>"))
		}
	}
	return names
}

var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9.+~_-]`)

func packageVersion(ctx context.Context, t tools, name string) (string, error) {
	out, err := run(ctx, "", t.aptCache, "show", "--no-all-versions", name)
	if err != nil {
		return "", fmt.Errorf("apt knows no package %s: run apt-get update: %w", name, err)
	}
	for line := range strings.Lines(string(out)) {
		if v, ok := strings.CutPrefix(line, "Version: "); ok {
			return strings.TrimSpace(v), nil
		}
	}
	return "", fmt.Errorf("apt tells no version of %s: run apt-get update", name)
}

// download unpacks the package, and the package of its modules where they are
// apart (Ubuntu), beside the cache and then moves it in.
func (k kernel) download(ctx context.Context, t tools, name string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(k.dir), ".kernel-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	names := []string{name}
	out, err := run(ctx, "", t.aptCache, "depends", "--important", "--no-recommends", name)
	if err != nil {
		return err
	}
	for _, dep := range dependencies(string(out)) {
		if strings.HasPrefix(dep, "linux-modules-") {
			names = append(names, dep)
		}
	}
	root := filepath.Join(tmp, "root")
	if err := unpack(ctx, t, tmp, root, names); err != nil {
		return err
	}
	if err := os.Chmod(root, 0o755); err != nil {
		return err
	}
	err = os.Rename(root, k.dir)
	if _, statErr := os.Stat(k.vmlinuz()); statErr == nil {
		return nil // somebody else was quicker
	}
	return err
}

func unpack(ctx context.Context, t tools, tmp, root string, packages []string) error {
	// The sandbox user of apt could not write to our directory.
	args := append([]string{"-q", "-o", "APT::Sandbox::User=", "download"}, packages...)
	if _, err := run(ctx, tmp, t.aptGet, args...); err != nil {
		return fmt.Errorf("download %s: run apt-get update and see that the package sources can be reached: %w", strings.Join(packages, " "), err)
	}
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil {
		return err
	}
	for _, d := range debs {
		if _, err := run(ctx, tmp, t.dpkgDeb, "-x", d, root); err != nil {
			return err
		}
	}
	return nil
}

func (k kernel) vmlinuz() string { return filepath.Join(k.dir, "boot", "vmlinuz-"+k.version) }

// moduleDir is lib/modules/VERSION, below usr on newer distributions.
func (k kernel) moduleDir() (string, error) {
	for _, lib := range []string{"lib", "usr/lib"} {
		dir := filepath.Join(k.dir, lib, "modules", k.version)
		if _, err := os.Stat(dir); err == nil {
			return dir, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("the kernel package %s has no modules: remove %s and try again", k.version, k.dir)
}
