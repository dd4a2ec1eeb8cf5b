package volume

import (
	"context"
	"strings"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/placement"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const kindTakeIn = "volume.take_in"

// TakeInRequest says which loose disk becomes a volume, and what is said of it.
type TakeInRequest struct {
	HostName, Pool string
	// Disk is its name in the pool.
	Disk        string
	Name        string
	Description string
	TypeName    string // or id; empty: the project's default
	Zone        string // empty: the host's
	Properties  map[string]string
	Bootable    bool
}

// looseParams are what the Operations about a loose disk know of it.
type looseParams struct {
	HostID cloud.HostID   `json:"host_id"`
	Pool   string         `json:"pool"`
	Disk   string         `json:"disk"`
	Of     cloud.VolumeID `json:"of,omitempty"`
}

// TakeIn makes a disk that lies on a pool, and is nobody's, a volume of the caller's project. The disk was looked at
// before the transaction: if it is gone by the time it is adopted, the volume fails.
func (s *Service) TakeIn(ctx context.Context, r TakeInRequest) (*cloud.Volume, error) {
	p := cloud.PrincipalOf(ctx)
	if err := policy.Authorize(ctx, "volume.take_in", policy.Target{Resource: "volume", ProjectID: p.ProjectID}); err != nil {
		return nil, err
	}
	if err := checkWords("volume", r.Name, r.Description, r.Properties); err != nil {
		return nil, err
	}
	h, pool, err := s.poolNamed(ctx, r.HostName, r.Pool)
	if err != nil {
		return nil, err
	}
	if err := takesIn(h, pool, r.Zone); err != nil {
		return nil, err
	}
	disk, err := s.looseDisk(ctx, cloud.VolumePlace{HostID: h.ID, Pool: pool.Name}, spec.DiskVolume, r.Disk)
	if err != nil {
		return nil, err
	}
	v := &cloud.Volume{ID: cloud.VolumeID(cloud.NewID()), ProjectID: p.ProjectID, UserID: p.UserID, Name: r.Name, Description: r.Description,
		SizeGiB: wholeGiB(disk.SizeBytes), State: cloud.VolumeCreating, Zone: h.Zone, HostID: h.ID, Pool: pool.Name,
		Properties: r.Properties, Bootable: r.Bootable}
	return v, s.Tx.Update(ctx, func(ctx context.Context) error { return s.insertTakenIn(ctx, v, pool, r) })
}

// takesIn refuses a pool that an operator took out of service, and a zone that the pool is not in.
func takesIn(h *cloud.Host, p *cloud.Pool, zone string) error {
	if p.Disabled {
		return cloud.Errorf(cloud.WrongState, "host", h.Name, "Pool %s of host %s is out of service.", p.Name, h.Name)
	}
	if zone != "" && zone != h.Zone {
		return cloud.Invalidf("volume", "availability_zone", "Host %s is in availability zone '%s', not in '%s'.", h.Name, h.Zone, zone)
	}
	return nil
}

func (s *Service) insertTakenIn(ctx context.Context, v *cloud.Volume, pool *cloud.Pool, r TakeInRequest) error {
	if err := s.takeType(ctx, v, CreateRequest{TypeName: r.TypeName}); err != nil {
		return err
	}
	if v.Key != nil {
		return cloud.Invalidf("volume", "volume_type", "Volumes of an encrypted type cannot be taken in: what lies there is not encrypted.")
	}
	if err := s.suits(ctx, v.TypeID, pool); err != nil {
		return err
	}
	if err := s.reserve(ctx, v.ProjectID, v.TypeID, cloud.QuotaVolumes, v.SizeGiB, v.SizeGiB); err != nil {
		return err
	}
	op, err := s.Operations.Start(ctx, operation.Request{Kind: kindTakeIn, Subject: subject(v.ID), ProjectID: v.ProjectID,
		Params: looseParams{HostID: v.HostID, Pool: v.Pool, Disk: r.Disk}})
	if err != nil {
		return err
	}
	v.OperationID, v.Task = op.ID, kindTakeIn
	if err := s.Volumes.Insert(ctx, v); err != nil {
		return err
	}
	return s.bill(ctx, cloud.UsageVolumeCreated, v)
}

// suits refuses a type that asks of its pools what this one is not.
func (s *Service) suits(ctx context.Context, id cloud.VolumeTypeID, pool *cloud.Pool) error {
	if id == "" {
		return nil
	}
	t, err := s.Types.Get(ctx, id)
	if err != nil {
		return err
	}
	if lacks := placement.Lacks(t.ExtraSpecs, placement.Capabilities(pool)); len(lacks) > 0 {
		return cloud.Invalidf("volume", "volume_type", "Pool %s is not one for volumes of type %s: %s.", pool.Name, t.Name, strings.Join(lacks, "; "))
	}
	return nil
}

func (s *Service) takeInKind() operation.Kind {
	return operation.Kind{Name: kindTakeIn, Settle: s.settleTakeIn, Steps: []operation.Step{
		{Name: "adopt", Do: s.adoptBytes, Undo: s.releaseBytes},
		// No undo: a loose disk that is longer by zeros at its end reads the same.
		{Name: "size", Do: s.roundBytes},
	}}
}

func (s *Service) adoptBytes(ctx context.Context, op *cloud.Operation) error {
	p, a, err := s.looseOf(ctx, op)
	if err != nil {
		return err
	}
	return permanent(a.AdoptVolume(ctx, spec.VolumeID(operation.SubjectID(op)), p.Pool, p.Disk))
}

// releaseBytes is tried until it works, unlike the undo of a creation: these bytes are not ours to leave to a deletion.
func (s *Service) releaseBytes(ctx context.Context, op *cloud.Operation) error {
	p, a, err := s.looseOf(ctx, op)
	if err != nil {
		return err
	}
	return permanent(a.ReleaseVolume(ctx, spec.VolumeID(operation.SubjectID(op)), p.Disk))
}

// looseOf answers the Operation's disk and the host that it is on.
func (s *Service) looseOf(ctx context.Context, op *cloud.Operation) (p looseParams, a agentapi.Agent, err error) {
	if p, err = operation.Params[looseParams](op); err != nil {
		return p, nil, err
	}
	a, err = s.agent(ctx, p.HostID)
	return p, a, err
}

// roundBytes makes the disk as large as the volume is said to be: whole GiB.
func (s *Service) roundBytes(ctx context.Context, op *cloud.Operation) error {
	v, err := s.creating(ctx, op)
	if err != nil {
		return err
	}
	a, err := s.agent(ctx, v.HostID)
	if err != nil {
		return err
	}
	_, err = a.EnsureVolume(ctx, spec.Volume{ID: spec.VolumeID(v.ID), Generation: generation(op), SizeBytes: int64(v.SizeGiB) * gib, Pool: v.Pool})
	return permanent(err)
}

func (s *Service) settleTakeIn(ctx context.Context, op *cloud.Operation) error {
	return s.settle(ctx, op, func(v *cloud.Volume) error {
		if v.State, v.Fault = outcome(op); v.State == cloud.VolumeAvailable {
			return nil
		}
		return s.billEnd(ctx, v)
	})
}
