package compute

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// View is an instance with what is shown beside it.
type View struct {
	*cloud.Instance
	Ports []cloud.PortView
	Host  *cloud.Host // nil: not placed
}

// Instance answers one instance.
func (s *Service) Instance(ctx context.Context, id cloud.InstanceID) (*View, error) {
	in, err := s.permitted(ctx, id, "instance.get")
	if err != nil {
		return nil, err
	}
	views, err := s.views(ctx, []*cloud.Instance{in})
	if err != nil {
		return nil, err
	}
	return views[0], nil
}

// ListQuery selects instances. Project empty means the caller's; AllProjects needs the right to see all.
type ListQuery struct {
	cloud.Query
	Which       Which
	AllProjects bool
	Project     cloud.ProjectID
	Keep        func(*cloud.Instance) bool
	Host        string // the name of the host they are on; empty: any
	// Address, if set, keeps instances with a fixed address that it likes.
	Address func(netip.Addr) bool
}

// ListInstances answers instances without what is beside them.
func (s *Service) ListInstances(ctx context.Context, q ListQuery) ([]*cloud.Instance, error) {
	if err := mayList(ctx, q.Which); err != nil {
		return nil, err
	}
	all, own := policy.Visible(ctx, "instance.get")
	switch {
	case q.AllProjects && !all:
		return nil, &cloud.Error{Kind: cloud.Forbidden, Resource: resource, Message: "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed."}
	case q.AllProjects && q.Project != "":
		q.Where = append(slices.Clip(q.Where), cloud.Eq("project_id", q.Project))
	case !q.AllProjects:
		q.Where = append(slices.Clip(q.Where), cloud.Eq("project_id", own))
	}
	if q.Host != "" {
		on, err := s.onHost(ctx, q.Host)
		if err != nil {
			return nil, err
		}
		q.Where = append(slices.Clip(q.Where), on)
	}
	keep := []func(*cloud.Instance) bool{}
	if q.Keep != nil {
		keep = append(keep, q.Keep)
	}
	if q.Address != nil {
		found, err := s.withAddress(ctx, q)
		if err != nil {
			return nil, err
		}
		keep = append(keep, func(in *cloud.Instance) bool { return found[in.ID] })
	}
	return s.rows(q.Which).List(ctx, q.Query, keep...)
}

// onHost is the condition of being on a host with this name. On one that is not there nothing is.
func (s *Service) onHost(ctx context.Context, name string) (cloud.Cond, error) {
	h, err := s.HostRows.One(ctx, cloud.Eq("name", name))
	if gone(err) {
		return cloud.In("id", []cloud.InstanceID{}), nil
	}
	if err != nil {
		return cloud.Cond{}, err
	}
	return cloud.Eq("host_id", h.ID), nil
}

