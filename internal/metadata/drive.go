package metadata

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// driveLabel is what cloud-init and cloudbase-init look for.
const driveLabel = "config-2"

// driveTree lays the files of a config drive out.
func (l Layout) driveTree(md spec.Metadata) (*node, error) {
	root := directory()
	for _, version := range append(slices.Clone(openstackVersions), latest) {
		for _, name := range openstackList(md, version) {
			b, found, err := l.openstackFile(md, version, name, true)
			if err != nil {
				return nil, err
			}
			if found {
				root.put(string(b), "openstack", version, name)
			}
		}
	}
	meta, err := json.Marshal(l.ec2Meta(md).document())
	if err != nil {
		return nil, err
	}
	for _, version := range []string{"2009-04-04", latest} {
		root.put(string(meta), "ec2", version, "meta-data.json")
		if len(md.UserData) > 0 {
			root.put(string(md.UserData), "ec2", version, "user-data")
		}
	}
	return root, nil
}

// document is a tree as JSON: the form the EC2 tree has on a drive.
func (n *node) document() any {
	if n.entries == nil {
		return string(n.content)
	}
	m := map[string]any{}
	for name, e := range n.entries {
		m[name] = e.document()
	}
	return m
}

// WriteConfigDrive writes an ISO 9660 image (with Rock Ridge and Joliet names) labelled
// config-2 to path, replacing what was there at once. It may be repeated.
func (l Layout) WriteConfigDrive(_ context.Context, path string, md spec.Metadata) error {
	root, err := l.driveTree(md)
	if err != nil {
		return fmt.Errorf("config drive: %w", err)
	}
	return replaceFile(path, func(f *os.File) error {
		w := bufio.NewWriterSize(f, 64<<10)
		if err := writeISO(w, root, driveLabel); err != nil {
			return err
		}
		return w.Flush()
	})
}

// WriteConfigDriveVFAT is WriteConfigDrive as a FAT16 disk, for guests that cannot read ISO 9660.
func (l Layout) WriteConfigDriveVFAT(_ context.Context, path string, md spec.Metadata) error {
	root, err := l.driveTree(md)
	if err != nil {
		return fmt.Errorf("config drive: %w", err)
	}
	return replaceFile(path, func(f *os.File) error { return writeVFAT(f, root) })
}

// replaceFile fills a new file beside path and renames it into place. It is not synced: a drive is written
// again whenever its guest is started.
func replaceFile(path string, fill func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-")
	if err != nil {
		return fmt.Errorf("config drive: %w", err)
	}
	defer os.Remove(f.Name()) // fails when all went well
	defer f.Close()
	if err := fill(f); err != nil {
		return fmt.Errorf("config drive: %w", err)
	}
	return os.Rename(f.Name(), path)
}
