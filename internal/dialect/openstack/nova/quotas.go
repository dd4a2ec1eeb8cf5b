package nova

import (
	"context"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/quota"
)

// quotaName pairs Nova's name of a limit with ours.
type quotaName struct{ theirs, ours string }

// networkNames were shown until 2.36, and fileNames, the limits of file injection, until 2.57.
var (
	quotaNames = []quotaName{
		{"instances", cloud.QuotaInstances}, {"cores", cloud.QuotaVCPUs}, {"ram", cloud.QuotaMemoryMiB}, {"key_pairs", cloud.QuotaKeyPairs},
		{"metadata_items", cloud.QuotaProperties}, {"server_groups", cloud.QuotaInstanceGroups}, {"server_group_members", cloud.QuotaGroupMembers}}
	networkNames = []quotaName{{"fixed_ips", cloud.QuotaAddresses}, {"floating_ips", cloud.QuotaFloatingIPs},
		{"security_groups", cloud.QuotaSecurityGroups}, {"security_group_rules", cloud.QuotaSecurityRules}}
	fileNames = []quotaName{{"injected_files", cloud.QuotaFiles}, {"injected_file_content_bytes", cloud.QuotaFileBytes},
		{"injected_file_path_bytes", cloud.QuotaFilePathBytes}}
)

func shownNames(r *http.Request) []quotaName {
	names := slices.Clone(quotaNames)
	if !atLeast(r, 36) {
		names = append(names, networkNames...)
	}
	if !atLeast(r, 57) {
		names = append(names, fileNames...)
	}
	return names
}

func quotaTarget(p string) policy.Target {
	return policy.Target{Resource: "quota", ID: p, ProjectID: cloud.ProjectID(p)}
}

func quotaSet(r *http.Request, id string, limits map[string]int64) map[string]any {
	m := map[string]any{}
	if id != "" {
		m["id"] = id
	}
	for _, n := range shownNames(r) {
		m[n.theirs] = limits[n.ours]
	}
	return m
}

func (a *api) showQuota(w http.ResponseWriter, r *http.Request) error {
	p := r.PathValue("tenant")
	if err := policy.Authorize(r.Context(), "quota.get", quotaTarget(p)); err != nil {
		return forbidden(err)
	}
	limits, err := a.Quota.Limits(r.Context(), cloud.ProjectID(p))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"quota_set": quotaSet(r, p, limits)})
}

// forbidden shows that a project's quota exists but is not the caller's to read.
func forbidden(err error) error {
	if cloud.Is(err, cloud.NotFound) {
		return &cloud.Error{Kind: cloud.Forbidden, Resource: "quota", Message: "Policy doesn't allow os_compute_api:os-quota-sets:show to be performed."}
	}
	return err
}

func (a *api) showQuotaDetail(w http.ResponseWriter, r *http.Request) error {
	p := r.PathValue("tenant")
	if err := policy.Authorize(r.Context(), "quota.get", quotaTarget(p)); err != nil {
		return forbidden(err)
	}
	limits, err := a.Quota.Limits(r.Context(), cloud.ProjectID(p))
	if err != nil {
		return err
	}
	m := map[string]any{"id": p}
	for _, n := range shownNames(r) {
		used, err := a.Quota.Used(r.Context(), cloud.ProjectID(p), n.ours)
		if err != nil {
			return err
		}
		m[n.theirs] = map[string]any{"limit": limits[n.ours], "in_use": used, "reserved": 0}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"quota_set": m})
}

func (a *api) showQuotaDefaults(w http.ResponseWriter, r *http.Request) error {
	limits, err := a.Quota.Defaults(r.Context())
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"quota_set": quotaSet(r, r.PathValue("tenant"), limits)})
}

// readLimits decodes {"quota_set": {...}} or {"quota_class_set": {...}} into our names.
func readLimits(r *http.Request, key string) (map[string]int64, bool, error) {
	var body map[string]map[string]any
	if err := openstack.Decode(r, &body); err != nil {
		return nil, false, err
	}
	set, ok := body[key]
	if !ok {
		return nil, false, cloud.Invalidf("request", key, "Invalid input: '%s' is a required property", key)
	}
	force, _ := set["force"].(bool)
	change := map[string]int64{}
	for k, v := range set {
		ours, known := ourQuota(r, k)
		if !known {
			return nil, false, unexpected(k)
		}
		if ours == "" {
			continue
		}
		var n looseInt
		if err := n.UnmarshalJSON([]byte(jsonText(v))); err != nil {
			return nil, false, cloud.Invalidf("request", k, "Invalid input for field/attribute %s. %v is not an integer.", k, v)
		}
		if n < -1 {
			return nil, false, cloud.Invalidf("request", k, "Invalid input for field/attribute %s. %d is less than the minimum of -1", k, n)
		}
		change[ours] = int64(n)
	}
	return change, force, nil
}

// ourQuota finds our name; known names that mean nothing to us give an empty one.
func ourQuota(r *http.Request, theirs string) (string, bool) {
	for _, n := range shownNames(r) {
		if n.theirs == theirs {
			return n.ours, true
		}
	}
	return "", theirs == "force" || theirs == "tenant_id" || theirs == "id" || theirs == "class_name"
}

