package cloudtest

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // looks at the store's rows from outside

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
)

// history are tables that keep what has been, and that of the hosts, who are there without anybody's asking.
var history = map[string]bool{"hosts": true, "operations": true, "usage_events": true, "idempotencies": true, "revocations": true,
	"deleted_instances": true, "instance_migrations": true, "notices": true,
	"settings": true, "nubo_counter": true, "nubo_meta": true, "sqlite_sequence": true, "sqlite_stat1": true, "sqlite_stat4": true}

// NothingLeft waits until the host and the store hold no more than before the cloud was used:
// no QEMU, link, namespace, nftables table, file, or row, but for some lines of Account. Everything must have been deleted through the API.
func (c *Cloud) NothingLeft(t *testing.T, but ...string) {
	t.Helper()
	Eventually(t, Patience(20*time.Second), func() error {
		if left := missingFrom(but, c.Account()); len(left) > 0 {
			return fmt.Errorf("left on the host:\n  %s", strings.Join(left, "\n  "))
		}
		return nil
	})
}

// Account lists what is on the host now, one line each, beyond what was there at first.
func (c *Cloud) Account() []string { return missingFrom(c.base, c.account()) }

func missingFrom(base, now []string) []string {
	var more []string
	for _, line := range now {
		if !slices.Contains(base, line) {
			more = append(more, line)
		}
	}
	return more
}

// account lists everything a cloud makes on its host.
func (c *Cloud) account() []string {
	c.t.Helper()
	var lines []string
	for _, pid := range c.Host.QEMUs() {
		lines = append(lines, fmt.Sprintf("qemu process %d", pid))
	}
	links, err := c.links(c.Host.ns)
	Check(c.t, err)
	for _, l := range links {
		lines = append(lines, "link "+l)
	}
	lines = append(lines, c.tables()...)
	lines = append(lines, c.namespaces()...)
	lines = append(lines, c.files()...)
	return append(lines, c.rows()...)
}

func (c *Cloud) links(ns *netns.Handle) (names []string, err error) {
	err = ns.Do(func() error {
		all, err := net.Interfaces()
		for _, l := range all {
			names = append(names, l.Name)
		}
		return err
	})
	return names, err
}

func (c *Cloud) tables() []string {
	out, err := c.Host.Command("nft", "list", "tables").CombinedOutput()
	if err != nil {
		c.t.Fatalf("nft list tables: %v: %s", err, out)
	}
	var lines []string
	for _, l := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if l != "" {
			lines = append(lines, "nftables "+l)
		}
	}
	return lines
}

// namespaces made by this cloud are known by the networks and routers inside: their names hold a digest
// of the state directory, which is the same for all of them and no other cloud's.
func (c *Cloud) namespaces() []string {
	names, err := netns.List("nubo-" + c.mark() + "-")
	Check(c.t, err)
	for i, n := range names {
		names[i] = "namespace " + n
	}
	return names
}

// files in the state directory. What is kept for each start of the daemon is not counted, nor what was done.
func (c *Cloud) files() []string {
	var lines []string
	err := filepath.WalkDir(c.StateDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil // just went away
			}
			return err
		}
		name, err := filepath.Rel(c.StateDir, path)
		if err != nil || strings.HasPrefix(name, "nubo.db") || strings.HasPrefix(name, "traces/") {
			return err
		}
		if !d.IsDir() || strings.Count(name, "/") > 1 {
			lines = append(lines, "file "+name)
		}
		return nil
	})
	Check(c.t, err)
	return lines
}

// Acceleration is what the host has reported to run guests with: "kvm" or "tcg".
func (c *Cloud) Acceleration() (string, error) {
	db, err := c.database()
	if err != nil {
		return "", err
	}
	defer db.Close()
	found, err := column(db, "select coalesce(json_extract(doc, '$.acceleration'), '') from hosts")
	if err == nil && (len(found) == 0 || found[0] == "") {
		err = errors.New("the host has not reported yet")
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

func (c *Cloud) database() (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+filepath.Join(c.StateDir, "nubo.db")+"?mode=ro&_pragma=busy_timeout(5000)")
}

// rows counts the rows of each table of the store.
func (c *Cloud) rows() []string {
	db, err := c.database()
	Check(c.t, err)
	defer db.Close()
	names, err := column(db, "select name from sqlite_master where type = 'table' order by name")
	Check(c.t, err)
	var lines []string
	for _, table := range names {
		if history[table] {
			continue
		}
		n, err := column(db, `select count(*) from "`+table+`"`)
		Check(c.t, err)
		lines = append(lines, "rows in "+table+": "+n[0])
	}
	return lines
}

// Billed counts the events of a kind in the usage ledger.
func (c *Cloud) Billed(kind string) int {
	db, err := c.database()
	Check(c.t, err)
	defer db.Close()
	var n int
	Check(c.t, db.QueryRow("select count(*) from usage_events where kind = ?", kind).Scan(&n))
	return n
}

func column(db *sql.DB, query string) ([]string, error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}
