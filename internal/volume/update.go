package volume

import (
	"context"
	"maps"
	"unicode/utf8"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Facts are what an owner may change about a volume or snapshot.
type Facts struct {
	Name        string
	Description string
	Properties  map[string]string
}

const wordsMax = 255

// checkWords bounds what people write on volumes and snapshots.
func checkWords(resource, name, description string, properties map[string]string) error {
	if utf8.RuneCountInString(name) > wordsMax {
		return cloud.Invalidf(resource, "name", "Name has %d characters, more than %d.", utf8.RuneCountInString(name), wordsMax)
	}
	if utf8.RuneCountInString(description) > wordsMax {
		return cloud.Invalidf(resource, "description", "Description has %d characters, more than %d.", utf8.RuneCountInString(description), wordsMax)
	}
	for k, v := range properties {
		if k == "" || utf8.RuneCountInString(k) > wordsMax || utf8.RuneCountInString(v) > wordsMax {
			return cloud.Invalidf(resource, "metadata", "Metadata keys must have 1 to %d characters and values at most as many.", wordsMax)
		}
	}
	return nil
}

// Update lets edit change the facts of a volume, all or nothing. It may run more than once; the map is its own.
func (s *Service) Update(ctx context.Context, id cloud.VolumeID, edit func(*Facts) error) (*cloud.Volume, error) {
	return s.change(ctx, "volume.update", id, func(_ context.Context, v *cloud.Volume) error {
		f := Facts{v.Name, v.Description, cloned(v.Properties)}
		if err := editFacts("volume", &f, edit); err != nil {
			return err
		}
		v.Name, v.Description, v.Properties = f.Name, f.Description, f.Properties
		return nil
	})
}

func editFacts(resource string, f *Facts, edit func(*Facts) error) error {
	if err := edit(f); err != nil {
		return err
	}
	return checkWords(resource, f.Name, f.Description, f.Properties)
}

func cloned(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}

// UpdateImageProperties lets edit change what a volume remembers of its image. Same rules as Update.
func (s *Service) UpdateImageProperties(ctx context.Context, id cloud.VolumeID, edit func(map[string]string) error) (*cloud.Volume, error) {
	return s.change(ctx, "volume.update", id, func(_ context.Context, v *cloud.Volume) error {
		properties := cloned(v.ImageProperties)
		if err := edit(properties); err != nil {
			return err
		}
		v.ImageProperties = properties
		return checkWords("volume", "", "", properties)
	})
}

// SetBootable says whether instances may start from the volume.
func (s *Service) SetBootable(ctx context.Context, id cloud.VolumeID, bootable bool) error {
	_, err := s.change(ctx, "volume.update", id, func(_ context.Context, v *cloud.Volume) error {
		v.Bootable = bootable
		return nil
	})
	return err
}

// SetReadOnly makes later attachments of the volume read-only, or not. WrongState while it is attached.
func (s *Service) SetReadOnly(ctx context.Context, id cloud.VolumeID, readOnly bool) error {
	_, err := s.change(ctx, "volume.update", id, func(_ context.Context, v *cloud.Volume) error {
		v.ReadOnly, v.ReadOnlySaid = readOnly, true
		return mustBe(v, cloud.VolumeAvailable)
	})
	return err
}

// Reset is an administrator's word on the state of a volume or snapshot.
type Reset struct {
	State cloud.VolumeState
	// FailedTask says which Operation failed, if State is that something has.
	FailedTask string
}

// Reset gives a volume a state, against what the rows say. What is going on with it goes on, but no longer changes the row; a move
// has to, so it is waited for.
func (s *Service) Reset(ctx context.Context, id cloud.VolumeID, to Reset) error {
	_, err := s.change(ctx, "volume.reset", id, func(ctx context.Context, v *cloud.Volume) error {
		if err := still(v); err != nil {
			return err
		}
		v.State, v.FailedTask, v.Task, v.OperationID, v.Fault = to.State, to.FailedTask, "", "", nil
		return s.dropTransfers(ctx, id)
	})
	return err
}

// mustBe refuses a volume in another state, or that an Operation holds.
func mustBe(v *cloud.Volume, states ...cloud.VolumeState) error {
	if v.Task != "" {
		return cloud.Errorf(cloud.WrongState, "volume", v.ID, "Invalid volume: volume %s is busy (%s).", v.ID, v.Task)
	}
	for _, s := range states {
		if v.State == s {
			return nil
		}
	}
	return cloud.Errorf(cloud.WrongState, "volume", v.ID, "Invalid volume: status of volume %s must be %v, but it is %s.", v.ID, states, v.State)
}

// Filter selects volumes or snapshots.
type Filter[T any] struct {
	// AllProjects lists everybody's for those who may see them; for others it changes nothing.
	AllProjects bool
	Query       cloud.Query
	// Keep adds a condition that no column knows; nil keeps all.
	Keep func(*T) bool
}

// where adds the bounds of what the caller may see.
func (f Filter[T]) where(ctx context.Context, a policy.Action) cloud.Query {
	q := f.Query
	all, own := policy.Visible(ctx, a)
	if !all || !f.AllProjects {
		q.Where = append(q.Where[:len(q.Where):len(q.Where)], cloud.Eq("project_id", own))
	}
	return q
}

func (f Filter[T]) keep() []func(*T) bool {
	if f.Keep == nil {
		return nil
	}
	return []func(*T) bool{f.Keep}
}

// List answers the volumes that f selects among those the caller may see.
func (s *Service) List(ctx context.Context, f Filter[cloud.Volume]) ([]*cloud.Volume, error) {
	return s.Volumes.List(ctx, f.where(ctx, "volume.get"), f.keep()...)
}