func (a *api) updateQuota(w http.ResponseWriter, r *http.Request) error {
	p := cloud.ProjectID(r.PathValue("tenant"))
	if err := policy.Authorize(r.Context(), "quota.manage", policy.Target{Resource: "quota"}); err != nil {
		return err
	}
	change, force, err := readLimits(r, "quota_set")
	if err != nil {
		return err
	}
	if !force {
		if err := a.checkInUse(r.Context(), p, change); err != nil {
			return err
		}
	}
	if err := a.Quota.Set(r.Context(), cloud.QuotaID(p), change); err != nil {
		return err
	}
	limits, err := a.Quota.Limits(r.Context(), p)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"quota_set": quotaSet(r, "", limits)})
}

// checkInUse refuses a limit below what is used already, unless forced.
func (a *api) checkInUse(ctx context.Context, p cloud.ProjectID, change map[string]int64) error {
	for ours, limit := range change {
		used, err := a.Quota.Used(ctx, p, ours)
		if err != nil {
			return err
		}
		if limit != cloud.Unlimited && limit < used {
			return cloud.Invalidf("quota", ours, "Quota limit %d for %s must be greater than or equal to already used and reserved %d.", limit, ours, used)
		}
	}
	return nil
}

func (a *api) deleteQuota(w http.ResponseWriter, r *http.Request) error {
	if err := policy.Authorize(r.Context(), "quota.manage", policy.Target{Resource: "quota"}); err != nil {
		return err
	}
	return accept(w, a.Quota.Reset(r.Context(), cloud.QuotaID(r.PathValue("tenant"))))
}

func (a *api) showQuotaClass(w http.ResponseWriter, r *http.Request) error {
	if err := policy.Authorize(r.Context(), "quota.manage", policy.Target{Resource: "quota"}); err != nil {
		return err
	}
	limits, err := a.Quota.Defaults(r.Context())
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"quota_class_set": quotaSet(r, r.PathValue("class"), limits)})
}

func (a *api) updateQuotaClass(w http.ResponseWriter, r *http.Request) error {
	if err := policy.Authorize(r.Context(), "quota.manage", policy.Target{Resource: "quota"}); err != nil {
		return err
	}
	change, _, err := readLimits(r, "quota_class_set")
	if err != nil {
		return err
	}
	if err := a.Quota.Set(r.Context(), quota.DefaultClass, change); err != nil {
		return err
	}
	limits, err := a.Quota.Defaults(r.Context())
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"quota_class_set": quotaSet(r, "", limits)})
}

func (a *api) showLimits(w http.ResponseWriter, r *http.Request) error {
	p := cloud.PrincipalOf(r.Context()).ProjectID
	if other := r.URL.Query().Get("tenant_id"); other != "" && policy.May(r.Context(), "quota.get", quotaTarget(other)) {
		p = cloud.ProjectID(other)
	}
	limits, err := a.Quota.Limits(r.Context(), p)
	if err != nil {
		return err
	}
	absolute := map[string]any{"maxTotalInstances": limits[cloud.QuotaInstances], "maxTotalCores": limits[cloud.QuotaVCPUs],
		"maxTotalRAMSize": limits[cloud.QuotaMemoryMiB], "maxTotalKeypairs": limits[cloud.QuotaKeyPairs], "maxServerMeta": limits[cloud.QuotaProperties],
		"maxServerGroups": limits[cloud.QuotaInstanceGroups], "maxServerGroupMembers": limits[cloud.QuotaGroupMembers]}
	if !atLeast(r, 36) {
		absolute["maxSecurityGroups"], absolute["maxSecurityGroupRules"], absolute["maxTotalFloatingIps"] =
			limits[cloud.QuotaSecurityGroups], limits[cloud.QuotaSecurityRules], limits[cloud.QuotaFloatingIPs]
	}
	if !atLeast(r, 39) {
		absolute["maxImageMeta"] = limits[cloud.QuotaProperties]
	}
	if !atLeast(r, 57) {
		absolute["maxPersonality"], absolute["maxPersonalitySize"] = limits[cloud.QuotaFiles], limits[cloud.QuotaFileBytes]
	}
	if err := a.addUse(r, p, absolute); err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"limits": map[string]any{"rate": []any{}, "absolute": absolute}})
}

func (a *api) addUse(r *http.Request, p cloud.ProjectID, absolute map[string]any) error {
	used := map[string]string{"totalInstancesUsed": cloud.QuotaInstances, "totalCoresUsed": cloud.QuotaVCPUs, "totalRAMUsed": cloud.QuotaMemoryMiB,
		"totalServerGroupsUsed": cloud.QuotaInstanceGroups}
	if !atLeast(r, 36) {
		used["totalSecurityGroupsUsed"], used["totalFloatingIpsUsed"] = cloud.QuotaSecurityGroups, cloud.QuotaFloatingIPs
	}
	for theirs, ours := range used {
		n, err := a.Quota.Used(r.Context(), p, ours)
		if err != nil {
			return err
		}
		absolute[theirs] = n
	}
	return nil
}
