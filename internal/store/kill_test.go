package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/store/storetest"
)

// victimEnv names the database that a child process of this test writes until it is killed.
const victimEnv = "NUBO_STORE_TEST_VICTIM"

// victim inserts pairs of rows from several goroutines, and prints each pair once
// it is committed.
func victim(path string) {
	ctx := context.Background()
	s, err := store.Open(ctx, "sqlite://"+path, store.Options{})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var print sync.Mutex
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for {
				id := cloud.NewID()
				err := s.Update(ctx, func(ctx context.Context) error {
					if err := s.Instances.Insert(ctx, &cloud.Instance{ID: cloud.InstanceID(id), Name: strings.Repeat("x", 2000)}); err != nil {
						return err
					}
					return s.Instances.Insert(ctx, &cloud.Instance{ID: cloud.InstanceID(id + "-2")})
				})
				print.Lock()
				if err != nil {
					fmt.Println("error", err)
				} else {
					fmt.Println("done", id)
				}
				print.Unlock()
			}
		})
	}
	writers.Wait()
}

// TestSQLiteKilled kills a process that writes, again and again on one database: all
// that it acknowledged is there, whole, and nothing by halves.
func TestSQLiteKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nubo.db")
	r := rand.New(rand.NewPCG(4, 2))
	acknowledged := map[string]bool{}
	for range 12 {
		runVictim(t, path, 1+r.IntN(150), acknowledged)
		checkAcknowledged(t, path, acknowledged)
	}
}

// runVictim kills the child when it has acknowledged n pairs; those it printed before it
// died count too.
func runVictim(t *testing.T, path string, n int, acknowledged map[string]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for seen := 1; lines.Scan(); seen++ {
		word, id, _ := strings.Cut(lines.Text(), " ")
		if word != "done" {
			t.Errorf("the child said %q", lines.Text())
			break
		}
		acknowledged[id] = true
		if seen == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Process.Kill() // it is dead already, unless it failed
	_ = cmd.Wait()         // "signal: killed"
}

func checkAcknowledged(t *testing.T, path string, acknowledged map[string]bool) {
	t.Helper()
	s := storetest.Open(t, "sqlite://"+path)
	rows, err := s.Instances.List(context.Background(), cloud.Query{})
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, i := range rows {
		there[string(i.ID)] = true
	}
	for id := range acknowledged {
		if !there[id] {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	for id := range there {
		if first, second := strings.TrimSuffix(id, "-2"), strings.TrimSuffix(id, "-2")+"-2"; there[first] != there[second] {
			t.Errorf("half of the pair %s is there", first)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
