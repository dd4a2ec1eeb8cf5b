package glance

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

type memberView struct {
	MemberID  cloud.ProjectID `json:"member_id"`
	ImageID   cloud.ImageID   `json:"image_id"`
	Status    string          `json:"status"`
	CreatedAt string          `json:"created_at"`
	UpdatedAt string          `json:"updated_at"`
	Schema    string          `json:"schema"`
}

func viewMember(id cloud.ImageID, m *cloud.ImageMember) memberView {
	return memberView{MemberID: m.ProjectID, ImageID: id, Status: m.Status, CreatedAt: stamp(m.CreatedAt), UpdatedAt: stamp(m.UpdatedAt),
		Schema: "/v2/schemas/member"}
}

func memberID(r *http.Request) cloud.ProjectID { return cloud.ProjectID(r.PathValue("member")) }

func (a *api) listMembers(w http.ResponseWriter, r *http.Request) error {
	members, err := a.images.Members(r.Context(), imageID(r))
	if err != nil {
		return err
	}
	views := make([]memberView, len(members))
	for n := range members {
		views[n] = viewMember(imageID(r), &members[n])
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"members": views, "schema": "/v2/schemas/members"})
}

func (a *api) addMember(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Member cloud.ProjectID `json:"member"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	m, err := a.images.AddMember(r.Context(), imageID(r), body.Member)
	return writeMember(w, r, m, err)
}

func (a *api) showMember(w http.ResponseWriter, r *http.Request) error {
	m, err := a.images.Member(r.Context(), imageID(r), memberID(r))
	return writeMember(w, r, m, err)
}

func (a *api) setMember(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Status string `json:"status"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	m, err := a.images.SetMemberStatus(r.Context(), imageID(r), memberID(r), body.Status)
	return writeMember(w, r, m, err)
}

func writeMember(w http.ResponseWriter, r *http.Request, m *cloud.ImageMember, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, viewMember(imageID(r), m))
}

func (a *api) removeMember(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.RemoveMember(r.Context(), imageID(r), memberID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
