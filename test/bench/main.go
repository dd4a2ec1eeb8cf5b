// Command bench measures Nubo against the budgets of its design and prints one
// table: what, budget, measured, ratio, and what OpenStack takes on two cores.
//
//	start, api   a `nubo serve --simulate` of its own, over HTTP, one client unless said
//	inside       one function in this process (token, placement, a host's reconcile pass)
//	guest        boots of real guests in a private network namespace, beside the same QEMU
//	             command line run by hand, in turns: A B A B
//	streams      disk and network in such guests, likewise
//
// It is not a test: a missed budget is shown, and the exit status is 0. It is 1 only when
// something could not be measured. Every repetition counts; none is chosen. `make bench`
// calls it through scripts/bench.sh.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// options are the command line.
type options struct {
	nubo  string // the binary to measure
	image string // of guests, empty: none
	work  string // directory for state; removed at the end
	only  string // groups, comma separated; empty: all
	scale float64
	// child is set in the process that main starts in namespaces of its own.
	child bool
}

func main() {
	var o options
	flag.StringVar(&o.nubo, "nubo", "nubo", "the nubo `BINARY` to measure")
	flag.StringVar(&o.image, "image", os.Getenv("NUBO_TEST_IMAGE"), "minimal guest image (qcow2 `FILE`); without it no guest is measured")
	flag.StringVar(&o.only, "only", "", "`GROUPS` to run, comma separated: start, api, inside, guest (boots), streams (disk and network in a guest); empty: all")
	flag.Float64Var(&o.scale, "scale", 1, "multiplies every number of repetitions by `FACTOR`")
	flag.StringVar(&o.work, "work", "", "`DIR` for state directories (default: a new one in the system's)")
	flag.BoolVar(&o.child, "in-namespace", false, "used by bench itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	failed, err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if err != nil || failed {
		os.Exit(1)
	}
}

// run answers whether some row could not be measured.
func run(ctx context.Context, o options) (failed bool, err error) {
	if o.child {
		return false, guestChild(ctx, o)
	}
	if o.work == "" {
		if o.work, err = os.MkdirTemp("/var/tmp", "nubo-bench-"); err != nil {
			return false, err
		}
		defer os.RemoveAll(o.work)
	}
	var t table
	printHeader(os.Stdout, o)
	groups := []struct {
		name string
		run  func(context.Context, options) ([]row, error)
	}{{"start", startRows}, {"api", apiRows}, {"inside", insideRows}, {"guest", guestRows}}
	for _, g := range groups {
		if !o.wants(g.name) && (g.name != "guest" || !o.wants("streams")) {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: measuring %s\n", g.name)
		rows, err := g.run(ctx, o)
		t.rows = append(t.rows, rows...)
		if err != nil {
			t.rows = append(t.rows, row{what: g.name + ": the rest of this group", failure: err.Error()})
		}
	}
	t.print(os.Stdout)
	return t.failed(), ctx.Err()
}

// wants tells whether a group was asked for.
func (o options) wants(group string) bool {
	return o.only == "" || slices.Contains(strings.Split(o.only, ","), group)
}

// times is n repetitions, scaled, at least 3.
func (o options) times(n int) int { return max(3, int(float64(n)*o.scale)) }
