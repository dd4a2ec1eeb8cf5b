package neutron

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) listZones(w http.ResponseWriter, r *http.Request) error {
	zones, err := a.net.Zones(r.Context())
	if err != nil {
		return err
	}
	shown := []object{}
	for _, z := range zones {
		for _, resource := range []string{"network", "router"} {
			shown = append(shown, object{"name": z, "resource": resource, "state": "available"})
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"availability_zones": pick(shown, r)})
}

// agentKind is what clients expect to run on a host. Here one agent does all of it.
type agentKind struct {
	duty                cloud.Duty
	kind, binary, topic string
}

var (
	dhcpAgent   = agentKind{cloud.DutyDHCP, "DHCP agent", "neutron-dhcp-agent", "dhcp_agent"}
	routerAgent = agentKind{cloud.DutyRouters, "L3 agent", "neutron-l3-agent", "l3_agent"}
	agentKinds  = []agentKind{dhcpAgent, routerAgent, {cloud.DutyMetadata, "Metadata agent", "neutron-metadata-agent", "N/A"}}
)

func (a *api) agents(r *http.Request) ([]object, error) {
	hosts, err := a.net.AgentHosts(r.Context())
	if err != nil {
		return nil, err
	}
	shown := []object{}
	for _, h := range hosts {
		for _, k := range agentKinds {
			if !h.Forgotten(k.duty) {
				shown = append(shown, showAgent(h, k))
			}
		}
	}
	return shown, nil
}

func showAgent(h *cloud.Host, k agentKind) object {
	const layout = "2006-01-02 15:04:05"
	return object{"id": agentID(h.ID, k.binary), "agent_type": k.kind, "binary": k.binary, "topic": k.topic, "host": h.Name, "alive": h.Alive(),
		"admin_state_up": !h.Duties[k.duty].Off, "availability_zone": h.Zone, "configurations": object{}, "description": orNull(h.Duties[k.duty].Description), "resources_synced": nil,
		"created_at": h.CreatedAt.UTC().Format(layout), "started_at": h.CreatedAt.UTC().Format(layout), "heartbeat_timestamp": h.SeenAt.UTC().Format(layout)}
}

// agentID is always the same for a host and a kind.
func agentID(h cloud.HostID, binary string) string {
	return cloud.DerivedID(string(h), binary)
}

// agentFilters are the attributes that agents may be chosen by.
var agentFilters = []string{"id", "agent_type", "binary", "topic", "host", "availability_zone", "alive", "admin_state_up"}

func (a *api) listAgents(w http.ResponseWriter, r *http.Request) error {
	all, err := a.agents(r)
	if cloud.Is(err, cloud.Forbidden) { // a list shows what the caller may see: nothing
		err = nil
	}
	if err != nil {
		return err
	}
	q := r.URL.Query()
	shown := []object{}
	for _, o := range all {
		if fitsAll(o, q, agentFilters...) {
			shown = append(shown, o)
		}
	}
	return a.writeParts(w, r, "agents", shown)
}

// fitsAll tells whether what is shown has the values that a query asks of some attributes.
func fitsAll(o object, q url.Values, attributes ...string) bool {
	for _, name := range attributes {
		is := func(wanted string) bool { return strings.EqualFold(wanted, fmt.Sprint(o[name])) } // booleans come in either case
		if q.Has(name) && !slices.ContainsFunc(q[name], is) {
			return false
		}
	}
	return true
}

func (a *api) showAgent(w http.ResponseWriter, r *http.Request) error {
	h, k, err := a.agentOf(r)
	if cloud.Is(err, cloud.Forbidden) { // what the caller may not see does not exist for it
		return cloud.NotFoundf("agent", r.PathValue("agent"))
	}
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"agent": showAgent(h, k)})
}

// agentIn is what may be said of an agent.
type agentIn struct {
	AdminUp     boolean `json:"admin_state_up"`
	Description text    `json:"description"`
}

func (a *api) updateAgent(w http.ResponseWriter, r *http.Request) error {
	in, err := decodeOne[agentIn](r, "agent")
	if err != nil {
		return err
	}
	h, k, err := a.agentOf(r)
	if err != nil {
		return err
	}
	h, err = a.net.ChangeDuty(r.Context(), h.ID, k.duty, network.DutyChange{On: boolPtr(in.AdminUp), Description: textPtr(in.Description)})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"agent": showAgent(h, k)})
}

func (a *api) deleteAgent(w http.ResponseWriter, r *http.Request) error {
	h, k, err := a.agentOf(r)
	if err != nil {
		return err
	}
	if err := a.net.ForgetDuty(r.Context(), h.ID, k.duty); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

// agentOf is the host and the kind of the agent that the path names.
func (a *api) agentOf(r *http.Request) (*cloud.Host, agentKind, error) {
	hosts, err := a.net.AgentHosts(r.Context())
	if err != nil {
		return nil, agentKind{}, err
	}
	for _, h := range hosts {
		for _, k := range agentKinds {
			if agentID(h.ID, k.binary) == r.PathValue("agent") && !h.Forgotten(k.duty) {
				return h, k, nil
			}
		}
	}
	return nil, agentKind{}, cloud.NotFoundf("agent", r.PathValue("agent"))
}
