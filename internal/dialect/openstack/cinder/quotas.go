package cinder

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// quotaNames are our quota resources in this service's words.
var quotaNames = map[string]string{
	cloud.QuotaVolumes:         "volumes",
	cloud.QuotaSnapshots:       "snapshots",
	cloud.QuotaGigabytes:       "gigabytes",
	cloud.QuotaVolumeGigabytes: "per_volume_gigabytes",
	cloud.QuotaBackups:         "backups",
	cloud.QuotaBackupGigabytes: "backup_gigabytes",
	cloud.QuotaVolumeGroups:    "groups",
}

// namesWith are our quota resources in this service's words, those of each volume type among them ("volumes_fast").
func (a *api) namesWith(r *http.Request) (map[string]string, error) {
	types, err := a.volumes.TypeNames(r.Context())
	if err != nil {
		return nil, err
	}
	names := maps.Clone(quotaNames)
	for id, name := range types {
		for _, resource := range volume.TypeResources {
			names[volume.TypeQuota(resource, id)] = quotaNames[resource] + "_" + name
		}
	}
	return names, nil
}

// viewQuotas shows limits, or limits and use if use was asked for, and of whom: answers to changes are without an id.
func (a *api) viewQuotas(r *http.Request, id string, q volume.Quotas) (map[string]any, error) {
	names, err := a.namesWith(r)
	if err != nil {
		return nil, err
	}
	m := map[string]any{}
	if id != "" {
		m["id"] = id
	}
	for resource, name := range names {
		limit, limited := q.Limits[resource]
		if !limited {
			limit = cloud.Unlimited
		}
		m[name] = limit
		if q.Used != nil {
			m[name] = map[string]int64{"limit": limit, "in_use": q.Used[resource], "reserved": 0, "allocated": 0}
		}
	}
	return m, nil
}

func (a *api) answerQuotas(w http.ResponseWriter, r *http.Request, key, id string, q volume.Quotas) error {
	view, err := a.viewQuotas(r, id, q)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{key: view})
}

func projectPath(r *http.Request) cloud.ProjectID { return cloud.ProjectID(r.PathValue("project")) }

func (a *api) showQuotas(w http.ResponseWriter, r *http.Request) error {
	q, err := a.volumes.QuotasOf(r.Context(), projectPath(r), truth(r.URL.Query(), "usage"))
	if err != nil {
		return err
	}
	return a.answerQuotas(w, r, "quota_set", r.PathValue("project"), q)
}

func (a *api) defaultQuotas(w http.ResponseWriter, r *http.Request) error {
	q, err := a.volumes.DefaultQuotas(r.Context())
	if err != nil {
		return err
	}
	return a.answerQuotas(w, r, "quota_set", r.PathValue("project"), q)
}

func (a *api) setQuotas(w http.ResponseWriter, r *http.Request) error {
	change, err := a.readQuotas(r, "quota_set")
	if err != nil {
		return err
	}
	if err := a.volumes.SetQuotas(r.Context(), projectPath(r), change); err != nil {
		return err
	}
	q, err := a.volumes.QuotasOf(r.Context(), projectPath(r), false)
	if err != nil {
		return err
	}
	return a.answerQuotas(w, r, "quota_set", "", q)
}

// readQuotas takes numbers, also in quotes. The keys that answers carry besides limits are left out of account.
func (a *api) readQuotas(r *http.Request, key string) (map[string]int64, error) {
	var body map[string]map[string]json.RawMessage
	if err := openstack.Decode(r, &body); err != nil {
		return nil, err
	}
	if body[key] == nil {
		return nil, missing(key)
	}
	names, err := a.namesWith(r)
	if err != nil {
		return nil, err
	}
	resources := map[string]string{}
	for resource, name := range names {
		resources[name] = resource
	}
	change := map[string]int64{}
	for name, raw := range body[key] {
		if name == "id" || name == "tenant_id" || name == "class_name" || name == "force" {
			continue
		}
		resource, ok := resources[name]
		if !ok {
			return nil, cloud.Invalidf("quota", name, "Bad key(s) in quota set: %s", name)
		}
		text := string(raw)
		if unquoted, err := strconv.Unquote(text); err == nil {
			text = unquoted
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil, cloud.Invalidf("quota", name, "%s must be an integer.", name)
		}
		change[resource] = n
	}
	return change, nil
}

func (a *api) resetQuotas(w http.ResponseWriter, r *http.Request) error {
	if err := a.volumes.ResetQuotas(r.Context(), projectPath(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusOK)
}

func (a *api) showQuotaClass(w http.ResponseWriter, r *http.Request) error {
	q, err := a.volumes.DefaultQuotas(r.Context())
	if err != nil {
		return err
	}
	return a.answerQuotas(w, r, "quota_class_set", r.PathValue("class"), q)
}

func (a *api) setQuotaClass(w http.ResponseWriter, r *http.Request) error {
	if class := r.PathValue("class"); class != "default" {
		return cloud.NotFoundf("quota class", class)
	}
	change, err := a.readQuotas(r, "quota_class_set")
	if err != nil {
		return err
	}
	if err := a.volumes.SetQuotas(r.Context(), "", change); err != nil {
		return err
	}
	q, err := a.volumes.DefaultQuotas(r.Context())
	if err != nil {
		return err
	}
	return a.answerQuotas(w, r, "quota_class_set", "", q)
}

func (a *api) limits(w http.ResponseWriter, r *http.Request) error {
	p := cloud.PrincipalOf(r.Context()).ProjectID
	if asked := r.URL.Query().Get("project_id"); asked != "" {
		p = cloud.ProjectID(asked)
	}
	q, err := a.volumes.QuotasOf(r.Context(), p, true)
	if err != nil {
		return err
	}
	absolute := map[string]int64{
		"maxTotalVolumes": q.Limits[cloud.QuotaVolumes], "maxTotalSnapshots": q.Limits[cloud.QuotaSnapshots],
		"maxTotalVolumeGigabytes": q.Limits[cloud.QuotaGigabytes], "maxTotalBackups": q.Limits[cloud.QuotaBackups],
		"maxTotalBackupGigabytes": q.Limits[cloud.QuotaBackupGigabytes],
		"totalVolumesUsed":        q.Used[cloud.QuotaVolumes], "totalSnapshotsUsed": q.Used[cloud.QuotaSnapshots],
		"totalGigabytesUsed": q.Used[cloud.QuotaGigabytes], "totalBackupsUsed": q.Used[cloud.QuotaBackups], "totalBackupGigabytesUsed": q.Used[cloud.QuotaBackupGigabytes],
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"limits": map[string]any{"rate": []any{}, "absolute": absolute}})
}
