package linux

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Kinds of documents, each a directory.
const (
	kindNetwork = "network"
	kindPort    = "port"
	kindRouter  = "router"
	kindGroup   = "group"
	kindVPN     = "vpn"
)

// documents keeps what is wanted on disk, one JSON file per object. A file is
// replaced whole. They need not survive a power failure: neither does what they describe.
type documents struct {
	dir string
}

func openDocuments(dir string) (documents, error) {
	for _, kind := range []string{kindNetwork, kindPort, kindRouter, kindGroup, kindVPN} {
		if err := os.MkdirAll(filepath.Join(dir, kind), 0o700); err != nil {
			return documents{}, fmt.Errorf("fabric documents: %w", err)
		}
	}
	return documents{dir}, nil
}

func (d documents) path(kind, id string) string { return filepath.Join(d.dir, kind, id+".json") }

func (d documents) keep(kind, id string, doc any) error {
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	path := d.path(kind, id)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return fmt.Errorf("keep %s %s: %w", kind, id, err)
	}
	return os.Rename(path+".new", path)
}

func (d documents) forget(kind, id string) error {
	if err := os.Remove(d.path(kind, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ids lists what is kept of a kind.
func (d documents) ids(kind string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(d.dir, kind))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// each reads all documents of a kind. One that cannot be read (a host that lost power while
// writing) is reported to bad and passed over.
func each[T any](d documents, kind string, good func(T), bad func(id string, err error)) error {
	ids, err := d.ids(kind)
	if err != nil {
		return err
	}
	for _, id := range ids {
		var doc T
		b, err := os.ReadFile(d.path(kind, id))
		if err == nil {
			err = json.Unmarshal(b, &doc)
		}
		if err != nil {
			bad(id, err)
			continue
		}
		good(doc)
	}
	return nil
}
