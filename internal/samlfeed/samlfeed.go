// Package samlfeed keeps the SAML metadata that federations publish of all their identity providers: fetches it, has package
// saml verify and index it, and fetches it again before it gets old.
//
//	file or URL --(signed)--> saml.ReadFeed --> NAME.index in the state directory --> lookups by package identity
//	                                                |
//	a restart: saml.OpenIndex, nothing is verified again
//
// A feed that cannot be fetched or verified leaves the one before it in use, as long as that says it is valid. It is wired in
// daemon; the URL is the operator's own, so it may lead anywhere.
package samlfeed

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/saml"
)

// Source is one feed as an operator names it.
type Source struct {
	Name        string
	From        string // a URL or a path
	Certificate string // path of the PEM file with the certificate whose key signs the feed
	Every       time.Duration
}

// How long one fetch may take, how much it may bring, and how soon a failed one is tried again.
const (
	fetchTime  = 10 * time.Minute
	bytesMax   = 1 << 30
	retryPause = 5 * time.Minute
)

// Keeper keeps feeds. It is safe for concurrent use.
type Keeper struct {
	dir   string
	log   *slog.Logger
	now   func() time.Time
	feeds map[string]*feed
}

type feed struct {
	Source
	signer *x509.Certificate
	path   string

	mu    sync.RWMutex
	index *saml.Index // nil: never read
}

// New opens the indexes of an earlier run in dir. An error is about what the operator configured.
func New(dir string, sources []Source, now func() time.Time, log *slog.Logger) (*Keeper, error) {
	k := &Keeper{dir: dir, log: log, now: now, feeds: map[string]*feed{}}
	for _, s := range sources {
		f := &feed{Source: s, path: filepath.Join(dir, s.Name+".index")}
		var err error
		if f.signer, err = readCertificate(s.Certificate); err != nil {
			return nil, fmt.Errorf("SAML feed %s: %w", s.Name, err)
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if f.index, err = saml.OpenIndex(f.path, f.signer, now); err != nil && !errors.Is(err, os.ErrNotExist) {
			log.Warn("a SAML feed's index cannot be used and is made anew", "feed", s.Name, "error", err)
		}
		k.feeds[s.Name] = f
	}
	return k, nil
}

func readCertificate(path string) (*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return x509.ParseCertificate(block.Bytes)
}

// Configured tells whether there is a feed of that name, read or not.
func (k *Keeper) Configured(name string) bool { return k.feeds[name] != nil }

// Feed answers a feed's index; false if there is none or it was never read.
func (k *Keeper) Feed(name string) (*saml.Index, bool) {
	f := k.feeds[name]
	if f == nil {
		return nil, false
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.index, f.index != nil
}

// Run fetches feeds until ctx ends. It returns at once without feeds.
func (k *Keeper) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, f := range k.feeds {
		wg.Go(func() { k.keep(ctx, f) })
	}
	wg.Wait()
}

func (k *Keeper) keep(ctx context.Context, f *feed) {
	for {
		pause := f.Every
		began := k.now()
		if fresh, err := k.refresh(ctx, f); err != nil && ctx.Err() == nil {
			k.log.Error("a SAML feed cannot be read; the one before stays in use", "feed", f.Name, "error", err)
			pause = min(pause, retryPause)
		} else if fresh {
			k.log.Info("read a SAML feed", "feed", f.Name, "providers", f.index.Len(), "valid_until", f.index.ValidUntil(), "took", k.now().Sub(began))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// refresh reads a feed if it is another one than is indexed.
func (k *Keeper) refresh(ctx context.Context, f *feed) (fresh bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	fetched, sum, err := k.fetch(ctx, f)
	if err != nil {
		return false, err
	}
	defer os.Remove(fetched.Name())
	defer fetched.Close()
	if f.index != nil && f.index.SHA256() == sum {
		return false, nil
	}
	index, err := saml.ReadFeed(fetched, f.signer, k.now, f.path)
	if err != nil {
		return false, err
	}
	f.mu.Lock()
	f.index = index // the one before is closed when nobody looks into it any more
	f.mu.Unlock()
	return true, nil
}

// fetch copies a feed into a file of ours, from its beginning, and tells its hash.
func (k *Keeper) fetch(ctx context.Context, f *feed) (file *os.File, sum string, err error) {
	from, err := open(ctx, f.From)
	if err != nil {
		return nil, "", err
	}
	defer from.Close()
	if file, err = os.CreateTemp(k.dir, "fetch-*"); err != nil {
		return nil, "", err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(from, bytesMax+1))
	if err == nil && n > bytesMax {
		err = fmt.Errorf("it has more than %d bytes", bytesMax)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		os.Remove(file.Name())
		return nil, "", err
	}
	return file, hex.EncodeToString(hash.Sum(nil)), nil
}

func open(ctx context.Context, from string) (io.ReadCloser, error) {
	if !strings.HasPrefix(from, "https://") && !strings.HasPrefix(from, "http://") {
		return os.Open(from)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if a.StatusCode != http.StatusOK {
		a.Body.Close()
		return nil, fmt.Errorf("%s answered %s", from, a.Status)
	}
	return a.Body, nil
}
