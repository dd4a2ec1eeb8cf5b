package testcloud

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/daemon"
	"github.com/nubo-cloud/nubo/internal/fleet"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/store"
)

// Options of a Cloud. The zero value is one large host and a SQLite database in memory.
type Options struct {
	// Database is a URL for store.Open; empty: SQLite in memory.
	Database string
	// Hosts is their number; 0 means 1. SharedPool gives them one pool, as Ceph would.
	Hosts      int
	SharedPool bool
	// CPUs and MemoryMiB of each host; 0 means 64 and 256 GiB.
	CPUs, MemoryMiB int
	// PoolGiB of each host, or of all with SharedPool; 0 means a million.
	PoolGiB int
	Log     *slog.Logger
	// Config, if set, adjusts the daemon's configuration.
	Config func(*config.Config)
}

// Cloud is a store and hosts, with a daemon on them.
type Cloud struct {
	Store   *store.Store
	Options Options
	// Faults of the hosts' drivers; none at first.
	Faults *Faults
	// Strike, if set, is asked at every point where a life may die; see Points.
	Strike *Strike

	dir   string
	hosts []*simulated
	t     testing.TB

	mu   sync.Mutex
	life *life
	// fault, if set, is asked at each operation.Point before Strike is.
	fault func(ctx context.Context, at operation.Point) error
}

// New makes a cloud and starts it. It ends with the test.
func New(t testing.TB, o Options) *Cloud {
	t.Helper()
	if o.Database == "" {
		o.Database = "sqlite::memory:"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Cloud{Options: o, Faults: &Faults{}, Strike: &Strike{}, t: t, dir: stateDir(t)}
	c.hosts = newHosts(o)
	var err error
	if c.Store, err = store.Open(context.Background(), o.Database, store.Options{Log: o.Log, Fault: c.commitFault}); err != nil {
		t.Fatalf("testcloud: %v", err)
	}
	t.Cleanup(c.Close)
	c.Start()
	return c
}

// Close ends the cloud before its test does. It may be called twice.
func (c *Cloud) Close() {
	c.Kill()
	if err := c.Store.Close(); err != nil {
		c.t.Errorf("testcloud: close store: %v", err)
	}
}

// stateDir is in memory where it can be: images are synced to it.
func stateDir(t testing.TB) string {
	if dir, err := os.MkdirTemp("/dev/shm", "nubo-testcloud-"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) }) // of no use to anybody
		return dir
	}
	return t.TempDir()
}

// life is one daemon, from its start to its death.
type life struct {
	daemon *daemon.Daemon
	ctx    context.Context // ends when it dies; marked
	cancel context.CancelFunc
	gate   gate
	ended  chan struct{} // Run has returned
	err    error
}

type lifeKey struct{}

func lifeOf(ctx context.Context) *life {
	l, _ := ctx.Value(lifeKey{}).(*life)
	return l
}

// die makes everything of this life fail from now on. It may be called twice, and from anywhere.
func (l *life) die() {
	l.gate.close()
	l.cancel()
}

// commitFault is store.Options.Fault.
func (c *Cloud) commitFault(ctx context.Context, committed bool) error {
	l := lifeOf(ctx)
	if l == nil {
		return nil // the test itself looks or meddles
	}
	if !l.gate.isOpen() {
		return operation.ErrDead
	}
	if c.Strike.commit(committed) {
		l.die()
		return operation.ErrDead
	}
	return nil
}

// pointFault is operation.Options.Fault.
func (c *Cloud) pointFault(ctx context.Context, at operation.Point) error {
	l := lifeOf(ctx)
	if !l.gate.isOpen() {
		return operation.ErrDead
	}
	c.mu.Lock()
	f := c.fault
	c.mu.Unlock()
	var err error
	if f != nil {
		err = f(ctx, at)
	}
	if err == operation.ErrDead || err == nil && c.Strike.point() {
		l.die()
		return operation.ErrDead
	}
	return err
}

