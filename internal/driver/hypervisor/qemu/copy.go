package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qmp"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// copyNode names the target of a copy in QEMU; one copy of a guest runs at a time.
const copyNode = "copy"

// ResizeDisk implements agent.Hypervisor. Shrinking is spec.ErrNotSupported.
func (d *Driver) ResizeDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, sizeBytes int64) error {
	return d.withRunning(id, func(g *guest, r *run) error {
		node, err := g.nodeOf(v)
		if err != nil {
			return err
		}
		have, err := nodeSize(ctx, r.mon, node)
		if err != nil {
			return fmt.Errorf("guest %s: size of volume %s: %w", id, v, err)
		}
		if have == sizeBytes {
			return nil
		}
		if have > sizeBytes {
			return fmt.Errorf("shrink volume %s from %d to %d bytes: %w", v, have, sizeBytes, spec.ErrNotSupported)
		}
		err = r.mon.Execute(ctx, "block_resize", object{"node-name": node, "size": sizeBytes}, nil)
		if err != nil {
			return fmt.Errorf("guest %s: grow volume %s: %w", id, v, err)
		}
		return nil
	})
}

func (g *guest) nodeOf(v spec.VolumeID) (string, error) {
	rec := g.record()
	s := rec.disk(v)
	if s == nil {
		return "", fmt.Errorf("guest %s: volume %s: %w", g.id, v, spec.ErrMissing)
	}
	return s.node(), nil
}

func nodeSize(ctx context.Context, mon *qmp.Client, node string) (int64, error) {
	var nodes []struct {
		Name  string `json:"node-name"`
		Image struct {
			Size int64 `json:"virtual-size"`
		}
	}
	if err := mon.Execute(ctx, "query-named-block-nodes", object{"flat": true}, &nodes); err != nil {
		return 0, err
	}
	for _, n := range nodes {
		if n.Name == node {
			return n.Image.Size, nil
		}
	}
	return 0, fmt.Errorf("block node %s: %w", node, spec.ErrMissing)
}

// CopyDisk implements agent.Hypervisor: a backup job, which keeps the moment it began by copying
// what the guest is about to overwrite. Over a base only the overlay is copied, of an encrypted disk the file. What was not
// finished is in target when it fails.
func (d *Driver) CopyDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, target spec.BlockSource) error {
	return d.withRunning(id, func(g *guest, r *run) error {
		node, err := g.nodeOf(v)
		if err != nil {
			return err
		}
		if target.Format == spec.FormatLUKS {
			// Below the encryption: the copy is one of the file, and as unreadable.
			node, target.Format = node+"-file", spec.FormatRaw
		}
		if err := g.openNodes(ctx, r, copyNode, setCopy, target, false); err != nil {
			return fmt.Errorf("guest %s: copy of volume %s: %w", id, v, err)
		}
		sync := "full"
		if target.Base != nil {
			sync = "top"
		}
		err = g.backup(ctx, r, node, sync)
		// Closing flushes the target, so an error here is one of the copy.
		nodes, _, cerr := d.chain(copyNode, setCopy, target, false)
		if cerr == nil {
			cerr = g.closeNodes(context.WithoutCancel(ctx), r, names(nodes), setCopy)
		}
		if err := errors.Join(err, cerr); err != nil {
			return fmt.Errorf("guest %s: copy volume %s: %w", id, v, err)
		}
		return nil
	})
}

func (g *guest) backup(ctx context.Context, r *run, node, sync string) error {
	const job = "copy"
	events, cancel := r.mon.Listen("JOB_STATUS_CHANGE")
	defer cancel()
	err := r.mon.Execute(ctx, "blockdev-backup", object{"job-id": job, "device": node, "target": copyNode,
		"sync": sync, "auto-dismiss": false}, nil)
	if err != nil {
		return err
	}
	if _, err := r.mon.Await(ctx, events, concluded(job)); err != nil {
		g.endJob(context.WithoutCancel(ctx), r, job)
		return err
	}
	return g.dismiss(ctx, r, job)
}

func concluded(job string) func(qmp.Event) bool {
	return func(e qmp.Event) bool { return jobIs(e, job, "concluded", "null") }
}

// jobIs tells whether an event says of a job that it has come to one of the states.
func jobIs(e qmp.Event, job string, states ...string) bool {
	var data struct{ ID, Status string }
	json.Unmarshal(e.Data, &data)
	return data.ID == job && slices.Contains(states, data.Status)
}

// job is one of QEMU's jobs.
type job struct{ ID, Status, Error string }

func (r *run) jobs(ctx context.Context) (all []job, err error) {
	err = r.mon.Execute(ctx, "query-jobs", nil, &all)
	return all, err
}

// dismiss lets QEMU forget a job that is over and answers how it ended.
func (g *guest) dismiss(ctx context.Context, r *run, job string) error {
	jobs, err := r.jobs(ctx)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.ID != job {
			continue
		}
		if err := r.mon.Execute(ctx, "job-dismiss", object{"id": job}, nil); err != nil {
			return err
		}
		if j.Error != "" {
			return jobError(j.Error)
		}
	}
	return nil
}

// jobError knows a full disk by QEMU's words: jobs tell nothing else.
func jobError(text string) error {
	if strings.Contains(text, "No space left on device") {
		return fmt.Errorf("%w: %s", spec.ErrNoSpace, text)
	}
	return errors.New(text)
}

// endJob cancels a job and waits until it is over.
func (g *guest) endJob(ctx context.Context, r *run, job string) {
	events, cancel := r.mon.Listen("JOB_STATUS_CHANGE")
	defer cancel()
	err := r.mon.Execute(ctx, "block-job-cancel", object{"device": job, "force": true}, nil)
	if err == nil {
		r.mon.Await(ctx, events, concluded(job))
	}
	if err := g.dismiss(ctx, r, job); err != nil {
		g.d.log.Info("cancelled copy", "guest", g.id, "err", err)
	}
}
