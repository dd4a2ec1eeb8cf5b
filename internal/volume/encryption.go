package volume

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/imageformat/luks"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// locations are who may encrypt: the hypervisor ("front-end") or the pool. Types may name either; pools here encrypt
// nothing, so volumes of the second kind cannot be made.
var locations = []string{frontEnd, "back-end"}

const frontEnd = "front-end"

// keyBytes are so many that nobody guesses them: the key is hashed but a thousand times.
const keyBytes = 32

// TypeEncryption answers how volumes of a type are encrypted, nil if they are not.
func (s *Service) TypeEncryption(ctx context.Context, id cloud.VolumeTypeID) (*cloud.TypeEncryption, error) {
	t, err := s.managedType(ctx, id)
	if err != nil {
		return nil, err
	}
	return t.Encryption, nil
}

// CreateEncryption has volumes of a type encrypted from now on. Invalid if it has volumes or an encryption.
func (s *Service) CreateEncryption(ctx context.Context, id cloud.VolumeTypeID, e cloud.VolumeEncryption) (*cloud.TypeEncryption, error) {
	return s.changeEncryption(ctx, id, "create", func(t *cloud.VolumeType) error {
		if t.Encryption != nil {
			return cloud.Invalidf("volume type", "encryption", "Volume type encryption for type %s already exists.", id)
		}
		t.Encryption = &cloud.TypeEncryption{ID: cloud.VolumeEncryptionID(cloud.NewID()), VolumeEncryption: e, CreatedAt: s.Now().UTC()}
		return nil
	})
}

// UpdateEncryption lets edit change how volumes of a type are encrypted. Invalid if it has volumes, NotFound if they are not encrypted.
func (s *Service) UpdateEncryption(ctx context.Context, id cloud.VolumeTypeID, edit func(*cloud.VolumeEncryption)) (*cloud.TypeEncryption, error) {
	return s.changeEncryption(ctx, id, "update", func(t *cloud.VolumeType) error {
		if t.Encryption == nil {
			return notEncrypted(id)
		}
		changed, now := *t.Encryption, s.Now().UTC()
		edit(&changed.VolumeEncryption)
		changed.UpdatedAt = &now
		t.Encryption = &changed
		return nil
	})
}

// DeleteEncryption has volumes of a type made in clear from now on. Invalid if it has volumes, NotFound if they are not encrypted.
func (s *Service) DeleteEncryption(ctx context.Context, id cloud.VolumeTypeID) error {
	_, err := s.changeEncryption(ctx, id, "delete", func(t *cloud.VolumeType) error {
		if t.Encryption == nil {
			return notEncrypted(id)
		}
		t.Encryption = nil
		return nil
	})
	return err
}

func notEncrypted(id cloud.VolumeTypeID) error {
	return cloud.Errorf(cloud.NotFound, "volume type", id, "Volume type encryption for type %s does not exist.", id)
}