// Fault sets what is asked before and after every step of every Operation; nil: nothing. ErrDead kills the daemon there.
func (c *Cloud) Fault(f func(ctx context.Context, at operation.Point) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

// retryMin replaces the engine's 50 ms: simulated hosts recover at once.
const retryMin = 100 * time.Microsecond

// Start starts a daemon on the store and the hosts. There must be none.
func (c *Cloud) Start() {
	c.t.Helper()
	l := &life{ended: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.ctx = context.WithValue(l.ctx, lifeKey{}, l)
	l.gate.open()
	parts := daemon.Parts{Store: c.Store, NoListener: true,
		Engine:  func(o *operation.Options) { o.Exclusive, o.RetryMin, o.Fault = true, retryMin, c.pointFault },
		Image:   func(d *image.Deps) { d.PrefetchDelay = 0 },
		Fleet:   func(o *fleet.Options) { o.RetryPause = retryMin },
		Network: func(o *network.Config) { o.RetryMin = retryMin },
	}
	for _, h := range c.hosts {
		parts.Hosts = append(parts.Hosts, h.drivers(&l.gate, c.Faults))
	}
	d, err := daemon.NewWith(l.ctx, c.config(), c.Options.Log, parts)
	if err != nil {
		c.t.Fatalf("testcloud: start: %v", err)
	}
	l.daemon = d
	go func() {
		defer close(l.ended)
		l.err = d.Run(l.ctx, func() {})
	}()
	c.mu.Lock()
	c.life = l
	c.mu.Unlock()
	Eventually(c.t, "the hosts join", func() bool { return len(c.Services().Fleet.IDs()) == len(c.hosts) || c.Dead() })
}

func (c *Cloud) config() config.Config {
	o := config.Default()
	o.StateDir, o.CheckSeconds, o.Listen = filepath.Join(c.dir, "state"), 3600, "testcloud:80"
	if c.Options.Config != nil {
		c.Options.Config(&o)
	}
	return o
}

func (c *Cloud) current() *life {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life
}

// Dead tells whether the daemon was struck or killed.
func (c *Cloud) Dead() bool { l := c.current(); return l == nil || !l.gate.isOpen() }

// Kill ends the daemon as kill -9 would: nothing it does from now on reaches store or hosts. Without one it does nothing.
func (c *Cloud) Kill() {
	c.t.Helper()
	l := c.current()
	if l == nil {
		return
	}
	l.die()
	l.gate.wait()
	<-l.ended
	if err := l.daemon.Close(); err != nil {
		c.t.Errorf("testcloud: close: %v", err)
	}
	c.mu.Lock()
	c.life = nil
	c.mu.Unlock()
	for _, h := range c.hosts {
		h.restart()
	}
}

// Restart is Kill, if need be, and Start.
func (c *Cloud) Restart() {
	c.t.Helper()
	c.Kill()
	c.Start()
}

// Reboot is Restart with the hosts going down meanwhile: no guest survives it.
func (c *Cloud) Reboot() {
	c.t.Helper()
	c.Kill()
	for _, h := range c.hosts {
		h.guests.Restart()
	}
	c.Start()
}

// Services are the use cases of the present daemon.
func (c *Cloud) Services() daemon.Services { return c.current().daemon.Services() }

// Handler is the present daemon's API. Requests die with it.
func (c *Cloud) Handler() http.Handler {
	l := c.current()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.daemon.Handler().ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), lifeKey{}, l)))
	})
}

// Password is the administrator's.
func (c *Cloud) Password() string {
	b, err := os.ReadFile(filepath.Join(c.config().StateDir, "admin-openrc.sh"))
	if err != nil {
		c.t.Fatalf("testcloud: %v", err)
	}
	return daemon.PasswordIn(b)
}

// Traces is the directory of the log of who did what.
func (c *Cloud) Traces() string {
	o := c.config()
	return o.Traces()
}

// Eventually waits until a condition holds, looking again and again: what it waits for announces itself in no other way.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	if err := poll(holds, time.Minute); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func poll(holds func() bool, most time.Duration) error {
	began := time.Now()
	for wait := 100 * time.Microsecond; !holds(); wait = min(2*wait, 4*time.Millisecond) {
		if time.Since(began) > most {
			return fmt.Errorf("did not come true in %s", most)
		}
		time.Sleep(wait)
	}
	return nil
}
