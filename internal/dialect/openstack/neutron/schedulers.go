package neutron

import (
	"context"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

func (a *api) schedulerRoutes(s *openstack.Service) {
	const networks, routers = "/v2.0/agents/{agent}/dhcp-networks", "/v2.0/agents/{agent}/l3-routers"
	s.Handle("GET /v2.0/networks/{id}/dhcp-agents", a.agentsOfNetwork)
	s.Handle("GET "+networks, a.networksOfAgent)
	s.Handle("POST "+networks, scheduled(a, dhcpAgent, "network_id", func(ctx context.Context, h *cloud.Host, id string) error {
		return a.net.ServeOn(ctx, h.ID, cloud.NetworkID(id), true)
	}))
	s.Handle("DELETE "+networks+"/{id}", a.unscheduled(dhcpAgent, func(ctx context.Context, h *cloud.Host, id string) error {
		return a.net.ServeOn(ctx, h.ID, cloud.NetworkID(id), false)
	}))
	s.Handle("GET /v2.0/routers/{id}/l3-agents", a.agentsOfRouter)
	s.Handle("GET "+routers, a.routersOfAgent)
	s.Handle("POST "+routers, scheduled(a, routerAgent, "router_id", func(ctx context.Context, h *cloud.Host, id string) error {
		return a.net.MoveRouter(ctx, cloud.RouterID(id), "", h.ID)
	}))
	s.Handle("DELETE "+routers+"/{id}", a.unscheduled(routerAgent, func(ctx context.Context, h *cloud.Host, id string) error {
		return a.net.MoveRouter(ctx, cloud.RouterID(id), h.ID, "")
	}))
}

// hostOf is the host of the agent that the path names, which must be of the kind.
func (a *api) hostOf(r *http.Request, k agentKind) (*cloud.Host, error) {
	hosts, err := a.net.AgentHosts(r.Context())
	if err != nil {
		return nil, err
	}
	for _, h := range hosts {
		if agentID(h.ID, k.binary) == r.PathValue("agent") {
			return h, nil
		}
	}
	return nil, cloud.NotFoundf("agent", r.PathValue("agent"))
}

func (a *api) agentsOfNetwork(w http.ResponseWriter, r *http.Request) error {
	hosts, err := a.net.HostsServing(r.Context(), cloud.NetworkID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return writeAgents(w, r, hosts, dhcpAgent)
}

func (a *api) agentsOfRouter(w http.ResponseWriter, r *http.Request) error {
	host, err := a.net.HostOfRouter(r.Context(), cloud.RouterID(r.PathValue("id")))
	if err != nil {
		return err
	}
	var hosts []*cloud.Host
	if host != nil {
		hosts = append(hosts, host)
	}
	return writeAgents(w, r, hosts, routerAgent)
}

func writeAgents(w http.ResponseWriter, r *http.Request, hosts []*cloud.Host, k agentKind) error {
	shown := make([]object, len(hosts))
	for i, h := range hosts {
		shown[i] = showAgent(h, k)
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"agents": pick(shown, r)})
}

func (a *api) networksOfAgent(w http.ResponseWriter, r *http.Request) error {
	return heldBy(a, w, r, dhcpAgent, a.networks(), a.net.NetworksServedOn)
}

func (a *api) routersOfAgent(w http.ResponseWriter, r *http.Request) error {
	return heldBy(a, w, r, routerAgent, a.routers(), a.net.RoutersOn)
}

// heldBy answers what an agent does its work for.
func heldBy[T any, ID ~string](a *api, w http.ResponseWriter, r *http.Request, k agentKind, res resource[T, ID], list func(context.Context, cloud.HostID) ([]*T, error)) error {
	h, err := a.hostOf(r, k)
	if err != nil {
		return err
	}
	rows, err := list(r.Context(), h.ID)
	if err != nil {
		return err
	}
	return answer(w, r, http.StatusOK, res, rows, true)
}

// scheduled answers POST of what an agent shall do its work for.
func scheduled(a *api, k agentKind, field string, change func(context.Context, *cloud.Host, string) error) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var in map[string]string
		if err := openstack.Decode(r, &in); err != nil {
			return err
		}
		h, err := a.hostOf(r, k)
		if err != nil {
			return err
		}
		if err := change(r.Context(), h, in[field]); err != nil {
			return err
		}
		return openstack.WriteJSON(w, http.StatusCreated, nil)
	}
}

// unscheduled answers DELETE of the same.
func (a *api) unscheduled(k agentKind, change func(context.Context, *cloud.Host, string) error) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h, err := a.hostOf(r, k)
		if err != nil {
			return err
		}
		if err := change(r.Context(), h, r.PathValue("id")); err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusNoContent)
	}
}
