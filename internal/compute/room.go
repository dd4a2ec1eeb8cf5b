package compute

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/placement"
)

// room is what is known of the hosts' free capacity. It is a hint for choosing: the
// chosen host is counted again inside the transaction (Service.claim).
type room struct {
	service *Service
	mu      sync.Mutex
	hosts   map[cloud.HostID]*cloud.Host
	used    map[cloud.HostID]used
	read    time.Time
	list    []placement.Candidate // made from hosts and used; nil: make again
	index   map[cloud.HostID]int
}

type used struct{ vcpus, memoryMiB, diskGiB int64 }

// counted is the use of hosts that a transaction has counted and added to. Others learn of it when the transaction is
// over; until then its own next instance must see it, or all of a batch would aim at one host.
type counted map[cloud.HostID]used

// roomFresh is how long the list of hosts is believed.
const roomFresh = 2 * time.Second

// choose picks a host by what is known and what own says of some, reading hosts again when it is old. The list is not
// copied for that: at 10,000 hosts the copy would take far longer than the choice.
func (r *room) choose(ctx context.Context, req placement.Request, own counted) (cloud.HostID, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.freshen(ctx); err != nil {
		return "", false, err
	}
	r.show(own)
	defer r.show(r.known(own))
	i, ok := placement.Place(req, r.list)
	if !ok {
		return "", false, nil
	}
	return r.list[i].ID, true, nil
}

// show makes the list say of some hosts what use has.
func (r *room) show(use counted) {
	for id, u := range use {
		if i, ok := r.index[id]; ok {
			r.list[i] = candidate(r.hosts[id], u)
		}
	}
}

// known is what others may know of the hosts in own.
func (r *room) known(own counted) counted {
	known := make(counted, len(own))
	for id := range own {
		known[id] = r.used[id]
	}
	return known
}

// candidates answers a copy of what is known, for looking at all of it.
func (r *room) candidates(ctx context.Context) ([]placement.Candidate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.freshen(ctx)
	return append([]placement.Candidate(nil), r.list...), err
}

func (r *room) freshen(ctx context.Context) error {
	if time.Since(r.read) <= roomFresh && r.list != nil {
		return nil
	}
	return r.refresh(ctx)
}

func (r *room) refresh(ctx context.Context) error {
	hosts, err := r.service.HostRows.List(ctx, cloud.Query{})
	if err != nil {
		return err
	}
	if r.used == nil {
		r.used = map[cloud.HostID]used{}
	}
	r.hosts = make(map[cloud.HostID]*cloud.Host, len(hosts))
	r.index = make(map[cloud.HostID]int, len(hosts))
	r.list = make([]placement.Candidate, 0, len(hosts))
	for _, h := range hosts {
		if _, counted := r.used[h.ID]; !counted {
			u, err := r.service.count(ctx, h.ID)
			if err != nil {
				return err
			}
			r.used[h.ID] = u
		}
		r.index[h.ID] = len(r.list)
		r.hosts[h.ID] = h
		r.list = append(r.list, candidate(h, r.used[h.ID]))
	}
	r.read = time.Now()
	return nil
}

func candidate(h *cloud.Host, u used) placement.Candidate {
	return placement.Candidate{
		ID: h.ID, Zone: h.Zone, Ready: h.Enabled && h.Alive(), Up: h.Alive(), VCPUsMax: int(float64(h.VCPUs) * h.VCPURatio), Machines: h.Machines,
		VCPUs:     int(float64(h.VCPUs)*h.VCPURatio) - int(u.vcpus),
		MemoryMiB: int(float64(h.MemoryMiB-h.ReservedMiB)*h.MemoryRatio) - int(u.memoryMiB),
		DiskGiB:   int(float64(h.DiskGiB)*h.DiskRatio) - int(u.diskGiB),
		Promises:  h.Promises(), Pools: h.Pools,
	}
}

// learn corrects what is known of one host, after it was counted.
func (r *room) learn(id cloud.HostID, u used) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used == nil {
		return
	}
	r.used[id] = u
	if i, ok := r.index[id]; ok && i < len(r.list) {
		r.list[i] = candidate(r.hosts[id], u)
	}
}

// forgetHosts makes the next placement read the hosts again.
func (r *room) forgetHosts() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = time.Time{}
}

