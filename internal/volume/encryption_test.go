package volume_test

import (
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// locking makes a type whose volumes are encrypted.
func (r *rig) locking(name string, e cloud.VolumeEncryption) *cloud.VolumeType {
	r.t.Helper()
	t, err := r.CreateType(admin(), cloud.VolumeType{Name: name, Public: true})
	ok(r.t, err)
	_, err = r.CreateEncryption(admin(), t.ID, e)
	ok(r.t, err)
	return t
}

var byLUKS = cloud.VolumeEncryption{Provider: "luks", Cipher: "aes-xts-plain64", KeyBits: 256, Location: "front-end"}

// key is what the hypervisor is given for a volume; empty if that is not encrypted.
func (r *rig) key(id cloud.VolumeID) spec.Key {
	r.t.Helper()
	keys, err := r.DiskKeys(r.t.Context(), []cloud.VolumeID{id})
	ok(r.t, err)
	return keys[id]
}

// TestEncryptionOfTypes: operators give, change and take it while a type has no volumes.
func TestEncryptionOfTypes(t *testing.T) {
	r := newRig(t)
	made := r.locking("locked", byLUKS)
	_, err := r.CreateEncryption(admin(), made.ID, byLUKS)
	wantKind(t, err, cloud.Invalid)
	for what, bad := range map[string]cloud.VolumeEncryption{"no provider": {Location: "front-end"}, "no location": {Provider: "luks"},
		"a size below zero": {Provider: "luks", Location: "front-end", KeyBits: -1}} {
		_, err := r.UpdateEncryption(admin(), made.ID, func(e *cloud.VolumeEncryption) { *e = bad })
		if !cloud.Is(err, cloud.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	e, err := r.UpdateEncryption(admin(), made.ID, func(e *cloud.VolumeEncryption) { e.KeyBits = 512 })
	if err != nil || e.KeyBits != 512 || e.Cipher != byLUKS.Cipher || e.UpdatedAt == nil {
		t.Errorf("updated: %+v, %v", e, err)
	}
	_, err = r.TypeEncryption(as("a"), made.ID)
	wantKind(t, err, cloud.Forbidden)
	wantKind(t, r.DeleteEncryption(as("a"), made.ID), cloud.Forbidden)
	v := r.made(as("a"), volume.CreateRequest{SizeGiB: 1, TypeName: "locked"})
	wantKind(t, r.DeleteEncryption(admin(), made.ID), cloud.Invalid)
	ok(t, r.Delete(as("a"), volume.DeleteRequest{ID: v.ID}))
	r.settled()
	ok(t, r.DeleteEncryption(admin(), made.ID))
	wantKind(t, r.DeleteEncryption(admin(), made.ID), cloud.NotFound)
}

// TestEncryptedVolumes: each new one has a key of its own, which the host gets and the row does not show; what is
// made from it is opened by the same key.
func TestEncryptedVolumes(t *testing.T) {
	r := newRig(t)
	r.locking("locked", byLUKS)
	v := r.made(as("a"), volume.CreateRequest{SizeGiB: 1, TypeName: "locked"})
	other := r.made(as("a"), volume.CreateRequest{SizeGiB: 1, TypeName: "locked"})
	disk, _ := r.host.Volume(v.ID)
	if len(disk.Key) != 64 || disk.Key != r.key(v.ID) || disk.Key == r.key(other.ID) {
		t.Errorf("keys: %d characters, the hypervisor has the same: %t", len(disk.Key), disk.Key == r.key(v.ID))
	}
	if plain := r.made(as("a"), volume.CreateRequest{SizeGiB: 1}); r.key(plain.ID) != "" {
		t.Error("a plain volume has a key")
	}
	n, err := r.CreateSnapshot(as("a"), volume.SnapshotRequest{VolumeID: v.ID})
	ok(t, err)
	r.settled()
	backup := r.backed(as("a"), volume.BackupRequest{VolumeID: v.ID})
	for what, q := range map[string]volume.CreateRequest{"volume": {SourceVolumeID: v.ID}, "snapshot": {SnapshotID: n.ID}, "backup": {BackupID: backup.ID}} {
		again := r.made(as("a"), q)
		if disk, _ := r.host.Volume(again.ID); r.key(again.ID) != r.key(v.ID) || disk.Key != r.key(v.ID) || again.TypeID != v.TypeID {
			t.Errorf("one made from the %s: key %v, type %s", what, disk.Key == r.key(v.ID), again.TypeID)
		}
	}
	restored, err := r.RestoreBackup(as("a"), backup.ID, other.ID, "")
	ok(t, err)
	r.settled()
	if r.key(restored.ID) != r.key(v.ID) {
		t.Error("a volume with a backup's bytes has not the backup's key")
	}
}

// TestEncryptionIsKept: nothing becomes readable, or of another encryption, on the way.
func TestEncryptionIsKept(t *testing.T) {
	r := newRig(t)
	ok(t, r.EnsureDefaults(t.Context()))
	r.locking("locked", byLUKS)
	more := byLUKS
	more.KeyBits = 512
	r.locking("more", more)
	v := r.made(as("a"), volume.CreateRequest{SizeGiB: 1, TypeName: "locked"})
	plain := r.made(as("a"), volume.CreateRequest{SizeGiB: 1})
	backup := r.backed(as("a"), volume.BackupRequest{VolumeID: v.ID})
	for _, name := range []string{volume.DefaultTypeName, "more"} {
		_, err := r.CreateVolume(as("a"), volume.CreateRequest{SourceVolumeID: v.ID, TypeName: name})
		wantKind(t, err, cloud.Invalid)
		wantKind(t, r.Retype(as("a"), volume.RetypeRequest{ID: v.ID, Type: name}), cloud.Invalid)
	}
	_, err := r.RestoreBackup(as("a"), backup.ID, plain.ID, "")
	wantKind(t, err, cloud.Invalid)
	_, _, err = r.UploadImage(as("a"), volume.UploadRequest{VolumeID: v.ID, Name: "i"})
	wantKind(t, err, cloud.Unsupported)
	if locked := r.made(as("a"), volume.CreateRequest{SourceVolumeID: plain.ID, TypeName: "locked"}); r.key(locked.ID) == "" {
		t.Error("a plain volume's copy of an encrypted type has no key")
	}
}

// TestUnencryptable: a type may want what nobody here does; its volumes are refused in words.
func TestUnencryptable(t *testing.T) {
	r := newRig(t)
	for word, e := range map[string]cloud.VolumeEncryption{
		"plain":        {Provider: "plain", Location: "front-end"},
		"SomeProvider": {Provider: "SomeProvider", Location: "front-end"},
		"pool":         {Provider: "luks", Location: "back-end"},
		"384":          {Provider: "luks", Cipher: "aes-xts-plain64", KeyBits: 384, Location: "front-end"},
		"serpent":      {Provider: "luks", Cipher: "serpent-xts-plain64", KeyBits: 512, Location: "front-end"},
	} {
		r.locking(word, e)
		_, err := r.CreateVolume(as("a"), volume.CreateRequest{SizeGiB: 1, TypeName: word})
		wantKind(t, err, cloud.Invalid)
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
	for _, provider := range []string{"luks2", "LuksEncryptor", "nova.volume.encryptors.luks.LuksEncryptor"} {
		r.locking(provider, cloud.VolumeEncryption{Provider: provider, Location: "front-end"})
		r.made(as("a"), volume.CreateRequest{SizeGiB: 1, TypeName: provider})
	}
	shared := r.locking("shared", byLUKS)
	_, err := r.SetTypeSpecs(admin(), shared.ID, map[string]string{"multiattach": "<is> True"})
	ok(t, err)
	_, err = r.CreateVolume(as("a"), volume.CreateRequest{SizeGiB: 1, TypeName: "shared"})
	wantKind(t, err, cloud.Invalid)
}
