package nova

import (
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// unshelveBody says where a server comes back.
type unshelveBody struct {
	Zone openstack.Optional[string] `json:"availability_zone"`
	Host *string                    `json:"host"`
}

// check: a zone came with 2.77, a host and the null zone that is anywhere with 2.91.
func (b unshelveBody) check(r *http.Request) error {
	later := atLeast(r, 91)
	switch {
	case b.Host != nil && !later:
		return unexpected("host")
	case b.Host != nil && *b.Host == "":
		return cloud.Invalidf("request", "host", "Invalid input for field/attribute host. Value: . '' is too short")
	case !b.Zone.Set && !later:
		return cloud.Invalidf("request", "availability_zone", "Invalid input for field/attribute unshelve. 'availability_zone' is a required property")
	case b.Zone.Set && b.Zone.Value == "" && !(b.Zone.Null && later):
		return cloud.Invalidf("request", "availability_zone", "Invalid input for field/attribute availability_zone. It must be the name of a zone.")
	}
	return nil
}

// unshelve has no arguments before 2.77.
func unshelve(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	req := compute.UnshelveRequest{}
	if given(args) && atLeast(r, 77) {
		var body unshelveBody
		if err := openstack.DecodeBytesStrict(args, &body); err != nil {
			return err
		}
		if err := body.check(r); err != nil {
			return err
		}
		if body.Zone.Set {
			if err := a.knownZone(r, body.Zone.Value); err != nil {
				return err
			}
			req.Zone = &body.Zone.Value
		}
		req.Host = deref(body.Host)
	}
	return accept(w, a.Compute.UnshelveInstance(r.Context(), serverID(r), req))
}
