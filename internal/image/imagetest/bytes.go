// Package imagetest holds a store of image bytes in memory, for tests of those
// who use package image. It is no part of the product.
package imagetest

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"io"
	"sync"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/image"
)

// Bytes implements image.Bytes in memory.
type Bytes struct {
	mu    sync.Mutex
	files map[cloud.ImageID][]byte
	// Reading, if set, is called when a Put has read its first bytes.
	Reading func(cloud.ImageID)
}

// Put implements image.Bytes.
func (b *Bytes) Put(_ context.Context, id cloud.ImageID, r io.Reader, check func(io.ReaderAt, int64) error) (image.Stored, error) {
	if b.Reading != nil {
		b.Reading(id)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return image.Stored{}, err
	}
	if err := check(bytes.NewReader(data), int64(len(data))); err != nil {
		return image.Stored{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.files == nil {
		b.files = map[cloud.ImageID][]byte{}
	}
	b.files[id] = data
	m, s2, s5 := md5.Sum(data), sha256.Sum256(data), sha512.Sum512(data)
	return image.Stored{SizeBytes: int64(len(data)), MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s2[:]), SHA512: hex.EncodeToString(s5[:])}, nil
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

// Open implements image.Bytes.
func (b *Bytes) Open(_ context.Context, id cloud.ImageID) (io.ReadSeekCloser, int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.files[id]
	if !ok {
		return nil, 0, cloud.NotFoundf("image bytes", id)
	}
	return file{bytes.NewReader(data)}, int64(len(data)), nil
}

// Delete implements image.Bytes.
func (b *Bytes) Delete(_ context.Context, id cloud.ImageID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.files, id)
	return nil
}

// List implements image.Bytes.
func (b *Bytes) List(context.Context) ([]cloud.ImageID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ids []cloud.ImageID
	for id := range b.files {
		ids = append(ids, id)
	}
	return ids, nil
}

// Plant keeps bytes that no Put wrote, as a killed process leaves them.
func (b *Bytes) Plant(id cloud.ImageID, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.files == nil {
		b.files = map[cloud.ImageID][]byte{}
	}
	b.files[id] = data
}
