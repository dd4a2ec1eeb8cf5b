// Package pgtest starts a PostgreSQL server for tests: one per test process, on a
// Unix socket in a temporary directory, with a fresh database for each test.
//
// It uses the server programs that are installed and no running server. Tests that
// need it are skipped, saying what to install, where there are none. The server does
// not sync its disk: what a power cut would lose is not tested with it.
//
// Call Main from TestMain so that the server ends with the tests.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is the one of this process.
type server struct {
	dir     string
	process *exec.Cmd
	log     *bytes.Buffer
	missing string // why there is none, for t.Skip
	err     error
}

var (
	running  server
	starting sync.Once
	count    atomic.Int64
)

// Start answers the URL of an empty database that is dropped when the test ends.
func Start(t testing.TB) string {
	t.Helper()
	starting.Do(running.start)
	if running.missing != "" {
		t.Skip(running.missing)
	}
	if running.err != nil {
		t.Fatalf("pgtest: %v", running.err)
	}
	name := fmt.Sprintf("test%d", count.Add(1))
	running.create(t, name)
	t.Cleanup(func() { running.admin(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	return running.url(name)
}

// Main runs the tests and stops the server: func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }.
func Main(m *testing.M) int {
	defer running.stop()
	return m.Run()
}

func (s *server) url(database string) string {
	q := url.Values{"host": {s.dir}, "user": {"nubo"}, "sslmode": {"disable"}}
	return "postgres:///" + database + "?" + q.Encode()
}

func (s *server) admin(t testing.TB, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement); err != nil {
		t.Fatalf("pgtest: %s: %v", statement, err)
	}
}

// create makes a database whose own order of text is not that of bytes, as those of
// most people are: what depends on the default order fails.
func (s *server) create(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	defer c.Close(ctx)
	create := "CREATE DATABASE " + name + " TEMPLATE template0"
	if _, err := c.Exec(ctx, create+" LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"); err == nil {
		return
	}
	if _, err := c.Exec(ctx, create); err != nil { // built without ICU, or older than 15
		t.Fatalf("pgtest: %s: %v", create, err)
	}
}

// programs is the directory of the newest installed server.
func programs() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is right
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p)
	}
	return ""
}

func version(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb)))) // 0 sorts first
	return n
}

func (s *server) start() {
	bin := programs()
	if bin == "" {
		s.missing = "PostgreSQL is not installed; install it with: apt-get install postgresql"
		return
	}
	who, err := unprivileged()
	if err != nil {
		s.missing = "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as: " + err.Error()
		return
	}
	if s.err = s.prepare(bin, who); s.err == nil {
		s.err = s.launch(bin, who)
	}
	if s.err != nil {
		s.stop()
	}
}

// unprivileged is who runs the server; nil: whoever we are. PostgreSQL refuses to be root.
func unprivileged() (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: true}}, nil
}

// prepare makes the cluster's directory and runs initdb.
func (s *server) prepare(bin string, who *syscall.SysProcAttr) (err error) {
	if s.dir, err = os.MkdirTemp(memory(), "nubo-pg-"); err != nil {
		return err
	}
	if who != nil {
		if err := os.Chown(s.dir, int(who.Credential.Uid), int(who.Credential.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.Command(filepath.Join(bin, "initdb"), "--pgdata", s.data(), "--username", "nubo",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions")
	cmd.SysProcAttr, cmd.Dir = who, s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// memory is a file system in memory, if there is one: a database per test is a thousand small files.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// settings make tests fast; lost data on a crash of the machine is no loss.
var settings = []string{"listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=200",
	"shared_buffers=64MB", "max_wal_size=256MB", "autovacuum=on", "log_min_messages=error", "jit=off",
	"deadlock_timeout=100ms"}

func (s *server) launch(bin string, who *syscall.SysProcAttr) error {
	args := []string{"-D", s.data(), "-k", s.dir}
	for _, set := range settings {
		args = append(args, "-c", set)
	}
	s.log = &bytes.Buffer{}
	s.process = exec.Command(filepath.Join(bin, "postgres"), args...)
	attr := syscall.SysProcAttr{}
	if who != nil {
		attr = *who
	}
	// The server ends with the test process, however that ends.
	attr.Pdeathsig = syscall.SIGQUIT
	s.process.SysProcAttr, s.process.Dir = &attr, s.dir
	s.process.Stdout, s.process.Stderr = s.log, s.log
	if err := s.process.Start(); err != nil {
		return err
	}
	return s.await()
}

// await waits until the server answers. It listens on nothing that could be waited on.
func (s *server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server did not answer: %w\n%s", err, strings.TrimSpace(s.log.String()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *server) stop() {
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Signal(syscall.SIGINT) // fast shutdown; it may have ended already
		_ = s.process.Wait()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // of no use to anybody
	}
}
