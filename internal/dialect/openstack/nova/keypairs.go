package nova

import (
	"hash/fnv"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
)

func keyPair(r *http.Request, k *cloud.KeyPair, whole bool) map[string]any {
	m := map[string]any{"name": k.Name, "public_key": k.PublicKey, "fingerprint": k.Fingerprint}
	if atLeast(r, 2) {
		m["type"] = k.Type
	}
	if whole {
		m["id"], m["user_id"], m["created_at"] = keyNumber(k), k.UserID, k.CreatedAt.UTC().Format("2006-01-02T15:04:05.000000")
		m["deleted"], m["deleted_at"], m["updated_at"] = false, nil, nil
	}
	return m
}

// keyNumber stands for the row's number that Nova shows and nobody can ask for.
func keyNumber(k *cloud.KeyPair) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.ID)) // never fails
	return int(h.Sum32() >> 1)
}

// keyOwner is the user an administrator may name from 2.10 on.
func keyOwner(r *http.Request) cloud.UserID {
	if atLeast(r, 10) {
		return cloud.UserID(r.URL.Query().Get("user_id"))
	}
	return ""
}

func (a *api) listKeyPairs(w http.ResponseWriter, r *http.Request) error {
	q := cloud.Query{}
	limit := 0
	if atLeast(r, 35) {
		p, err := openstack.ParsePage(r, nil, pageMax)
		if err != nil {
			return err
		}
		q, limit = p.Query(), p.Limit
	}
	list, err := a.Compute.ListKeyPairs(r.Context(), keyOwner(r), q)
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, k := range list {
		out[i] = map[string]any{"keypair": keyPair(r, k, false)}
	}
	body := map[string]any{"keypairs": out}
	if n := len(list); n > 0 {
		body = a.withNext(r, body, "keypairs_links", "/os-keypairs", limit, n, list[n-1].Name)
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

func (a *api) showKeyPair(w http.ResponseWriter, r *http.Request) error {
	k, err := a.Compute.KeyPair(r.Context(), keyOwner(r), r.PathValue("name"))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"keypair": keyPair(r, k, true)})
}

func (a *api) createKeyPair(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		KeyPair *struct {
			Name      string       `json:"name"`
			PublicKey *string      `json:"public_key"`
			Type      string       `json:"type"`
			UserID    cloud.UserID `json:"user_id"`
		} `json:"keypair"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	b := body.KeyPair
	switch {
	case b == nil:
		return cloud.Invalidf("request", "keypair", "Invalid input: 'keypair' is a required property")
	case b.PublicKey == nil && atLeast(r, 92):
		return cloud.Invalidf("request", "public_key", "Invalid input: 'public_key' is a required property")
	case b.PublicKey != nil && strings.TrimSpace(*b.PublicKey) == "":
		return cloud.Invalidf("request", "public_key", "Keypair data is invalid: the public key is empty.")
	case b.Type != "" && !atLeast(r, 2):
		return unexpected("type")
	case b.UserID != "" && !atLeast(r, 10):
		return unexpected("user_id")
	}
	k, private, err := a.Compute.CreateKeyPair(r.Context(), compute.KeyPairRequest{User: b.UserID, Name: b.Name, PublicKey: deref(b.PublicKey), Type: b.Type})
	if err != nil {
		return err
	}
	shown := keyPair(r, k, false)
	shown["user_id"] = k.UserID
	if private != "" {
		shown["private_key"] = private
	}
	status := http.StatusOK
	if atLeast(r, 2) {
		status = http.StatusCreated
	}
	return openstack.WriteJSON(w, status, map[string]any{"keypair": shown})
}

func (a *api) deleteKeyPair(w http.ResponseWriter, r *http.Request) error {
	if err := a.Compute.DeleteKeyPair(r.Context(), keyOwner(r), r.PathValue("name")); err != nil {
		return err
	}
	if atLeast(r, 2) {
		return openstack.WriteEmpty(w, http.StatusNoContent)
	}
	return openstack.WriteEmpty(w, http.StatusAccepted)
}

func (a *api) group(r *http.Request, g *compute.GroupView) map[string]any {
	members := g.Members
	if members == nil {
		members = []cloud.InstanceID{}
	}
	m := map[string]any{"id": g.ID, "name": g.Name, "members": members}
	if atLeast(r, 64) {
		rules := map[string]any{}
		if g.PerHostMax > 0 {
			rules["max_server_per_host"] = g.PerHostMax
		}
		m["policy"], m["rules"] = g.Policy, rules
	} else {
		m["policies"], m["metadata"] = []string{g.Policy}, map[string]any{}
	}
	if atLeast(r, 13) {
		m["project_id"], m["user_id"] = g.ProjectID, g.UserID
	}
	return m
}

func (a *api) listGroups(w http.ResponseWriter, r *http.Request) error {
	p, err := openstack.ParsePage(r, nil, pageMax)
	if err != nil {
		return err
	}
	all := r.URL.Query().Has("all_projects") && policy.May(r.Context(), "instance group.list_all", policy.Target{})
	skip, err := offsetOf(r)
	if err != nil {
		return err
	}
	p.Empty = false // of server groups, a limit of 0 is none
	q := p.Query()
	if q.Limit > 0 {
		q.Limit += skip
	}
	list, err := a.Compute.ListGroups(r.Context(), q, all)
	if err != nil {
		return err
	}
	list = list[min(skip, len(list)):]
	out := make([]any, len(list))
	for i, g := range list {
		out[i] = a.group(r, g)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"server_groups": out})
}

// offsetOf is how many rows a client that pages by numbers has seen.
func offsetOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("offset")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0, cloud.Invalidf("request", "offset", "offset param must be an integer that is not negative, not '%s'.", text)
	}
	return n, nil
}

func (a *api) showGroup(w http.ResponseWriter, r *http.Request) error {
	g, err := a.Compute.Group(r.Context(), cloud.InstanceGroupID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"server_group": a.group(r, g)})
}

func (a *api) createGroup(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Group *struct {
			Name     string   `json:"name"`
			Policies []string `json:"policies"`
			Policy   string   `json:"policy"`
			Rules    struct {
				Max looseInt `json:"max_server_per_host"`
			} `json:"rules"`
		} `json:"server_group"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	b := body.Group
	if b == nil || b.Name == "" || len(b.Name) > 255 {
		return cloud.Invalidf("request", "name", "Invalid input for field/attribute name. It must have 1 to 255 characters.")
	}
	g := cloud.InstanceGroup{Name: b.Name, Policy: b.Policy, PerHostMax: int(b.Rules.Max)}
	if !atLeast(r, 64) {
		if len(b.Policies) != 1 {
			return cloud.Invalidf("request", "policies", "Invalid input for field/attribute policies. Exactly one policy is needed.")
		}
		g.Policy = b.Policies[0]
	}
	made, err := a.Compute.CreateGroup(r.Context(), g)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"server_group": a.group(r, made)})
}

func (a *api) deleteGroup(w http.ResponseWriter, r *http.Request) error {
	if err := a.Compute.DeleteGroup(r.Context(), cloud.InstanceGroupID(r.PathValue("id"))); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