// count adds up what instances on a host use, what those that may come back left there, and what others claim of it.
func (s *Service) count(ctx context.Context, id cloud.HostID) (u used, err error) {
	away, err := s.Instances.Count(ctx, cloud.Eq("old_host_id", id))
	if err != nil {
		return u, err
	}
	if away > 0 {
		if u.vcpus, err = s.Instances.Sum(ctx, "old_vcpus", cloud.Eq("old_host_id", id)); err != nil {
			return u, err
		}
		if u.memoryMiB, err = s.Instances.Sum(ctx, "old_memory_mib", cloud.Eq("old_host_id", id)); err != nil {
			return u, err
		}
	}
	for _, c := range []struct {
		column string
		to     *int64
	}{{"vcpus", &u.vcpus}, {"memory_mib", &u.memoryMiB}, {"local_gib", &u.diskGiB}} {
		placed, err := s.Instances.Sum(ctx, c.column, cloud.Eq("host_id", id))
		if err != nil {
			return u, err
		}
		claimed, err := s.Claims.Sum(ctx, c.column, cloud.Eq("provider", id))
		if err != nil {
			return u, err
		}
		*c.to += placed + claimed
	}
	return u, nil
}

// place chooses a host for an instance inside the transaction that writes its row. What it answers
// has room, counted under the host's lock, so that no host is ever overcommitted. own is what the transaction has placed
// before; place adds to it.
func (s *Service) place(ctx context.Context, in *cloud.Instance, own counted) (cloud.HostID, error) {
	return s.placeWithin(ctx, in, own, func(*placement.Request) {})
}

// placeWithin is place with what narrows the choice further.
func (s *Service) placeWithin(ctx context.Context, in *cloud.Instance, own counted, narrow func(*placement.Request)) (cloud.HostID, error) {
	req, err := s.placementRequest(ctx, in)
	if err != nil {
		return "", err
	}
	narrow(&req)
	narrowed, full := req, map[cloud.HostID]placement.Candidate{}
	for {
		id, ok, err := s.room.choose(ctx, narrowed, own)
		if err != nil {
			return "", err
		}
		if !ok {
			return "", s.noRoom(ctx, in, req, full)
		}
		fits, now, err := s.claim(ctx, req, id, own)
		if err != nil {
			return "", err
		}
		if fits {
			return id, nil
		}
		full[id] = now
		narrowed.Not = union(narrowed.Not, map[cloud.HostID]bool{id: true})
	}
}

// noRoom says why no host will do. full are hosts that were believed to have room and, counted, had none.
func (s *Service) noRoom(ctx context.Context, in *cloud.Instance, req placement.Request, full map[cloud.HostID]placement.Candidate) error {
	candidates, err := s.room.candidates(ctx)
	if err != nil {
		return err
	}
	for i, c := range candidates {
		if now, ok := full[c.ID]; ok {
			candidates[i] = now
		}
	}
	sentence, details := placement.Explain(req, candidates)
	return &cloud.Error{Kind: cloud.NoCapacity, Resource: resource, ID: string(in.ID), Message: sentence, Cause: errors.New(details)}
}

// claim counts a host under its lock and tells whether the request fits. What it found goes into own.
func (s *Service) claim(ctx context.Context, req placement.Request, id cloud.HostID, own counted) (bool, placement.Candidate, error) {
	if err := s.Tx.Lock(ctx, "host/"+string(id)); err != nil {
		return false, placement.Candidate{}, err
	}
	h, err := s.HostRows.Get(ctx, id)
	if err != nil {
		return false, placement.Candidate{}, err
	}
	u, err := s.count(ctx, id)
	if err != nil {
		return false, placement.Candidate{}, err
	}
	c := candidate(h, u)
	if err := s.countPromises(ctx, id, req, &c); err != nil {
		return false, c, err
	}
	fits := placement.Reject(req, c) == 0
	if fits {
		u = used{u.vcpus + int64(req.VCPUs), u.memoryMiB + int64(req.MemoryMiB), u.diskGiB + int64(req.DiskGiB)}
	}
	own[id] = u
	s.Tx.After(ctx, func() { s.room.learn(id, u) })
	return fits, c, nil
}

// HostChanged makes placement see, after the transaction, what others claim of a host.
func (s *Service) HostChanged(ctx context.Context, id cloud.HostID) { s.freed(ctx, id) }

// freed makes placement see room that an instance left.
func (s *Service) freed(ctx context.Context, id cloud.HostID) {
	if id == "" {
		return
	}
	s.Tx.After(ctx, func() {
		// A context of its own: the transaction that ctx carries is over.
		if u, err := s.count(context.Background(), id); err == nil {
			s.room.learn(id, u)
		}
	})
}

