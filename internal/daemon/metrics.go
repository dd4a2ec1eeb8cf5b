package daemon

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"sort"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// metrics writes a few numbers in Prometheus' text form, counted when asked.
func (d *Daemon) metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counts := map[string]func() (int64, error){
			"nubo_instances":       func() (int64, error) { return d.store.Instances.Count(r.Context()) },
			"nubo_volumes":         func() (int64, error) { return d.store.Volumes.Count(r.Context()) },
			"nubo_ports":           func() (int64, error) { return d.store.Ports.Count(r.Context()) },
			"nubo_hosts":           func() (int64, error) { return d.store.Hosts.Count(r.Context()) },
			"nubo_hosts_up":        func() (int64, error) { return d.store.Hosts.Count(r.Context(), cloud.Eq("up", true)) },
			"nubo_operations_open": func() (int64, error) { return d.store.Operations.Count(r.Context(), cloud.Eq("ended", false)) },
			"nubo_operations_stuck": func() (int64, error) {
				return d.store.Operations.Count(r.Context(), cloud.Eq("state", cloud.OperationStuck))
			},
		}
		names := make([]string, 0, len(counts))
		for name := range counts {
			names = append(names, name)
		}
		sort.Strings(names)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		for _, name := range names {
			n, err := counts[name]()
			if err != nil {
				d.log.Error("cannot count for metrics", "metric", name, "error", err)
				continue
			}
			fmt.Fprintf(w, "# TYPE %s gauge\n%s %d\n", name, name, n)
		}
		d.meterMetrics(r.Context(), w)
		fmt.Fprintf(w, "# TYPE go_goroutines gauge\ngo_goroutines %d\n", runtime.NumGoroutine())
	})
}

// meterMetrics writes what meters have counted.
func (d *Daemon) meterMetrics(ctx context.Context, w io.Writer) {
	totals, err := d.services.network.MeterTotals(ctx)
	if err != nil {
		d.log.Error("cannot sum up meters for metrics", "error", err)
		return
	}
	ids := slices.Sorted(maps.Keys(totals))
	for name, of := range map[string]func(cloud.TrafficCount) int64{
		"nubo_meter_bytes_total":   func(t cloud.TrafficCount) int64 { return t.Bytes },
		"nubo_meter_packets_total": func(t cloud.TrafficCount) int64 { return t.Packets },
	} {
		fmt.Fprintf(w, "# TYPE %s counter\n", name)
		for _, id := range ids {
			fmt.Fprintf(w, "%s{meter=%q} %d\n", name, id, of(totals[id]))
		}
	}
}
