package neutron

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// decodeMany reads {"network": {…}} or {"networks": [{…}, …]}, in which each may be wrapped as if it were alone.
func decodeMany[In any](r *http.Request, one, many string) (wanted []In, bulk bool, err error) {
	outer, err := decodeOuter(r)
	if err != nil {
		return nil, false, err
	}
	if raw, ok := outer[one]; ok {
		wanted = make([]In, 1)
		return wanted, false, strict(raw, &wanted[0])
	}
	raw, ok := outer[many]
	if !ok {
		return nil, false, cloud.Invalidf("request", "body", "Unable to find '%s' in request body", one)
	}
	var raws []json.RawMessage
	if err := openstack.DecodeBytes(raw, &raws); err != nil {
		return nil, false, err
	}
	if len(raws) == 0 {
		return nil, false, cloud.Invalidf("request", "body", "Resources required")
	}
	wanted = make([]In, len(raws))
	for i, raw := range raws {
		if err := strict(unwrapped(raw, one), &wanted[i]); err != nil {
			return nil, false, err
		}
	}
	return wanted, true, nil
}

// unwrapped is what stands under a key, or all if the key is not there.
func unwrapped(raw json.RawMessage, key string) json.RawMessage {
	var outer map[string]json.RawMessage
	if json.Unmarshal(raw, &outer) == nil && outer[key] != nil {
		return outer[key]
	}
	return raw
}

// decodeOne reads {"network": {…}}.
func decodeOne[In any](r *http.Request, one string) (in In, err error) {
	outer, err := decodeOuter(r)
	if err != nil {
		return in, err
	}
	raw, ok := outer[one]
	if !ok {
		return in, cloud.Invalidf("request", "body", "Unable to find '%s' in request body", one)
	}
	return in, strict(raw, &in)
}

func decodeOuter(r *http.Request) (outer map[string]json.RawMessage, err error) {
	return outer, openstack.Decode(r, &outer)
}

// strict reads JSON into what v points to. Attributes that the resource does not have are refused, in the service's words.
func strict(raw []byte, v any) error {
	err := openstack.DecodeBytesStrict(raw, v)
	if e, ok := cloud.AsError(err); ok && strings.HasPrefix(e.Message, "Additional properties") {
		return cloud.Invalidf("request", "body", "Unrecognized attribute(s) '%s'", e.Field)
	}
	if err != nil {
		return err
	}
	return checkBody(v)
}

// The optional attributes of request bodies.
type (
	text    = openstack.Optional[string]
	boolean = openstack.Optional[looseBool]
	integer = openstack.Optional[looseInt]
)

// looseBool is a boolean, also written as text.
type looseBool bool

func (b *looseBool) UnmarshalJSON(raw []byte) error {
	v, err := openstack.ParseBool("attribute", strings.Trim(string(raw), `"`))
	*b = looseBool(v)
	return err
}

// looseInt is an integer, also written as text.
type looseInt int

func (n *looseInt) UnmarshalJSON(raw []byte) error {
	var v int
	if err := json.Unmarshal([]byte(strings.Trim(string(raw), `"`)), &v); err != nil {
		return cloud.Invalidf("request", "body", "%s is not an integer", raw)
	}
	*n = looseInt(v)
	return nil
}

// textPtr is nil for an attribute that was left out; null is the empty text.
func textPtr(o text) *string {
	if !o.Set {
		return nil
	}
	return &o.Value
}

// qosPtr is nil for a policy that was left out; null is none.
func qosPtr(o text) *cloud.QoSPolicyID {
	return (*cloud.QoSPolicyID)(textPtr(o))
}

// idPtr is textPtr for an id.
func idPtr[ID ~string](o text) *ID {
	if !o.Set {
		return nil
	}
	id := ID(o.Value)
	return &id
}

func boolPtr(o boolean) *bool {
	if !o.Set || o.Null {
		return nil
	}
	v := bool(o.Value)
	return &v
}

func intPtr(o integer) *int {
	if !o.Set || o.Null {
		return nil
	}
	v := int(o.Value)
	return &v
}

// owner are the two names that the project of a new resource goes by.
type owner struct {
	ProjectID text `json:"project_id"`
	TenantID  text `json:"tenant_id"`
}

func (o owner) project() cloud.ProjectID {
	if o.ProjectID.Value != "" {
		return cloud.ProjectID(o.ProjectID.Value)
	}
	return cloud.ProjectID(o.TenantID.Value)
}

// oneOwner refuses two names that do not say the same.
func (o owner) oneOwner() error {
	if o.ProjectID.Set && o.TenantID.Set && o.ProjectID.Value != o.TenantID.Value {
		return cloud.Invalidf("request", "body", "'project_id' and 'tenant_id' do not match")
	}
	return nil
}

// named tells whether the request says whose the resource is. It is so for life.
func (o owner) named() bool { return o.ProjectID.Set || o.TenantID.Set }

func parseAddr(field, s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return a, cloud.Invalidf("request", field, "Invalid input for %s. Reason: '%s' is not a valid IP address.", field, s)
	}
	return a.Unmap(), nil
}

// parsePrefix reads a CIDR; a bare address is the prefix of itself alone.
func parsePrefix(field, s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := parseAddr(field, s)
		return netip.PrefixFrom(a, a.BitLen()), err
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, cloud.Invalidf("request", field, "Invalid input for %s. Reason: '%s' is not a valid IP subnet.", field, s)
	}
	return p, nil
}

// route is one static route on the wire.
type route struct {
	Destination string `json:"destination"`
	NextHop     string `json:"nexthop"`
}

func parseRoutes(field string, in []route) ([]cloud.Route, error) {
	routes := make([]cloud.Route, len(in))
	for i, r := range in {
		destination, err := parsePrefix(field, r.Destination)
		if err != nil {
			return nil, err
		}
		hop, err := parseAddr(field, r.NextHop)
		if err != nil {
			return nil, err
		}
		routes[i] = cloud.Route{Destination: destination.Masked(), NextHop: hop}
	}
	return routes, nil
}

func showRoutes(routes []cloud.Route) []route {
	shown := make([]route, len(routes))
	for i, r := range routes {
		shown[i] = route{r.Destination.String(), r.NextHop.String()}
	}
	return shown
}

// showAddr shows an address that may be none.
func showAddr(a netip.Addr) any {
	if !a.IsValid() {
		return nil
	}
	return a.String()
}

// showPrefix shows a prefix that may be none.
func showPrefix(p netip.Prefix) any {
	if !p.IsValid() {
		return nil
	}
	return p.String()
}

// readOnly refuses a change of an attribute that is for life.
func readOnly(attributes string) error {
	return cloud.Invalidf("request", "body", "Cannot update read-only attribute %s", attributes)
}

// notSpecified refuses a request without an attribute that it needs.
func notSpecified(attribute string) error {
	return cloud.Invalidf("request", "body", "Failed to parse request. Required attribute '%s' not specified", attribute)
}
