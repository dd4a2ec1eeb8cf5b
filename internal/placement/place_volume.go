package placement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// PlaceVolume answers the index of a host with a pool that will do, and false if none has one. Among equals seed decides, so
// that load spreads.
func PlaceVolume(r cloud.VolumePlacement, candidates []Candidate, not map[cloud.HostID]bool, seed uint64) (int, bool) {
	best, tie := -1, uint64(0)
	for i := range candidates {
		c := &candidates[i]
		if not[c.ID] || rejectVolume(&r, c) != "" {
			continue
		}
		if lot := mix(seed, uint64(i)); best < 0 || lot > tie {
			best, tie = i, lot
		}
	}
	return best, best >= 0
}

// rejectVolume says why no pool of a host will do; nothing if one does.
func rejectVolume(r *cloud.VolumePlacement, c *Candidate) string {
	switch {
	case r.HostID != "" && r.HostID != c.ID, r.Near.HostID != "" && r.Near.HostID != c.ID && !anyShared(c.Pools):
		return "ruled out by the request or its source"
	case !c.Up:
		return "not up"
	case r.Zone != "" && r.Zone != c.Zone:
		return "in another availability zone"
	}
	why := "without a storage pool"
	for i := range c.Pools {
		if why = RejectPool(r, &c.Pools[i]); why == "" {
			return ""
		}
	}
	return why
}

func anyShared(pools []cloud.Pool) bool {
	return slices.ContainsFunc(pools, func(p cloud.Pool) bool { return p.Shared })
}

// RejectPool says why a pool will not do; nothing if it does.
func RejectPool(r *cloud.VolumePlacement, p *cloud.Pool) string {
	switch {
	case p.LocalOnly || r.Pool != "" && p.Name != r.Pool:
		return "without the storage pool that was asked for"
	case p.Disabled:
		return "whose storage pools are disabled"
	case p.TotalGiB < r.SizeGiB:
		return "with too small a storage pool"
	case len(r.Specs) > 0 && len(Lacks(r.Specs, Capabilities(p))) > 0: // what nobody asks for is not put together for every pool
		return "without a storage pool that has what the volume's type asks for"
	}
	return ""
}

// ExplainVolume says in a sentence, without naming hosts, why none will do; details name up to eight, for operators.
func ExplainVolume(r cloud.VolumePlacement, candidates []Candidate) (sentence, details string) {
	counts, order := map[string]int{}, []string(nil)
	var named []string
	for i := range candidates {
		why := rejectVolume(&r, &candidates[i])
		if why == "" {
			continue
		}
		if counts[why]++; counts[why] == 1 {
			order = append(order, why)
		}
		if len(named) < 8 {
			named = append(named, fmt.Sprintf("%s: %s", candidates[i].ID, why))
		}
	}
	parts := make([]string, len(order))
	for i, why := range order {
		parts[i] = fmt.Sprintf("%d %s", counts[why], why)
	}
	return fmt.Sprintf("No valid back end was found. Of %d hosts: %s.", len(candidates), strings.Join(parts, "; ")), strings.Join(named, "; ")
}
