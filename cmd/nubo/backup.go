package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/store"
)

// backup copies the database while the cloud runs. Images and disks are files of the state
// directory and no part of it: copy those with the file system's own tools.
func backup(args []string) error {
	c, output := config.Default(), ""
	f := flag.NewFlagSet("nubo backup", flag.ContinueOnError)
	f.StringVar(&c.StateDir, "state-dir", c.StateDir, "`DIR` of the cloud")
	f.StringVar(&output, "output", "", "new `FILE` to write; holds secrets, readable by its owner only")
	if err := parse(f, args, false); err != nil {
		return err
	}
	if output == "" {
		return usageError{errors.New("--output FILE is needed")}
	}
	database := databaseFile(c.StateDir)
	if _, err := os.Stat(database); err != nil { // Open would make an empty one
		return fmt.Errorf("there is no database to back up: %w", err)
	}
	ctx := context.Background()
	s, err := store.Open(ctx, "sqlite://"+database, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return errors.Join(s.Backup(ctx, output), s.Close())
}

// restore puts a backup in the database's place. The old one stays beside it, as nubo.db.replaced.
func restore(args []string) error {
	c, input := config.Default(), ""
	f := flag.NewFlagSet("nubo restore", flag.ContinueOnError)
	f.StringVar(&c.StateDir, "state-dir", c.StateDir, "`DIR` of the cloud, which must not be running")
	f.StringVar(&input, "input", "", "`FILE` that nubo backup wrote")
	if err := parse(f, args, false); err != nil {
		return err
	}
	if input == "" {
		return usageError{errors.New("--input FILE is needed")}
	}
	if err := os.MkdirAll(c.StateDir, 0o711); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	lock, err := lockStopped(c.StateDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	return replaceDatabase(input, databaseFile(c.StateDir))
}

func databaseFile(stateDir string) string { return filepath.Join(stateDir, "nubo.db") }

// lockStopped holds the lock of nubo serve, so that none starts meanwhile.
func lockStopped(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("nubo serve is running on %s: stop it first; its guests go on", dir), f.Close())
	}
	return f, nil
}

// replaceDatabase checks the copy before anything is moved. The write-ahead log belongs to the old database and goes with it.
func replaceDatabase(input, database string) error {
	fresh := database + ".restoring"
	if err := copyPrivate(input, fresh); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(database+suffix, database+".replaced"+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(fresh, database); err != nil {
		return err
	}
	return syncDir(filepath.Dir(database))
}

// sqliteMagic begins every SQLite file.
const sqliteMagic = "SQLite format 3\x00"

func copyPrivate(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	head := make([]byte, len(sqliteMagic))
	if _, err := io.ReadFull(in, head); err != nil || string(head) != sqliteMagic {
		return fmt.Errorf("%s is not a backup: it is no SQLite database", from)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// syncDir makes renames durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
