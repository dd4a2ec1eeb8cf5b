package cinder

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// transferRoutes are served under the older name and under the one that 3.55 brought.
func (a *api) transferRoutes(s *openstack.Service) {
	both := func(method, rest string, h openstack.Handler) {
		s.Handle(method+" /v3/os-volume-transfer"+rest, h)
		s.Handle(method+" /v3/volume-transfers"+rest, since(55, h))
	}
	both("GET", "", a.listTransfers(transferSummary))
	both("GET", "/detail", a.listTransfers(transferDetail))
	both("POST", "", a.createTransfer)
	both("GET", "/{id}", a.showTransfer)
	both("DELETE", "/{id}", a.deleteTransfer)
	both("POST", "/{id}/accept", a.acceptTransfer)
}

func transferID(r *http.Request) cloud.TransferID { return cloud.TransferID(r.PathValue("id")) }

type transferView func(*http.Request, *cloud.Transfer) map[string]any

func transferSummary(r *http.Request, t *cloud.Transfer) map[string]any {
	return map[string]any{"id": t.ID, "name": orNull(t.Name), "volume_id": t.VolumeID, "links": selfLinks(r, "os-volume-transfer", string(t.ID))}
}

func transferDetail(r *http.Request, t *cloud.Transfer) map[string]any {
	m := transferSummary(r, t)
	m["created_at"] = stamp(t.CreatedAt)
	if v := openstack.VersionOf(r); v.AtLeast(3, 55) {
		m["no_snapshots"] = t.NoSnapshots
		if v.AtLeast(3, 57) {
			m["source_project_id"], m["destination_project_id"], m["accepted"] = t.ProjectID, nil, false
		}
	}
	return m
}

// selfLinks are the two links that each resource carries.
func selfLinks(r *http.Request, collection, id string) []link {
	at := openstack.BaseURL(r) + prefix
	project := string(cloud.PrincipalOf(r.Context()).ProjectID)
	return []link{{Rel: "self", Href: at + "/v3/" + project + "/" + collection + "/" + id},
		{Rel: "bookmark", Href: at + "/" + project + "/" + collection + "/" + id}}
}

var transferColumns = openstack.SortColumns{"id": "id", "name": "name", "volume_id": "volume_id", "created_at": "created_at", "updated_at": "updated_at"}

var transferFilters = filters[cloud.Transfer]{"id": column[cloud.Transfer]("id"), "name": column[cloud.Transfer]("name"),
	"volume_id": column[cloud.Transfer]("volume_id")}

func (a *api) listTransfers(view transferView) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return writeList(w, r, "transfers", transferColumns, transferFilters, a.volumes.ListTransfers,
			func(t *cloud.Transfer) (map[string]any, string) { return view(r, t), string(t.ID) })
	}
}

func (a *api) createTransfer(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Transfer *struct {
			VolumeID    cloud.VolumeID `json:"volume_id"`
			Name        string         `json:"name"`
			NoSnapshots bool           `json:"no_snapshots"`
		} `json:"transfer"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Transfer == nil || body.Transfer.VolumeID == "" {
		return missing("volume_id")
	}
	t, key, err := a.volumes.OfferVolume(r.Context(), volume.TransferRequest{VolumeID: body.Transfer.VolumeID, Name: body.Transfer.Name,
		NoSnapshots: body.Transfer.NoSnapshots && openstack.VersionOf(r).AtLeast(3, 55)})
	if err != nil {
		return err
	}
	m := transferDetail(r, t)
	m["auth_key"] = key
	return openstack.WriteJSON(w, http.StatusAccepted, map[string]any{"transfer": m})
}

func (a *api) showTransfer(w http.ResponseWriter, r *http.Request) error {
	t, err := a.volumes.Transfer(r.Context(), transferID(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"transfer": transferDetail(r, t)})
}

func (a *api) deleteTransfer(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.WithdrawTransfer(r.Context(), transferID(r)))
}

func (a *api) acceptTransfer(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Accept *struct {
			Key string `json:"auth_key"`
		} `json:"accept"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Accept == nil || body.Accept.Key == "" {
		return missing("auth_key")
	}
	t, err := a.volumes.AcceptTransfer(r.Context(), transferID(r), body.Accept.Key)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusAccepted, map[string]any{"transfer": transferSummary(r, t)})
}
