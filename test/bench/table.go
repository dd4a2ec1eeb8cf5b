package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// samples are all repetitions of one measurement, in the row's unit.
type samples []float64

func (s *samples) add(d time.Duration) { *s = append(*s, ms(d)) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quantile interpolates between the two nearest repetitions.
func (s samples) quantile(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

func (s samples) median() float64 { return s.quantile(0.5) }

// row is one line of the table. It crosses from the namespaced child as JSON by means of wireRow.
type row struct {
	what   string
	budget string  // as people read it; empty: none is set
	limit  float64 // the budget in unit
	// atLeast: more is better, and the budget is a lower bound.
	atLeast bool
	unit    string
	got     samples
	// openstack takes the same on the same two cores, in unit; 0: not known.
	openstack float64
	note      string
	skipped   string // a sentence: why it was not measured
	failure   string // why it could not be
}

// unlucky is the repetition that one in twenty is worse than.
func (r row) unlucky() float64 {
	if r.atLeast {
		return r.got.quantile(0.05)
	}
	return r.got.quantile(0.95)
}

func (r row) verdict() string {
	switch {
	case r.limit == 0:
		return ""
	case r.atLeast == (r.got.median() >= r.limit):
		return "ok"
	}
	return "miss"
}

func (r row) ratio() string {
	if r.limit == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", r.got.median()/r.limit)
}

// against says how many times better than OpenStack the median is.
func (r row) against() string {
	m := r.got.median()
	if r.openstack == 0 || m == 0 {
		return ""
	}
	times := r.openstack / m
	if r.atLeast {
		times = m / r.openstack
	}
	return fmt.Sprintf("%.3gx", times)
}

func number(v float64, unit string) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f %s", v, unit)
	case v >= 100:
		return fmt.Sprintf("%.0f %s", v, unit)
	case v >= 10:
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.2f %s", v, unit)
}

type table struct{ rows []row }

func (t *table) failed() bool {
	return slices.ContainsFunc(t.rows, func(r row) bool { return r.failure != "" })
}

func (t *table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tBUDGET\tMEDIAN\tP95\tN\tRATIO\t\tOPENSTACK\tBETTER BY")
	var notes []string
	for _, r := range t.rows {
		what := r.what
		for _, text := range []string{r.note, r.skipped, r.failure} {
			if text != "" {
				notes = append(notes, text)
				what += fmt.Sprintf(" [%d]", len(notes))
			}
		}
		fmt.Fprintln(w, strings.Join(append([]string{what, r.budget}, r.cells()...), "\t"))
	}
	w.Flush()
	fmt.Fprintln(out)
	for i, text := range notes {
		fmt.Fprintf(out, "[%d] %s\n", i+1, text)
	}
}

func (r row) cells() []string {
	switch {
	case r.failure != "":
		return []string{"FAILED", "", "", "", "", "", ""}
	case r.skipped != "":
		return []string{"skipped", "", "", "", "", "", ""}
	}
	openstack := ""
	if r.openstack != 0 {
		openstack = number(r.openstack, r.unit)
	}
	return []string{number(r.got.median(), r.unit), number(r.unlucky(), r.unit), fmt.Sprint(len(r.got)), r.ratio(), r.verdict(), openstack, r.against()}
}

func printHeader(out io.Writer, o options) {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		load = []byte("unknown")
	}
	fmt.Fprintf(out, "Nubo's budgets, measured %s on %d cores (%s), load average at the start: %s\n",
		time.Now().UTC().Format("2006-01-02 15:04 UTC"), runtime.NumCPU(), cpuName(), strings.TrimSpace(string(load)))
	fmt.Fprint(out, `This machine is shared and noisy: whatever else runs is in these numbers. Every repetition is counted.
P95: one repetition in twenty is worse (for rates: slower). RATIO: median / budget (for times and memory, below 1 is within it;
for rates, above). OPENSTACK: Debian's packages on two cores, all services local, hypervisor faked, quiet machine, one client.
`)
	if o.scale != 1 {
		fmt.Fprintf(out, "Repetitions scaled by %g.\n", o.scale)
	}
	fmt.Fprintln(out)
}

func cpuName() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(b)) {
		if name, found := strings.CutPrefix(line, "model name"); found {
			return strings.Trim(name, ": \t\n")
		}
	}
	return runtime.GOARCH
}