func (s *Service) changeEncryption(ctx context.Context, id cloud.VolumeTypeID, verb string, edit func(*cloud.VolumeType) error) (*cloud.TypeEncryption, error) {
	var t *cloud.VolumeType
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		used, err := s.volumesOfType(ctx, id)
		if err != nil {
			return err
		}
		t, err = s.UpdateType(ctx, id, func(t *cloud.VolumeType) error {
			if used > 0 {
				return cloud.Invalidf("volume type", "encryption", "Cannot %s encryption specs. Volume type in use.", verb)
			}
			if err := edit(t); err != nil {
				return err
			}
			return checkEncryption(t.Encryption)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return t.Encryption, nil
}

// checkEncryption takes providers and ciphers of any name: whether a volume can be made so is seen when one is.
func checkEncryption(e *cloud.TypeEncryption) error {
	switch {
	case e == nil:
		return nil
	case strings.TrimSpace(e.Provider) == "" || len(e.Provider) > 255:
		return cloud.Invalidf("volume type", "provider", "Encryption needs a provider of 255 characters at most, such as luks.")
	case len(e.Cipher) > 255:
		return cloud.Invalidf("volume type", "cipher", "The name of a cipher has 255 characters at most.")
	case e.KeyBits < 0:
		return cloud.Invalidf("volume type", "key_size", "The size of a key is a number of bits and not negative, not %d.", e.KeyBits)
	case !slices.Contains(locations, e.Location):
		return cloud.Invalidf("volume type", "control_location", "Invalid control location: %q is not one of %s.", e.Location, strings.Join(locations, ", "))
	}
	return nil
}

// isLUKS tells the providers that are one format here, by the names they have had: "luks", "luks2", and those of classes,
// such as "nova.volume.encryptors.luks.LuksEncryptor".
func isLUKS(provider string) bool {
	name := strings.ToLower(provider[strings.LastIndexByte(provider, '.')+1:])
	name = strings.TrimSuffix(name, "encryptor")
	return name == "luks" || name == "luks2"
}

// takeKey gives a new volume a key if its type wants one. What it is made from may be encrypted already: then both have
// the same key, and the type has to want the same.
func (s *Service) takeKey(ctx context.Context, v *cloud.Volume, t *cloud.VolumeType) error {
	if v.Key != nil && !encryptsAs(t, v.Key) {
		return cloud.Invalidf("volume", "volume_type", "What the volume is made from is encrypted, and type %s encrypts otherwise or not at all.", t.Name)
	}
	if t.Encryption == nil {
		return nil
	}
	if v.MultiAttach {
		return cloud.Invalidf("volume", "volume_type", "Multiattach encrypted volumes are not supported.")
	}
	if v.Key != nil {
		return nil
	}
	if err := encryptable(t); err != nil {
		return err
	}
	var err error
	v.Key, err = s.sealedKey(ctx, t.Encryption.VolumeEncryption)
	return err
}

// encryptsAs tells whether volumes of a type are encrypted as one that has a key, or as one that has none.
func encryptsAs(t *cloud.VolumeType, key *cloud.VolumeKey) bool {
	if t.Encryption == nil || key == nil {
		return t.Encryption == nil && key == nil
	}
	return t.Encryption.VolumeEncryption == key.VolumeEncryption
}

// encryptable refuses a type whose volumes nobody here can make.
func encryptable(t *cloud.VolumeType) error {
	e := t.Encryption
	if !isLUKS(e.Provider) {
		return cloud.Invalidf("volume", "volume_type", "Type %s wants encryption by %s; here volumes are encrypted by luks.", t.Name, e.Provider)
	}
	if e.Location != frontEnd {
		return cloud.Invalidf("volume", "volume_type", "Type %s wants its pool to encrypt; here the hypervisor does: its control location must be %s.", t.Name, frontEnd)
	}
	if err := luks.Check(cipherOf(e.VolumeEncryption)); err != nil {
		return cloud.Invalidf("volume", "volume_type", "Type %s cannot be used: %s.", t.Name, err)
	}
	return nil
}

// cipherOf fills in what a type leaves open.
func cipherOf(e cloud.VolumeEncryption) (name string, keyBits int) {
	if e.Cipher == "" {
		e.Cipher = luks.DefaultCipher
	}
	if e.KeyBits == 0 {
		e.KeyBits = luks.DefaultKeyBits
	}
	return e.Cipher, e.KeyBits
}

func (s *Service) sealedKey(ctx context.Context, e cloud.VolumeEncryption) (key *cloud.VolumeKey, err error) {
	key = &cloud.VolumeKey{ID: cloud.VolumeKeyID(cloud.NewID()), VolumeEncryption: e}
	key.Sealed, err = s.Secrets.Seal(ctx, string(key.ID), newKey(keyBytes))
	return key, err
}

// encryption is what a host needs to make a volume that a key opens; nil without one.
func (s *Service) encryption(ctx context.Context, key *cloud.VolumeKey) (*spec.Encryption, error) {
	if key == nil {
		return nil, nil
	}
	text, err := s.Secrets.Open(ctx, string(key.ID), key.Sealed)
	if err != nil {
		return nil, err
	}
	name, bits := cipherOf(key.VolumeEncryption)
	return &spec.Encryption{Cipher: name, KeyBits: bits, Key: spec.Key(text)}, nil
}

// DiskKeys answers the keys of those volumes that are encrypted, for the hypervisor. It asks the store for volumes once.
func (s *Service) DiskKeys(ctx context.Context, ids []cloud.VolumeID) (map[cloud.VolumeID]spec.Key, error) {
	keys := map[cloud.VolumeID]spec.Key{}
	if len(ids) == 0 {
		return keys, nil
	}
	rows, err := s.Volumes.List(ctx, cloud.Where(cloud.In("id", ids)))
	if err != nil {
		return nil, err
	}
	for _, v := range rows {
		if v.Key == nil {
			continue
		}
		e, err := s.encryption(ctx, v.Key)
		if err != nil {
			return nil, err
		}
		keys[v.ID] = e.Key
	}
	return keys, nil
}
