// Package placement picks a host: a pure function from what is asked and what
// the hosts have left to a host and the reasons against the others.
//
// It reads no store and keeps no state. The caller gives it room as far as it is known, and
// counts again for the chosen host inside the transaction; what is known may
// therefore be a little old without anything being overcommitted.
package placement

import (
	"fmt"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Request is what a guest needs of a host.
type Request struct {
	VCPUs     int
	MemoryMiB int
	DiskGiB   int
	Zone      string // empty: any
	// Only, if not nil, are the hosts that may be chosen; Not are those that may not.
	Only map[cloud.HostID]bool
	Not  map[cloud.HostID]bool
	// Prefer and Avoid shift the choice without deciding it (soft affinity).
	Prefer, Avoid map[cloud.HostID]bool
	Machine       string // wanted board; empty: any
	// Promises are what the host must keep for the guest's traffic; nil: nothing.
	Promises map[cloud.Traffic]int
	// Seed breaks ties between hosts that are equally good.
	Seed uint64
}

// Candidate is a host with the room it has, overcommit included.
type Candidate struct {
	ID        cloud.HostID
	Zone      string
	Ready     bool // enabled and up
	Up        bool
	VCPUs     int // free
	MemoryMiB int
	DiskGiB   int
	VCPUsMax  int      // of one guest: more than the host has never fit
	Machines  []string // empty: not told yet, so any
	// Promises are what the host can promise at most, or, once it was counted, has left.
	Promises map[cloud.Traffic]int
	Pools    []cloud.Pool
}

// Reason says why hosts were not chosen. It is a bit each, so that 10,000
// rejections cost nothing to remember.
type Reason uint16

// The reasons.
const (
	NotReady Reason = 1 << iota
	WrongZone
	Excluded
	NoVCPUs
	NoMemory
	NoDisk
	NoMachine
	NoTraffic
)

var words = []struct {
	r    Reason
	text string
}{
	{NotReady, "not up or disabled"}, {WrongZone, "in another availability zone"}, {Excluded, "ruled out by the request or its group"},
	{NoVCPUs, "too few vCPUs"}, {NoMemory, "too little memory"}, {NoDisk, "too little disk"}, {NoMachine, "cannot run that machine type"},
	{NoTraffic, "too little bandwidth or packet rate to promise"},
}

func (r Reason) String() string {
	var parts []string
	for _, w := range words {
		if r&w.r != 0 {
			parts = append(parts, w.text)
		}
	}
	return strings.Join(parts, ", ")
}

// Place answers the index of the best candidate, and false if none will do. The best host is
// the one with the most memory left after placement, so that load spreads; ties are broken by Seed.
func Place(r Request, candidates []Candidate) (int, bool) {
	if r.Prefer != nil || r.Avoid != nil {
		return placeInclined(&r, candidates)
	}
	best, tie, memory := -1, uint64(0), r.MemoryMiB
	for i := range candidates {
		// Memory first: once a good host was found it rules out nearly all others without a look at the rest.
		c := &candidates[i]
		if c.MemoryMiB < memory || !fits(&r, c) {
			continue
		}
		lot := mix(r.Seed, uint64(i))
		if best < 0 || c.MemoryMiB > memory || lot > tie {
			best, tie, memory = i, lot, c.MemoryMiB
		}
	}
	return best, best >= 0
}

// placeInclined is Place where some hosts are better liked than their memory says.
func placeInclined(r *Request, candidates []Candidate) (int, bool) {
	best, bestScore := -1, int64(-1)
	for i := range candidates {
		c := &candidates[i]
		if !fits(r, c) {
			continue
		}
		if score := score(r, c, i); score > bestScore {
			best, bestScore = i, score
		}
	}
	return best, best >= 0
}

func fits(r *Request, c *Candidate) bool {
	if !c.Ready || c.VCPUs < r.VCPUs || c.MemoryMiB < r.MemoryMiB || c.DiskGiB < r.DiskGiB || r.VCPUs > c.VCPUsMax {
		return false
	}
	return rejectRare(r, c) == 0
}

// rejectRare checks what few requests ask for.
func rejectRare(r *Request, c *Candidate) Reason {
	var why Reason
	if r.Zone != "" && r.Zone != c.Zone {
		why |= WrongZone
	}
	if r.Only != nil && !r.Only[c.ID] || r.Not != nil && r.Not[c.ID] {
		why |= Excluded
	}
	if r.Machine != "" && len(c.Machines) > 0 && !contains(c.Machines, r.Machine) {
		why |= NoMachine
	}
	for t, rate := range r.Promises {
		if c.Promises[t] < rate {
			why |= NoTraffic
		}
	}
	return why
}

// score is memory left in MiB, with 20 bits of tie-breaking below and preference above.
func score(r *Request, c *Candidate, i int) int64 {
	s := int64(c.MemoryMiB-r.MemoryMiB)<<20 | int64(mix(r.Seed, uint64(i))>>44)
	if r.Prefer != nil && r.Prefer[c.ID] {
		s += 1 << 61
	}
	if r.Avoid != nil && r.Avoid[c.ID] {
		s >>= 20
	}
	return s
}

// mix spreads bits (the finaliser of SplitMix64).
func mix(seed, x uint64) uint64 {
	z := seed + x*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Reject tells all reasons against one candidate, 0 if it would do.
func Reject(r Request, c Candidate) Reason {
	why := rejectRare(&r, &c)
	if !c.Ready {
		why |= NotReady
	}
	if c.VCPUs < r.VCPUs || c.VCPUsMax < r.VCPUs {
		why |= NoVCPUs
	}
	if c.MemoryMiB < r.MemoryMiB {
		why |= NoMemory
	}
	if c.DiskGiB < r.DiskGiB {
		why |= NoDisk
	}
	return why
}

// Explain says in a sentence, without naming hosts, why no candidate will do; Details names up to
// eight hosts, for operators.
func Explain(r Request, candidates []Candidate) (sentence, details string) {
	counts := map[Reason]int{}
	var named []string
	for _, c := range candidates {
		why := Reject(r, c)
		for _, w := range words {
			if why&w.r != 0 {
				counts[w.r]++
			}
		}
		if len(named) < 8 {
			named = append(named, fmt.Sprintf("%s: %s", c.ID, why))
		}
	}
	var parts []string
	for _, w := range words {
		if n := counts[w.r]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, w.text))
		}
	}
	if len(candidates) == 0 {
		return "No valid host was found. The cloud has no hosts.", ""
	}
	return fmt.Sprintf("No valid host was found. Of %d hosts: %s.", len(candidates), strings.Join(parts, "; ")), strings.Join(named, "; ")
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