func (s *Service) placementRequest(ctx context.Context, in *cloud.Instance) (placement.Request, error) {
	f := in.Flavor.FlavorSize
	req := placement.Request{VCPUs: f.VCPUs, MemoryMiB: f.MemoryMiB, DiskGiB: in.LocalGiB(), Zone: s.ZoneNames.Own(in.Zone), Seed: rand.Uint64(),
		Promises: addPromises(in.Promises)}
	if name := setting(in, "hw:machine_type", "hw_machine_type"); name != "" {
		req.Machine = string(machine(in))
	}
	if in.Hints.Host != "" && in.Phase == cloud.PhaseBuilding { // where it began, not where it has to stay
		req.Only = map[cloud.HostID]bool{in.Hints.Host: true}
	}
	if err := s.applyVolumes(ctx, in, &req); err != nil {
		return req, err
	}
	return req, s.applyHints(ctx, in, &req)
}

// applyVolumes narrows a request to the host whose pool the instance's volumes lie on, unless others reach it too.
func (s *Service) applyVolumes(ctx context.Context, in *cloud.Instance, req *placement.Request) error {
	for _, d := range in.Disks {
		if d.Local {
			continue
		}
		v, err := s.Volume.Volume(ctx, d.VolumeID)
		if err != nil {
			return err
		}
		h, err := s.HostRows.Get(ctx, v.HostID)
		if gone(err) || err == nil && h.SharedPool {
			continue
		}
		if err != nil {
			return err
		}
		req.Only = intersect(req.Only, map[cloud.HostID]bool{v.HostID: true})
	}
	return nil
}

func (s *Service) checkHints(ctx context.Context, h cloud.Hints) error {
	if h.Group != "" {
		if _, err := s.Groups.Get(ctx, h.Group); err != nil {
			return badReference(err, "group", fmt.Sprintf("Instance group %s could not be found.", h.Group))
		}
	}
	return nil
}

// applyHints narrows a request to, or away from, the hosts of other instances.
func (s *Service) applyHints(ctx context.Context, in *cloud.Instance, req *placement.Request) error {
	h := in.Hints
	if len(h.SameHost) > 0 {
		on, err := s.hostsOf(ctx, cloud.In("id", h.SameHost))
		if err != nil {
			return err
		}
		req.Only = intersect(req.Only, on)
	}
	if len(h.DifferentHost) > 0 {
		on, err := s.hostsOf(ctx, cloud.In("id", h.DifferentHost))
		if err != nil {
			return err
		}
		req.Not = on
	}
	if h.Group == "" {
		return nil
	}
	return s.applyGroup(ctx, in, req)
}

// applyGroup locks the group, so that two members placed at once see each other.
func (s *Service) applyGroup(ctx context.Context, in *cloud.Instance, req *placement.Request) error {
	g, err := s.Groups.Get(ctx, in.Hints.Group)
	if err != nil {
		return err
	}
	if err := s.Tx.Lock(ctx, "instance-group/"+string(g.ID)); err != nil {
		return err
	}
	members, err := s.Instances.List(ctx, cloud.Where(cloud.Eq("group", g.ID)))
	if err != nil {
		return err
	}
	perHost := map[cloud.HostID]int{}
	for _, m := range members {
		if m.ID != in.ID && m.HostID != "" {
			perHost[m.HostID]++
		}
	}
	all := map[cloud.HostID]bool{}
	full := map[cloud.HostID]bool{}
	for id, n := range perHost {
		all[id] = true
		full[id] = n >= max(g.PerHostMax, 1)
	}
	switch g.Policy {
	case "affinity":
		if len(all) > 0 {
			req.Only = intersect(req.Only, all)
		}
	case "anti-affinity":
		req.Not = union(req.Not, full)
	case "soft-affinity":
		req.Prefer = all
	case "soft-anti-affinity":
		req.Avoid = all
	}
	return nil
}

func (s *Service) hostsOf(ctx context.Context, c cloud.Cond) (map[cloud.HostID]bool, error) {
	list, err := s.Instances.List(ctx, cloud.Where(c))
	if err != nil {
		return nil, err
	}
	on := map[cloud.HostID]bool{}
	for _, in := range list {
		if in.HostID != "" {
			on[in.HostID] = true
		}
	}
	return on, nil
}

func intersect(a, b map[cloud.HostID]bool) map[cloud.HostID]bool {
	if a == nil {
		return b
	}
	out := map[cloud.HostID]bool{}
	for id := range a {
		if b[id] {
			out[id] = true
		}
	}
	return out
}

func union(a, b map[cloud.HostID]bool) map[cloud.HostID]bool {
	out := map[cloud.HostID]bool{}
	for _, m := range []map[cloud.HostID]bool{a, b} {
		for id, in := range m {
			if in {
				out[id] = true
			}
		}
	}
	return out
}
