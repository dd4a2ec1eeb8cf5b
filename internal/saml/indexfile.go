package saml

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The file of an index: the identity providers one after the other, then its contents, both as JSON; at the end where the
// contents are and their hash. A file that was cut or changed by accident is found out by it.
type trailer struct {
	Magic          [16]byte
	Offset, Length int64
	Sum            [sha256.Size]byte
}

var magic = [16]byte([]byte("nubo saml idx 1\n"))

// contents is what is known of a feed without looking at one identity provider.
type contents struct {
	Feed       string // SHA-256 of its bytes
	Signer     string // fingerprint of the key
	ValidUntil time.Time
	Entries    []entry
}

// entry is where an identity provider is in the file, and what it can be found by.
type entry struct {
	EntityID       string
	Offset, Length int64
	Sum            []byte
	Name           string
	Scopes         []string `json:",omitempty"`
	Folded         []string `json:",omitempty"` // names, scopes and id in small letters; none for one that is hidden
}

// indexWriter writes a file beside the one that it will replace.
type indexWriter struct {
	path    string
	file    *os.File
	out     *bufio.Writer
	offset  int64
	entries []entry
	known   map[string]bool
}

func newIndexWriter(path string) (*indexWriter, error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return nil, err
	}
	return &indexWriter{path: path, file: file, out: bufio.NewWriterSize(file, 64<<10), known: map[string]bool{}}, nil
}

// discard removes what finish did not put in place. An error leaves a file that nobody reads.
func (w *indexWriter) discard() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}

// add writes one. Of two with the same id the first counts.
func (w *indexWriter) add(l *listed) error {
	if w.known[l.EntityID] {
		return nil
	}
	w.known[l.EntityID] = true
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	w.entries = append(w.entries, entry{EntityID: l.EntityID, Offset: w.offset, Length: int64(len(text)), Sum: sum[:],
		Name: (&IdentityProvider{EntityID: l.EntityID, Names: l.Names}).Name(), Scopes: l.Scopes, Folded: l.folded()})
	return w.write(text)
}

func (w *indexWriter) write(data []byte) error {
	n, err := w.out.Write(data)
	w.offset += int64(n)
	return err
}

// folded is what an identity provider can be found by.
func (l *listed) folded() (out []string) {
	if l.Hidden {
		return nil
	}
	for _, name := range l.Names {
		out = append(out, strings.ToLower(name))
	}
	out = append(append(out, l.Scopes...), strings.ToLower(l.EntityID))
	slices.Sort(out)
	return slices.Compact(out)
}

// finish writes the contents and puts the file in place, whole and on the disk.
func (w *indexWriter) finish(c contents) error {
	slices.SortFunc(w.entries, func(a, b entry) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	c.Entries = w.entries
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	end := trailer{magic, w.offset, int64(len(text)), sha256.Sum256(text)}
	if err := w.write(text); err != nil {
		return err
	}
	if err := binary.Write(w.out, binary.BigEndian, end); err != nil {
		return err
	}
	if err := errors.Join(w.out.Flush(), w.file.Sync()); err != nil {
		return err
	}
	if err := os.Rename(w.file.Name(), w.path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(w.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// readContents reads a file's contents and checks that they are what was written.
func readContents(file *os.File) (c contents, err error) {
	var end trailer
	size := int64(binary.Size(end))
	info, err := file.Stat()
	if err != nil {
		return c, err
	}
	if err := binary.Read(io.NewSectionReader(file, info.Size()-size, size), binary.BigEndian, &end); err != nil || end.Magic != magic {
		return c, errDamaged
	}
	text, err := readPart(file, end.Offset, end.Length, end.Sum[:])
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(text, &c)
}

var errDamaged = errors.New("the index is damaged; read the feed again")

// readPart reads a part of a file that has a known hash.
func readPart(file *os.File, offset, length int64, sum []byte) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if offset < 0 || length < 0 || length > info.Size()-offset {
		return nil, errDamaged
	}
	part := make([]byte, length)
	if _, err := file.ReadAt(part, offset); err != nil {
		return nil, fmt.Errorf("the index cannot be read: %w", err)
	}
	if got := sha256.Sum256(part); !bytes.Equal(got[:], sum) {
		return nil, errDamaged
	}
	return part, nil
}
