package neutron

import (
	"context"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// routerService is the one kind of service that there are flavors and providers of.
const routerService = "L3_ROUTER_NAT"

func (a *api) flavors() resource[cloud.RouterFlavor, cloud.RouterFlavorID] {
	type flavor = cloud.RouterFlavor
	return resource[flavor, cloud.RouterFlavorID]{one: "flavor", many: "flavors", path: "/v2.0/flavors",
		filters: filters[flavor]{"id": byText[flavor]("id"), "name": byText[flavor]("name"), "description": byText[flavor]("description"),
			"enabled": byBool[flavor]("enabled"), "service_type": byShown(func(*flavor) string { return routerService })},
		sort: openstack.SortColumns{"id": "id", "name": "name", "description": "description", "enabled": "enabled", "service_type": same},
		list: a.net.ListRouterFlavors, get: a.net.RouterFlavor, remove: a.net.DeleteRouterFlavor,
		id: func(f *flavor) cloud.RouterFlavorID { return f.ID }, show: showFlavors}
}

func (a *api) profiles() resource[cloud.RouterProfile, cloud.RouterProfileID] {
	type profile = cloud.RouterProfile
	return resource[profile, cloud.RouterProfileID]{one: "service_profile", many: "service_profiles", path: "/v2.0/service_profiles",
		filters: filters[profile]{"id": byText[profile]("id"), "description": byText[profile]("description"), "driver": byText[profile]("driver"),
			"metainfo": byText[profile]("details"), "enabled": byBool[profile]("enabled")},
		sort: openstack.SortColumns{"id": "id", "description": "description", "driver": "driver", "metainfo": "details", "enabled": "enabled"},
		list: a.net.ListRouterProfiles, get: a.net.RouterProfile, remove: a.net.DeleteRouterProfile,
		id: func(p *profile) cloud.RouterProfileID { return p.ID }, show: showProfiles}
}

func (a *api) flavorRoutes(s *openstack.Service) {
	flavors, profiles := a.flavors(), a.profiles()
	routes(a, s, flavors)
	s.Handle("POST "+flavors.path, creates(a, flavors, a.createFlavor))
	s.Handle("PUT "+flavors.path+"/{id}", updates(a, flavors, a.updateFlavor))
	s.Handle("POST "+flavors.path+"/{id}/service_profiles", a.addProfile)
	s.Handle("DELETE "+flavors.path+"/{id}/service_profiles/{profile}", a.removeProfile)
	s.Handle("GET "+flavors.path+"/{id}/next_providers", a.nextProviders)
	routes(a, s, profiles)
	s.Handle("POST "+profiles.path, creates(a, profiles, a.createProfile))
	s.Handle("PUT "+profiles.path+"/{id}", updates(a, profiles, a.updateProfile))
	s.Handle("GET /v2.0/service-providers", a.listProviders)
}

func showFlavors(_ context.Context, flavors []*cloud.RouterFlavor) ([]object, error) {
	shown := make([]object, len(flavors))
	for i, f := range flavors {
		shown[i] = object{"id": f.ID, "name": f.Name, "description": f.Description, "enabled": f.Enabled, "service_type": routerService, "service_profiles": tagsShown(f.Profiles)}
	}
	return shown, nil
}

func showProfiles(_ context.Context, profiles []*cloud.RouterProfile) ([]object, error) {
	shown := make([]object, len(profiles))
	for i, p := range profiles {
		shown[i] = object{"id": p.ID, "description": p.Description, "driver": p.Driver, "metainfo": p.Details, "enabled": p.Enabled}
	}
	return shown, nil
}

// flavorIn is a flavor in a request.
type flavorIn struct {
	Name        text                                        `json:"name"`
	Description text                                        `json:"description" max:"1024"`
	ServiceType text                                        `json:"service_type"`
	Enabled     boolean                                     `json:"enabled"`
	Profiles    openstack.Optional[[]cloud.RouterProfileID] `json:"service_profiles"`
}

func (in flavorIn) change() network.RouterFlavorChange {
	c := network.RouterFlavorChange{Name: textPtr(in.Name), Description: textPtr(in.Description), Enabled: boolPtr(in.Enabled)}
	if in.Profiles.Set {
		c.Profiles = &in.Profiles.Value
	}
	return c
}

func (a *api) createFlavor(ctx context.Context, in flavorIn) (*cloud.RouterFlavor, error) {
	if in.ServiceType.Value != routerService {
		return nil, cloud.Invalidf("request", "service_type", "Invalid input for service_type. Reason: there are flavors of '%s' only, not of '%s'.", routerService, in.ServiceType.Value)
	}
	return a.net.CreateRouterFlavor(ctx, in.change())
}

func (a *api) updateFlavor(ctx context.Context, id cloud.RouterFlavorID, in flavorIn) (*cloud.RouterFlavor, error) {
	if in.ServiceType.Set {
		return nil, readOnly("service_type")
	}
	return a.net.UpdateRouterFlavor(ctx, id, in.change())
}

// profileIn is a service profile in a request.
type profileIn struct {
	Description text                          `json:"description" max:"1024"`
	Driver      text                          `json:"driver"`
	Details     openstack.Optional[looseText] `json:"metainfo"`
	Enabled     boolean                       `json:"enabled"`
}

func (in profileIn) change() network.RouterProfileChange {
	c := network.RouterProfileChange{Description: textPtr(in.Description), Driver: textPtr(in.Driver), Enabled: boolPtr(in.Enabled)}
	if in.Details.Set {
		details := string(in.Details.Value)
		c.Details = &details
	}
	return c
}

func (a *api) createProfile(ctx context.Context, in profileIn) (*cloud.RouterProfile, error) {
	return a.net.CreateRouterProfile(ctx, in.change())
}

func (a *api) updateProfile(ctx context.Context, id cloud.RouterProfileID, in profileIn) (*cloud.RouterProfile, error) {
	return a.net.UpdateRouterProfile(ctx, id, in.change())
}

func (a *api) addProfile(w http.ResponseWriter, r *http.Request) error {
	in, err := decodeOne[struct {
		ID cloud.RouterProfileID `json:"id"`
	}](r, "service_profile")
	if err != nil {
		return err
	}
	f, err := a.net.AddRouterProfile(r.Context(), cloud.RouterFlavorID(r.PathValue("id")), in.ID)
	if err != nil {
		return err
	}
	shown, err := showFlavors(r.Context(), []*cloud.RouterFlavor{f})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusCreated, object{"service_profile": shown[0]})
}

func (a *api) removeProfile(w http.ResponseWriter, r *http.Request) error {
	_, err := a.net.RemoveRouterProfile(r.Context(), cloud.RouterFlavorID(r.PathValue("id")), cloud.RouterProfileID(r.PathValue("profile")))
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) nextProviders(w http.ResponseWriter, r *http.Request) error {
	drivers, err := a.net.RouterFlavorDrivers(r.Context(), cloud.RouterFlavorID(r.PathValue("id")))
	if err != nil {
		return err
	}
	shown := make([]object, len(drivers))
	for i, d := range drivers {
		shown[i] = object{"driver": d, "provider": d}
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"next_providers": pick(shown, r)})
}

// listProviders shows the one that makes routers.
func (a *api) listProviders(w http.ResponseWriter, r *http.Request) error {
	shown := []object{}
	provider := object{"service_type": routerService, "name": network.RouterDriver, "default": true}
	if fitsAll(provider, r.URL.Query(), "service_type", "name", "default") {
		shown = append(shown, provider)
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"service_providers": pick(shown, r)})
}
