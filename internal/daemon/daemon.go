package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/trace"
)

// Daemon is one control plane with the hosts in its process.
type Daemon struct {
	config   config.Config
	parts    Parts
	log      *slog.Logger
	lock     *os.File
	store    *store.Store
	services *services
	traces   *trace.Log
	hosts    []*host
	handler  http.Handler
	listener net.Listener
}

// New builds everything. Nothing has touched a host when it returns, but the store is open and
// the first start's nouns exist.
func New(ctx context.Context, c config.Config, log *slog.Logger) (*Daemon, error) {
	return NewWith(ctx, c, log, Parts{})
}

// NewWith is New with some parts ready-made.
func NewWith(ctx context.Context, c config.Config, log *slog.Logger, p Parts) (*Daemon, error) {
	d := &Daemon{config: c, parts: p, log: log}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Daemon) open(ctx context.Context) (err error) {
	if err = os.MkdirAll(d.config.StateDir, 0o711); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	if d.lock, err = lockDir(d.config.StateDir); err != nil {
		return err
	}
	// The port is taken first: two daemons on one address should find out before either does anything.
	if err = d.listen(); err != nil {
		return fmt.Errorf("listen on %s: %w", d.config.Listen, err)
	}
	if err = d.openStore(ctx); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if d.traces, err = d.openTraces(); err != nil {
		return err
	}
	if d.services, err = d.newServices(); err != nil {
		return err
	}
	if err = d.firstStart(ctx); err != nil {
		return fmt.Errorf("first start: %w", err)
	}
	if d.hosts, err = d.newHosts(); err != nil {
		return err
	}
	d.handler = d.newHandler()
	return nil
}

func (d *Daemon) listen() (err error) {
	if !d.parts.NoListener {
		d.listener, err = net.Listen("tcp", d.config.Listen)
	}
	return err
}

func (d *Daemon) openStore(ctx context.Context) (err error) {
	if d.store = d.parts.Store; d.store == nil {
		d.store, err = store.Open(ctx, d.config.Database, store.Options{Log: d.log})
	}
	return err
}

// lockPatience bounds how long the lock may be held by nobody who counts: a process that was just
// forked from a daemon that has been killed keeps it until it has become another program.
const lockPatience = 2 * time.Second

func patientLock(f *os.File) error {
	const again = 20 * time.Millisecond
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(again) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// lockDir keeps a second daemon off the state directory.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock state directory: %w", err)
	}
	if err := patientLock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("another nubo is running on %s: stop it, or give this one a --state-dir of its own", dir)
	}
	return f, nil
}

// URL is where the API answers.
func (d *Daemon) URL() string {
	scheme := "http"
	if d.config.Encrypted() {
		scheme = "https"
	}
	if d.listener == nil {
		return scheme + "://" + d.config.Listen
	}
	return scheme + "://" + d.listener.Addr().String()
}

// Handler is the whole API, for tests that need no listener.
func (d *Daemon) Handler() http.Handler { return d.handler }

// shutdownPatience is how long requests under way may take when the daemon is told to stop.
const shutdownPatience = 5 * time.Second

// Run serves until ctx ends. ready is called once the API answers. Guests go on.
func (d *Daemon) Run(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := cloud.WithPrincipal(ctx, cloud.System())
	var wg sync.WaitGroup
	start := func(name string, f func(context.Context) error) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := f(work); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		}()
	}
	server, err := d.newServer()
	if err != nil {
		return err
	}
	if err := d.announceHosts(work); err != nil {
		return err
	}
	if d.listener != nil {
		start("http", func(context.Context) error { return d.serve(server) })
	}
	start("SAML feeds", func(ctx context.Context) error { d.services.feeds.Run(ctx); return nil })
	start("identity", func(ctx context.Context) error { d.services.identity.Run(ctx); return nil })
	start("network", func(ctx context.Context) error { d.services.network.Run(ctx); return nil })
	start("trim", func(ctx context.Context) error { d.trimEvery(ctx, trimPeriod); return nil })
	start("hosts", d.runHosts)
	ready()
	<-ctx.Done()
	stop, done := context.WithTimeout(context.Background(), shutdownPatience)
	defer done()
	_ = server.Shutdown(stop) // what has not ended by now is cut off
	_ = server.Close()
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// runHosts brings the hosts up and then runs what works on them: Operations only start
// when there are hosts to work on.
func (d *Daemon) runHosts(ctx context.Context) error {
	if err := d.joinHosts(ctx); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for _, f := range []func(context.Context) error{d.services.fleet.Run, d.services.engine.Run} {
		wg.Add(1)
		go func() { defer wg.Done(); _ = f(ctx) }() // both end with ctx only
	}
	wg.Wait()
	return nil
}

func (d *Daemon) newServer() (*http.Server, error) {
	tlsConfig, err := d.tlsConfig()
	if err != nil {
		return nil, err
	}
	return &http.Server{Handler: d.handler, TLSConfig: tlsConfig, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 5 * time.Minute,
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug)}, nil
}

func (d *Daemon) serve(s *http.Server) error {
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(d.listener, "", "")
	} else {
		err = s.Serve(d.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close lets go of everything. Guests go on. It may be called twice.
func (d *Daemon) Close() error {
	var errs []error
	for _, h := range d.hosts {
		errs = append(errs, h.close())
	}
	d.hosts = nil
	if d.listener != nil {
		_ = d.listener.Close() // the server has closed it already
	}
	if d.traces != nil {
		errs = append(errs, d.traces.Close())
	}
	if d.store != nil && d.parts.Store == nil {
		errs = append(errs, d.store.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
		d.lock = nil
	}
	return errors.Join(errs...)
}
