package network

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A router may have a flavor that is enabled and has a profile that is; what is in use stays.
func TestRouterFlavors(t *testing.T) {
	w := newWorld(t, "h1")
	mine, yes, no, driver, strange := as("mine"), true, false, RouterDriver, "magic"
	_, err := w.CreateRouterFlavor(mine, RouterFlavorChange{})
	wantKind(t, err, cloud.Forbidden)
	_, err = w.CreateRouterProfile(w.admin, RouterProfileChange{Driver: &strange})
	wantKind(t, err, cloud.NotFound)
	_, err = w.CreateRouterProfile(w.admin, RouterProfileChange{})
	wantKind(t, err, cloud.Invalid)
	p := get(w.CreateRouterProfile(w.admin, RouterProfileChange{Driver: &driver, Enabled: &no}))(t)
	f := get(w.CreateRouterFlavor(w.admin, RouterFlavorChange{}))(t)
	router := func(kind cloud.Kind) {
		t.Helper()
		_, err := w.CreateRouter(mine, RouterRequest{Flavor: f.ID})
		wantKind(t, err, kind)
	}
	router(cloud.NotFound) // no profile
	get(w.UpdateRouterProfile(w.admin, p.ID, RouterProfileChange{Description: &strange}))(t)
	get(w.AddRouterProfile(w.admin, f.ID, p.ID))(t)
	_, err = w.AddRouterProfile(w.admin, f.ID, p.ID)
	wantKind(t, err, cloud.AlreadyExists)
	router(cloud.Conflict) // a disabled one
	_, err = w.UpdateRouterProfile(w.admin, p.ID, RouterProfileChange{Enabled: &yes})
	wantKind(t, err, cloud.InUse)
	get(w.RemoveRouterProfile(w.admin, f.ID, p.ID))(t)
	get(w.UpdateRouterProfile(w.admin, p.ID, RouterProfileChange{Enabled: &yes}))(t)
	get(w.UpdateRouterFlavor(w.admin, f.ID, RouterFlavorChange{Profiles: &[]cloud.RouterProfileID{p.ID}, Enabled: &no}))(t)
	router(cloud.Conflict) // the flavor is disabled
	get(w.UpdateRouterFlavor(w.admin, f.ID, RouterFlavorChange{Enabled: &yes}))(t)
	r := get(w.CreateRouter(mine, RouterRequest{Flavor: f.ID}))(t)
	wantKind(t, w.DeleteRouterFlavor(w.admin, f.ID), cloud.InUse)
	wantKind(t, w.DeleteRouterProfile(w.admin, p.ID), cloud.InUse)
	w.must(w.DeleteRouter(mine, r.ID))
	w.must(w.DeleteRouterFlavor(w.admin, f.ID))
	w.must(w.DeleteRouterProfile(w.admin, p.ID))
}
