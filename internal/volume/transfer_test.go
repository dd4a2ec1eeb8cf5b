package volume_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// TestTransfer gives a volume with its snapshot to another project: rows, quota and the ledger follow, once.
func TestTransfer(t *testing.T) {
	r := newRig(t)
	v := r.made(as("a"), volume.CreateRequest{Name: "v", SizeGiB: 3})
	n := r.snapped(as("a"), v.ID)
	offer, key, err := r.OfferVolume(as("a"), volume.TransferRequest{VolumeID: v.ID, Name: "gift"})
	ok(t, err)
	wantKind(t, r.Grow(as("a"), v.ID, 5), cloud.WrongState)
	_, _, err = r.OfferVolume(as("a"), volume.TransferRequest{VolumeID: v.ID})
	wantKind(t, err, cloud.WrongState)
	_, err = r.Transfer(as("b"), offer.ID)
	wantKind(t, err, cloud.NotFound)
	_, err = r.AcceptTransfer(as("b"), offer.ID, key+"x")
	wantKind(t, err, cloud.Invalid)
	ok(t, r.quota.Set(t.Context(), "b", map[string]int64{cloud.QuotaGigabytes: 5}))
	_, err = r.AcceptTransfer(as("b"), offer.ID, key)
	wantKind(t, err, cloud.QuotaExceeded)
	ok(t, r.quota.Set(t.Context(), "b", map[string]int64{cloud.QuotaGigabytes: 6}))
	_, err = r.AcceptTransfer(as("b"), offer.ID, key)
	ok(t, err)
	_, err = r.AcceptTransfer(as("b"), offer.ID, key)
	wantKind(t, err, cloud.NotFound)
	if got := r.row(v.ID); got.ProjectID != "b" || got.UserID != "user-b" || got.Task != "" {
		t.Errorf("volume after the transfer: %+v", got)
	}
	if got, err := r.Snapshot(as("b"), n.ID); err != nil || got.ProjectID != "b" {
		t.Errorf("snapshot after the transfer: %+v, %v", got, err)
	}
	used, err := r.quota.Used(t.Context(), "a", cloud.QuotaGigabytes)
	if err != nil || used != 0 {
		t.Errorf("the giver still uses %d, %v", used, err)
	}
	ok(t, r.Delete(as("b"), volume.DeleteRequest{ID: v.ID, WithSnapshots: true}))
	ok(t, r.Delete(as("b"), volume.DeleteRequest{ID: v.ID, WithSnapshots: true}))
	r.settled()
	if got := r.ledger(v.ID); len(got) != 4 { // made and gone, for each owner
		t.Errorf("ledger: %v", got)
	}
}

// TestTransferEnds shows the two ways an offer ends without being taken.
func TestTransferEnds(t *testing.T) {
	r := newRig(t)
	v := r.made(as("a"), volume.CreateRequest{Name: "v", SizeGiB: 1})
	offer, _, err := r.OfferVolume(as("a"), volume.TransferRequest{VolumeID: v.ID})
	ok(t, err)
	wantKind(t, r.WithdrawTransfer(as("b"), offer.ID), cloud.NotFound)
	ok(t, r.WithdrawTransfer(as("a"), offer.ID))
	ok(t, r.Grow(as("a"), v.ID, 2))
	r.settled()
	_, _, err = r.OfferVolume(as("a"), volume.TransferRequest{VolumeID: v.ID})
	ok(t, err)
	ok(t, r.Reset(admin(), v.ID, volume.Reset{State: cloud.VolumeAvailable}))
	offers, err := r.ListTransfers(as("a"), volume.Filter[cloud.Transfer]{})
	if err != nil || len(offers) != 0 {
		t.Errorf("offers of a volume that was reset: %v, %v", offers, err)
	}
}
