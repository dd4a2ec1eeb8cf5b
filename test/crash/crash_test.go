package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

const (
	envKills = "NUBO_KILLS"
	envSeed  = "NUBO_SEED"
	kills    = 200
)

// TestKilledAtAnyMoment kills the daemon with SIGKILL during create, attach, snapshot, resize and delete. After each
// start every server comes to rest and can be deleted; a guest that ran goes on running; in the end nothing is left.
func TestKilledAtAnyMoment(t *testing.T) {
	files := cloudtest.Need(t, "qemu-system-x86_64", "nft", "ip")
	n, seed := number(t, envKills, kills), number(t, envSeed, 1)
	c := cloudtest.Start(t, files, cloudtest.Settings{"check_seconds": 2, "acceleration": "tcg", "shutdown_seconds": 1})
	r := &rig{t: t, cloud: c, sdk: c.SDK(t), files: files, random: rand.New(rand.NewPCG(uint64(seed), 0))}
	r.prepare()
	r.startWitness()
	verbs := []struct {
		name  string
		begin func()
		// within is how long the verb takes, about: the kill comes at any moment of it.
		within time.Duration
	}{
		{"create", r.create, 1500 * time.Millisecond},
		{"attach", r.attach, 700 * time.Millisecond},
		{"snapshot", r.snapshot, 500 * time.Millisecond},
		{"resize", r.resize, 2 * time.Second},
		{"delete", r.delete, 700 * time.Millisecond},
	}
	for i := range n {
		verb := verbs[i%len(verbs)]
		r.ready(verb.name)
		after := time.Duration(r.random.Int64N(int64(verb.within)))
		r.round = fmt.Sprintf("kill %d of %d (seed %d), %v into %s", i+1, n, seed, after.Round(time.Millisecond), verb.name)
		r.killDuring(verb.begin, after)
		r.rest()
		r.checkWitness(i%20 == 19)
		if t.Failed() {
			t.Fatal(r.round)
		}
		if verb.name == "delete" {
			r.clear()
		}
	}
	r.clear()
	r.removeWitness()
	c.NothingLeft(t)
	t.Logf("%d kills; where servers came to rest: %v", n, r.came)
}

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	cloudtest.Check(t, err)
	return n
}

// rig is the cloud under test with one victim and one witness.
type rig struct {
	t      *testing.T
	cloud  *cloudtest.Cloud
	sdk    *cloudtest.SDK
	files  cloudtest.Files
	random *rand.Rand
	round  string
	came   map[string]int // status after a crash and how often

	image, network  string
	flavors         [2]string
	witness         witness
	victim, flavor  string
	volume          string
	router, address string
}

func (r *rig) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), cloudtest.Patience(20*time.Second))
	r.t.Cleanup(cancel)
	return ctx
}

func (r *rig) fail(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s: %s", r.round, fmt.Sprintf(format, args...))
}

// killDuring begins something and kills the daemon after a while. Whether the request was answered does not matter.
func (r *rig) killDuring(begin func(), after time.Duration) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		begin()
	}()
	time.Sleep(after) // the moment is the point: there is no condition to wait for
	r.cloud.Kill()
	<-done
	r.cloud.Serve()
}

// atRest are statuses in which nothing goes on. VERIFY_RESIZE waits for its owner, here for ready.
var atRest = []string{"ACTIVE", "SHUTOFF", "ERROR", "VERIFY_RESIZE"}

// rest waits until each server is in a state that its owner can understand.
func (r *rig) rest() {
	r.t.Helper()
	if r.came == nil {
		r.came = map[string]int{}
	}
	r.eventually(func() error {
		for _, s := range r.servers() {
			if !slices.Contains(atRest, s.Status) || s.TaskState != "" {
				return fmt.Errorf("server %s is %s, task %q", s.Name, s.Status, s.TaskState)
			}
			if s.Status == "ERROR" && strings.TrimSpace(s.Fault.Message) == "" {
				return fmt.Errorf("server %s is in ERROR without a reason", s.Name)
			}
		}
		return nil
	})
	for _, s := range r.servers() {
		if s.Name == victimName {
			r.came[s.Status]++
			if s.Status == "ERROR" {
				r.t.Logf("%s: server came to ERROR: %s", r.round, s.Fault.Message)
			}
		}
	}
}

func (r *rig) eventually(ask func() error) {
	r.t.Helper()
	cloudtest.Eventually(r.t, cloudtest.Patience(10*time.Second), func() error {
		if err := ask(); err != nil {
			return fmt.Errorf("%s: %w", r.round, err)
		}
		return nil
	})
}

func (r *rig) servers() []servers.Server {
	r.t.Helper()
	pages, err := servers.List(r.sdk.Compute, servers.ListOpts{}).AllPages(r.ctx())
	cloudtest.Check(r.t, err)
	all, err := servers.ExtractServers(pages)
	cloudtest.Check(r.t, err)
	return all
}

// find answers the server of a name, nil if there is none.
func (r *rig) find(name string) *servers.Server {
	for _, s := range r.servers() {
		if s.Name == name {
			return &s
		}
	}
	return nil
}
