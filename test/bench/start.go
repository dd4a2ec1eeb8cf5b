package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// startRows measure starting and doing nothing, with one simulated host.
func startRows(ctx context.Context, o options) ([]row, error) {
	first := row{what: "start of serve to first answer, new state", budget: "300 ms", limit: 300, unit: "ms",
		note: "The process is started and asked every millisecond until GET /identity/v3 is answered. New state: database, keys, passwords, files are made. One simulated host."}
	again := row{what: "start of serve to first answer, existing state", budget: "300 ms", limit: 300, unit: "ms"}
	idle := row{what: "resident memory idle, simulated host", budget: "80 MB", limit: 80, unit: "MB", openstack: 4.6 * 1024 * 1.048576,
		note: "VmRSS, pages of the binary included, after 5 idle seconds; the first start's daemon and later ones in turns. OpenStack: 64 processes."}
	n := o.times(15)
	for i := range n {
		dir := filepath.Join(o.work, fmt.Sprintf("start-%d", i))
		for _, r := range []*row{&first, &again} {
			took, resident, err := startOnce(ctx, o.nubo, dir, i < 2)
			if err != nil {
				return nil, err
			}
			r.got.add(took)
			if resident > 0 {
				idle.got = append(idle.got, resident)
			}
		}
	}
	return []row{first, again, idle}, nil
}

// idleFor is how long a daemon does nothing before its memory is read.
const idleFor = 5 * time.Second

func startOnce(ctx context.Context, binary, dir string, memory bool) (took time.Duration, resident float64, err error) {
	p, err := launch(ctx, binary, dir, "--simulate", "1")
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	if took, err = p.awaitAnswer(ctx); err != nil || !memory {
		return took, 0, err
	}
	if err = pause(ctx, idleFor); err == nil {
		resident, err = p.residentMB()
	}
	return took, resident, err
}