// withAddress finds which of the instances on all pages have a fixed address that q likes.
func (s *Service) withAddress(ctx context.Context, q ListQuery) (map[cloud.InstanceID]bool, error) {
	list, err := s.Instances.List(ctx, cloud.Query{Where: q.Where})
	if err != nil {
		return nil, err
	}
	ids := make([]cloud.InstanceID, len(list))
	for i, in := range list {
		ids[i] = in.ID
	}
	ports, err := s.Network.InstancePorts(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := map[cloud.InstanceID]bool{}
	for id, views := range ports {
		found[id] = slices.ContainsFunc(views, func(v cloud.PortView) bool {
			return slices.ContainsFunc(v.Port.Addresses, func(a cloud.PortAddress) bool { return q.Address(a.Address) })
		})
	}
	return found, nil
}

// ListViews answers instances with everything, in a fixed number of queries.
func (s *Service) ListViews(ctx context.Context, q ListQuery) ([]*View, error) {
	var views []*View
	err := s.Tx.View(ctx, func(ctx context.Context) error {
		list, err := s.ListInstances(ctx, q)
		if err != nil {
			return err
		}
		views, err = s.views(ctx, list)
		return err
	})
	return views, err
}

func (s *Service) views(ctx context.Context, list []*cloud.Instance) ([]*View, error) {
	if len(list) == 0 {
		return nil, nil
	}
	ids := make([]cloud.InstanceID, len(list))
	for i, in := range list {
		ids[i] = in.ID
	}
	ports, err := s.Network.InstancePorts(ctx, ids)
	if err != nil {
		return nil, err
	}
	hosts, err := s.hostsByID(ctx, list)
	if err != nil {
		return nil, err
	}
	views := make([]*View, len(list))
	for i, in := range list {
		views[i] = &View{Instance: in, Ports: ports[in.ID], Host: hosts[in.HostID]}
	}
	return views, nil
}

func (s *Service) hostsByID(ctx context.Context, list []*cloud.Instance) (map[cloud.HostID]*cloud.Host, error) {
	seen := map[cloud.HostID]bool{}
	var ids []cloud.HostID
	for _, in := range list {
		if in.HostID != "" && !seen[in.HostID] {
			seen[in.HostID] = true
			ids = append(ids, in.HostID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := s.HostRows.List(ctx, cloud.Where(cloud.In("id", ids)))
	if err != nil {
		return nil, err
	}
	hosts := make(map[cloud.HostID]*cloud.Host, len(rows))
	for _, h := range rows {
		hosts[h.ID] = h
	}
	return hosts, nil
}

// UpdateInstance changes what needs no host: name, description, hostname, properties, tags.
func (s *Service) UpdateInstance(ctx context.Context, id cloud.InstanceID, change func(in *cloud.Instance) error) (*View, error) {
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.permitted(ctx, id, "instance.update")
		if err != nil {
			return err
		}
		was := in.Hostname
		if err := change(in); err != nil {
			return err
		}
		if in.Hostname != was {
			if err := checkHostname(in.Hostname); err != nil {
				return err
			}
		}
		if in.Name == "" || len(in.Name) > nameMax {
			return cloud.Invalidf(resource, "name", "Invalid input for field/attribute name. It must have 1 to %d characters.", nameMax)
		}
		if err := checkProperties(in.Properties); err != nil {
			return err
		}
		if err := s.checkPropertyQuota(ctx, in.ProjectID, in.Properties); err != nil {
			return err
		}
		return s.Instances.Update(ctx, in)
	})
	if err != nil {
		return nil, err
	}
	s.tell(ctx, id)
	return s.Instance(ctx, id)
}

// ResetInstance sets an instance's phase by an administrator's word: ready or failed.
func (s *Service) ResetInstance(ctx context.Context, id cloud.InstanceID, phase cloud.Phase) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.permitted(ctx, id, "instance.reset")
		if err != nil {
			return err
		}
		if in.OperationID != "" {
			if err := s.Engine.Cancel(ctx, in.OperationID); err != nil {
				return err
			}
		}
		in.Phase, in.OperationID, in.Task = phase, "", ""
		return s.Instances.Update(ctx, in)
	})
}

// MayTell authorizes a service that has news about instances.
func (s *Service) MayTell(ctx context.Context) error {
	return policy.Authorize(ctx, "instance.event", policy.Target{Resource: resource})
}

// Existing tells which of some instances there are, to a service that has news about them.
func (s *Service) Existing(ctx context.Context, ids []cloud.InstanceID) (map[cloud.InstanceID]bool, error) {
	if err := s.MayTell(ctx); err != nil {
		return nil, err
	}
	list, err := s.Instances.List(ctx, cloud.Where(cloud.In("id", ids)))
	there := make(map[cloud.InstanceID]bool, len(list))
	for _, in := range list {
		there[in.ID] = true
	}
	return there, err
}

// ConsoleLog answers the end of the guest's serial log, at most tailBytes (0: all that is kept).
func (s *Service) ConsoleLog(ctx context.Context, id cloud.InstanceID, tailBytes int64) ([]byte, error) {
	in, agent, err := s.reach(ctx, id, "instance.console_log")
	if err != nil {
		return nil, err
	}
	b, err := agent.ConsoleLog(ctx, guestID(in.ID), tailBytes)
	if errors.Is(err, spec.ErrMissing) {
		return nil, notReady(id) // its host has not heard of it yet
	}
	if err != nil {
		return nil, hostError(err, resource, string(id))
	}
	return b, nil
}

