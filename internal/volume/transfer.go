package volume

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// taskTransfer marks a volume that is offered to another project: nobody may use it until the offer has ended.
const taskTransfer = "volume.transfer"

// TransferRequest says which volume is offered, and whether its snapshots stay behind.
type TransferRequest struct {
	VolumeID    cloud.VolumeID
	Name        string
	NoSnapshots bool
}

// OfferVolume offers a volume to whoever shows the key that it answers, now and never again.
func (s *Service) OfferVolume(ctx context.Context, r TransferRequest) (t *cloud.Transfer, key string, err error) {
	if err := checkWords("transfer", r.Name, "", nil); err != nil {
		return nil, "", err
	}
	_, err = s.change(ctx, "transfer.create", r.VolumeID, func(ctx context.Context, v *cloud.Volume) error {
		if err := mustBe(v, cloud.VolumeAvailable); err != nil {
			return err
		}
		if err := ungrouped(v); err != nil {
			return err
		}
		t = &cloud.Transfer{ID: cloud.TransferID(cloud.NewID()), ProjectID: v.ProjectID, UserID: cloud.PrincipalOf(ctx).UserID,
			VolumeID: v.ID, Name: r.Name, NoSnapshots: r.NoSnapshots}
		key, t.KeySalt = newKey(8), []byte(newKey(8))
		t.KeyHash = keyHash(t.KeySalt, key)
		v.Task = taskTransfer
		return s.Transfers.Insert(ctx, t)
	})
	return t, key, err
}

func newKey(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // the kernel's generator cannot fail
	return hex.EncodeToString(b)
}

func keyHash(salt []byte, key string) []byte {
	sum := sha256.Sum256(append(salt[:len(salt):len(salt)], key...))
	return sum[:]
}

// Transfer answers one offer that the caller may see.
func (s *Service) Transfer(ctx context.Context, id cloud.TransferID) (*cloud.Transfer, error) {
	return s.authorizedTransfer(ctx, "transfer.get", id)
}

func (s *Service) authorizedTransfer(ctx context.Context, a policy.Action, id cloud.TransferID) (*cloud.Transfer, error) {
	t, err := s.transfer(ctx, id)
	if err != nil {
		return nil, err
	}
	return t, policy.Authorize(ctx, a, policy.Target{Resource: "transfer", ID: string(id), ProjectID: t.ProjectID, UserID: t.UserID})
}

func (s *Service) transfer(ctx context.Context, id cloud.TransferID) (*cloud.Transfer, error) {
	return found(s.Transfers.Get(ctx, id))("transfer", string(id))
}

// found gives an error of the store the words that this package's owners read.
func found[T any](row *T, err error) func(resource, id string) (*T, error) {
	return func(resource, id string) (*T, error) {
		if cloud.Is(err, cloud.NotFound) {
			return nil, cloud.NotFoundf(resource, id)
		}
		return row, err
	}
}

// ListTransfers answers the offers that f selects among those the caller may see.
func (s *Service) ListTransfers(ctx context.Context, f Filter[cloud.Transfer]) ([]*cloud.Transfer, error) {
	return s.Transfers.List(ctx, f.where(ctx, "transfer.get"), f.keep()...)
}

// WithdrawTransfer takes an offer back: the volume is its owner's again.
func (s *Service) WithdrawTransfer(ctx context.Context, id cloud.TransferID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		t, err := s.authorizedTransfer(ctx, "transfer.delete", id)
		if err != nil {
			return err
		}
		if err := s.Transfers.Delete(ctx, id); err != nil {
			return err
		}
		v, err := s.Volumes.Get(ctx, t.VolumeID)
		if err != nil || v.Task != taskTransfer {
			return err
		}
		v.Task = ""
		return s.Volumes.Update(ctx, v)
	})
}

// AcceptTransfer gives an offered volume to the caller's project, which must have room for it in its quota.
func (s *Service) AcceptTransfer(ctx context.Context, id cloud.TransferID, key string) (*cloud.Transfer, error) {
	p := cloud.PrincipalOf(ctx)
	if err := policy.Authorize(ctx, "transfer.accept", policy.Target{Resource: "transfer", ProjectID: p.ProjectID}); err != nil {
		return nil, err
	}
	var t *cloud.Transfer
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if t, err = s.transfer(ctx, id); err != nil {
			return err
		}
		if subtle.ConstantTimeCompare(keyHash(t.KeySalt, key), t.KeyHash) != 1 {
			return cloud.Invalidf("transfer", "auth_key", "The key does not fit transfer %s.", id)
		}
		if err := s.Transfers.Delete(ctx, id); err != nil {
			return err
		}
		return s.handOver(ctx, t, p)
	})
	return t, err
}

// handOver moves the rows, their count and the bill to another project. No byte moves.
func (s *Service) handOver(ctx context.Context, t *cloud.Transfer, to *cloud.Principal) error {
	v, err := s.Volumes.Get(ctx, t.VolumeID)
	if err != nil {
		return err
	}
	if v.Task != taskTransfer || v.State != cloud.VolumeAvailable {
		return cloud.Errorf(cloud.WrongState, "volume", v.ID, "Volume %s is no longer offered.", v.ID)
	}
	var snapshots []*cloud.Snapshot
	if !t.NoSnapshots {
		if snapshots, err = s.Snapshots.List(ctx, cloud.Where(cloud.Eq("volume_id", v.ID))); err != nil {
			return err
		}
	}
	if err := s.reserveMoved(ctx, to.ProjectID, v, snapshots); err != nil {
		return err
	}
	if err := s.billEnd(ctx, v); err != nil {
		return err
	}
	v.ProjectID, v.UserID, v.Task = to.ProjectID, to.UserID, ""
	if err := s.Volumes.Update(ctx, v); err != nil {
		return err
	}
	for _, n := range snapshots {
		n.ProjectID, n.UserID = to.ProjectID, to.UserID
		if err := s.Snapshots.Update(ctx, n); err != nil {
			return err
		}
	}
	return s.bill(ctx, cloud.UsageVolumeCreated, v)
}

// reserveMoved counts a volume and its snapshots against the limits of the project they come to.
func (s *Service) reserveMoved(ctx context.Context, p cloud.ProjectID, v *cloud.Volume, snapshots []*cloud.Snapshot) error {
	if p == v.ProjectID {
		return nil
	}
	if err := s.reserve(ctx, p, v.TypeID, cloud.QuotaVolumes, withSnapshots(v, snapshots), v.SizeGiB); err != nil || len(snapshots) == 0 {
		return err
	}
	return s.Quota.Reserve(ctx, p, withType(map[string]int64{cloud.QuotaSnapshots: int64(len(snapshots))}, v.TypeID))
}

// dropTransfers ends the offers of a volume that is otherwise disposed of.
func (s *Service) dropTransfers(ctx context.Context, id cloud.VolumeID) error {
	offers, err := s.Transfers.List(ctx, cloud.Where(cloud.Eq("volume_id", id)))
	if err != nil {
		return err
	}
	for _, t := range offers {
		if err := s.Transfers.Delete(ctx, t.ID); err != nil {
			return err
		}
	}
	return nil
}
