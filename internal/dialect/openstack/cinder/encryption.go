package cinder

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// encryptionRoutes: a type has one encryption at most, so what clients put in place of its id is not looked at.
func (a *api) encryptionRoutes(s *openstack.Service) {
	s.Handle("GET /v3/types/{id}/encryption", a.showEncryption)
	s.Handle("POST /v3/types/{id}/encryption", a.createEncryption)
	s.Handle("GET /v3/types/{id}/encryption/{key}", a.showEncryptionKey)
	s.Handle("PUT /v3/types/{id}/encryption/{key}", a.updateEncryption)
	s.Handle("DELETE /v3/types/{id}/encryption/{key}", a.deleteEncryption)
	s.Handle("GET /v3/volumes/{id}/encryption", a.showVolumeEncryption)
	s.Handle("GET /v3/volumes/{id}/encryption/{key}", a.showVolumeEncryptionKey)
}

// encryptionView is what all views of an encryption have.
func encryptionView(e cloud.VolumeEncryption) map[string]any {
	m := map[string]any{"provider": e.Provider, "cipher": orNull(e.Cipher), "key_size": nil, "control_location": e.Location}
	if e.KeyBits > 0 {
		m["key_size"] = e.KeyBits
	}
	return m
}

// viewTypeEncryption is empty for a type whose volumes are not encrypted.
func viewTypeEncryption(id cloud.VolumeTypeID, e *cloud.TypeEncryption) map[string]any {
	if e == nil {
		return map[string]any{}
	}
	m := encryptionView(e.VolumeEncryption)
	m["volume_type_id"], m["encryption_id"] = id, e.ID
	m["created_at"], m["updated_at"], m["deleted_at"], m["deleted"] = stamp(e.CreatedAt), nil, nil, false
	if e.UpdatedAt != nil {
		m["updated_at"] = stamp(*e.UpdatedAt)
	}
	return m
}

func (a *api) showEncryption(w http.ResponseWriter, r *http.Request) error {
	e, err := a.volumes.TypeEncryption(r.Context(), typeID(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, viewTypeEncryption(typeID(r), e))
}

func (a *api) showEncryptionKey(w http.ResponseWriter, r *http.Request) error {
	e, err := a.volumes.TypeEncryption(r.Context(), typeID(r))
	if err != nil {
		return err
	}
	return writeKey(w, r, "volume type", viewTypeEncryption(typeID(r), e))
}

// writeKey answers one key of a view.
func writeKey(w http.ResponseWriter, r *http.Request, resource string, view map[string]any) error {
	key := r.PathValue("key")
	value, ok := view[key]
	if !ok {
		return cloud.Errorf(cloud.NotFound, resource, r.PathValue("id"), "The encryption of %s %s has no %s.", resource, r.PathValue("id"), key)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{key: value})
}

type encryptionBody struct {
	Provider openstack.Optional[string] `json:"provider"`
	Cipher   openstack.Optional[string] `json:"cipher"`
	Location openstack.Optional[string] `json:"control_location"`
	// KeySize may come as text.
	KeySize openstack.Optional[json.Number] `json:"key_size"`
	keyBits int
}

func readEncryption(r *http.Request) (*encryptionBody, error) {
	var body struct {
		Encryption *encryptionBody `json:"encryption"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return nil, err
	}
	if body.Encryption == nil {
		return nil, missing("encryption")
	}
	if n := body.Encryption.KeySize.Value; n != "" {
		bits, err := strconv.ParseInt(n.String(), 10, 32)
		if err != nil {
			return nil, cloud.Invalidf("request", "key_size", "Invalid input for field/attribute key_size. Value: %s. It must be a whole number of bits.", n)
		}
		body.Encryption.keyBits = int(bits)
	}
	return body.Encryption, nil
}

func (b *encryptionBody) apply(e *cloud.VolumeEncryption) {
	b.Provider.Apply(&e.Provider)
	b.Cipher.Apply(&e.Cipher)
	b.Location.Apply(&e.Location)
	if b.KeySize.Set {
		e.KeyBits = b.keyBits
	}
}

func (a *api) createEncryption(w http.ResponseWriter, r *http.Request) error {
	body, err := readEncryption(r)
	if err != nil {
		return err
	}
	asked := cloud.VolumeEncryption{Location: "front-end"}
	body.apply(&asked)
	e, err := a.volumes.CreateEncryption(r.Context(), typeID(r), asked)
	if err != nil {
		return err
	}
	m := encryptionView(e.VolumeEncryption)
	m["volume_type_id"], m["encryption_id"] = typeID(r), e.ID
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"encryption": m})
}

// updateEncryption answers what was asked, and no more.
func (a *api) updateEncryption(w http.ResponseWriter, r *http.Request) error {
	body, err := readEncryption(r)
	if err != nil {
		return err
	}
	e, err := a.volumes.UpdateEncryption(r.Context(), typeID(r), body.apply)
	if err != nil {
		return err
	}
	m := encryptionView(e.VolumeEncryption)
	for key, set := range map[string]bool{"provider": body.Provider.Set, "cipher": body.Cipher.Set, "key_size": body.KeySize.Set, "control_location": body.Location.Set} {
		if !set {
			delete(m, key)
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"encryption": m})
}

func (a *api) deleteEncryption(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.DeleteEncryption(r.Context(), typeID(r)))
}

// volumeEncryption says which key opens a volume, not what the key is.
func (a *api) volumeEncryption(r *http.Request) (map[string]any, error) {
	v, err := a.volumes.Volume(r.Context(), volumeID(r))
	if err != nil {
		return nil, err
	}
	if v.Key == nil {
		return map[string]any{"encryption_key_id": nil}, nil
	}
	m := encryptionView(v.Key.VolumeEncryption)
	m["encryption_key_id"] = v.Key.ID
	return m, nil
}

func (a *api) showVolumeEncryption(w http.ResponseWriter, r *http.Request) error {
	m, err := a.volumeEncryption(r)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, m)
}

func (a *api) showVolumeEncryptionKey(w http.ResponseWriter, r *http.Request) error {
	m, err := a.volumeEncryption(r)
	if err != nil {
		return err
	}
	return writeKey(w, r, "volume", m)
}