// Stats answers a running guest's counters.
func (s *Service) Stats(ctx context.Context, id cloud.InstanceID) (*View, spec.GuestStats, error) {
	in, agent, err := s.reach(ctx, id, "instance.diagnostics")
	if err != nil {
		return nil, spec.GuestStats{}, err
	}
	if in.Observed.Power != cloud.PowerOn {
		return nil, spec.GuestStats{}, cloud.Errorf(cloud.WrongState, resource, id, "Cannot 'get_diagnostics' instance %s while it is not running", id)
	}
	stats, err := agent.GuestStats(ctx, guestID(in.ID))
	if err != nil {
		return nil, stats, hostError(err, resource, string(id))
	}
	v, err := s.Instance(ctx, id)
	return v, stats, err
}

func notReady(id cloud.InstanceID) error {
	return cloud.Errorf(cloud.WrongState, resource, id, "Instance %s is not ready", id)
}

// reach answers an instance and the agent of its host.
func (s *Service) reach(ctx context.Context, id cloud.InstanceID, a policy.Action) (*cloud.Instance, agentapi.Agent, error) {
	in, err := s.permitted(ctx, id, a)
	if err != nil {
		return nil, nil, err
	}
	if in.HostID == "" {
		return nil, nil, notReady(id)
	}
	agent, err := s.Hosts.Agent(ctx, in.HostID)
	return in, agent, err
}

// ListActions answers the Operations on an instance, and those on what it has that concern it, newest first, also after it is gone.
func (s *Service) ListActions(ctx context.Context, id cloud.InstanceID, q cloud.Query) ([]*cloud.Operation, error) {
	if _, err := s.permitted(ctx, id, "instance.get"); err != nil && !s.mayReadGone(ctx, id, err) {
		return nil, err
	}
	q.Where = append(slices.Clip(q.Where), cloud.Eq("history", subject(id)))
	q.Order = []cloud.Order{{Column: "created_at", Desc: true}}
	if q.After != "" {
		last, err := s.actionOf(ctx, id, q.After)
		if err != nil {
			return nil, err
		}
		q.After = string(last.ID)
	}
	return s.Operations.List(ctx, q)
}

// actionOf is what a request had done to an instance; the last of it, if there was more.
func (s *Service) actionOf(ctx context.Context, id cloud.InstanceID, request string) (*cloud.Operation, error) {
	found, err := s.Operations.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("history", subject(id)), cloud.Eq("request_id", request)},
		Order: []cloud.Order{{Column: "created_at"}}, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, cloud.Invalidf("action", "marker", "Request %s did nothing to instance %s.", request, id)
	}
	return found[0], nil
}

// mayReadGone tells whether the caller may read the history of an instance that has been deleted.
func (s *Service) mayReadGone(ctx context.Context, id cloud.InstanceID, err error) bool {
	if !gone(err) {
		return false
	}
	ops, err := s.Operations.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("history", subject(id))}, Limit: 1})
	if err != nil || len(ops) == 0 {
		return false
	}
	return policy.May(ctx, "instance.get", policy.Target{Resource: resource, ID: string(id), ProjectID: ops[0].ProjectID})
}

// AddSecurityGroup puts a group on all ports of an instance.
func (s *Service) AddSecurityGroup(ctx context.Context, id cloud.InstanceID, group string) error {
	in, err := s.permitted(ctx, id, "instance.update")
	if err != nil {
		return err
	}
	return s.Network.AddSecurityGroup(ctx, in, group)
}

// RemoveSecurityGroup takes a group off all ports of an instance.
func (s *Service) RemoveSecurityGroup(ctx context.Context, id cloud.InstanceID, group string) error {
	in, err := s.permitted(ctx, id, "instance.update")
	if err != nil {
		return err
	}
	return s.Network.RemoveSecurityGroup(ctx, in, group)
}

// PostPassword keeps what a guest posted for its owner to decrypt; empty removes it.
func (s *Service) PostPassword(ctx context.Context, id cloud.InstanceID, password string) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		in, err := s.permitted(ctx, id, "instance.update")
		if err != nil {
			return err
		}
		in.PostedPassword = password
		return s.Instances.Update(ctx, in)
	})
}
