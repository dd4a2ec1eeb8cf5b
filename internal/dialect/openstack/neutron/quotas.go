package neutron

import (
	"context"
	"maps"
	"math"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// quotaNames are our counted resources as this API calls them.
var quotaNames = map[string]string{
	"network": cloud.QuotaNetworks, "subnet": cloud.QuotaSubnets, "subnetpool": cloud.QuotaSubnetPools, "rbac_policy": cloud.QuotaShares, "port": cloud.QuotaPorts, "router": cloud.QuotaRouters,
	"floatingip": cloud.QuotaFloatingIPs, "security_group": cloud.QuotaSecurityGroups, "security_group_rule": cloud.QuotaSecurityRules,
	"vpnservice": cloud.QuotaVPNServices, "ipsec_site_connection": cloud.QuotaVPNConnections,
}

func (a *api) quotaRoutes(s *openstack.Service) {
	s.Handle("GET /v2.0/quotas", a.listQuotas)
	s.Handle("GET /v2.0/quotas/{project}", a.showQuota(false))
	s.Handle("GET /v2.0/quotas/{project}/default", a.showQuota(true))
	s.Handle("GET /v2.0/quotas/{project}/details", a.quotaDetails)
	s.Handle("GET /v2.0/quotas/{project}/details.json", a.quotaDetails) // as older clients ask
	s.Handle("PUT /v2.0/quotas/{project}", a.setQuota)
	s.Handle("DELETE /v2.0/quotas/{project}", a.resetQuota)
}

func projectOf(r *http.Request) cloud.ProjectID { return cloud.ProjectID(r.PathValue("project")) }

func (a *api) showQuota(byDefault bool) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		limits, err := a.net.Limits(r.Context(), projectOf(r), byDefault)
		if err != nil {
			return err
		}
		return openstack.WriteJSON(w, http.StatusOK, object{"quota": showLimits(limits)})
	}
}

// listQuotas shows the projects whose limits are not the defaults.
func (a *api) listQuotas(w http.ResponseWriter, r *http.Request) error {
	all, err := a.net.OwnLimits(r.Context())
	if err != nil {
		return err
	}
	shown := []object{}
	for _, p := range slices.Sorted(maps.Keys(all)) {
		shown = append(shown, showLimits(all[p]).with(object{"project_id": p, "tenant_id": p}))
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"quotas": pick(shown, r)})
}

func showLimits(limits map[string]int64) object {
	shown := object{}
	for name, ours := range quotaNames {
		shown[name] = limits[ours]
	}
	return shown
}

func (a *api) quotaDetails(w http.ResponseWriter, r *http.Request) error {
	limits, err := a.net.Limits(r.Context(), projectOf(r), false)
	if err != nil {
		return err
	}
	used, err := a.net.Used(r.Context(), projectOf(r))
	if err != nil {
		return err
	}
	shown := object{}
	for name, ours := range quotaNames {
		shown[name] = object{"limit": limits[ours], "used": used[ours], "reserved": 0}
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"quota": shown})
}

func (a *api) setQuota(w http.ResponseWriter, r *http.Request) error {
	in, err := decodeOne[map[string]looseInt](r, "quota")
	if err != nil {
		return err
	}
	change := map[string]int64{}
	for name, n := range in {
		ours, ok := quotaNames[name]
		if !ok {
			return cloud.Invalidf("request", "body", "Unrecognized attribute(s) '%s'", name)
		}
		if n > math.MaxInt32 {
			return cloud.Invalidf("request", "body", "Invalid input for %s. Reason: %d is above the highest limit, %d.", name, n, math.MaxInt32)
		}
		change[ours] = int64(n)
	}
	var limits map[string]int64
	err = a.net.Together(r.Context(), func(ctx context.Context) error {
		if err := a.net.SetLimits(ctx, projectOf(r), change); err != nil {
			return err
		}
		limits, err = a.net.Limits(ctx, projectOf(r), false)
		return err
	})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"quota": showLimits(limits)})
}

func (a *api) resetQuota(w http.ResponseWriter, r *http.Request) error {
	if err := a.net.ResetLimits(r.Context(), projectOf(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
