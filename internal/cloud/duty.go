package cloud

import "time"

// Duty is a part of what a host does for networks.
type Duty string

// The duties: answer DHCP for guests on it, run routers, answer metadata.
const (
	DutyDHCP     Duty = "dhcp"
	DutyRouters  Duty = "routers"
	DutyMetadata Duty = "metadata"
)

// DutyNote is what operators said of a host's duty. Off: the host takes nothing new on; what it does already it goes on doing.
type DutyNote struct {
	Off         bool   `json:"off,omitempty"`
	Description string `json:"description,omitempty"`
	// ForgottenAt is when operators asked not to see the duty of a dead host any more.
	ForgottenAt time.Time `json:"forgotten_at,omitzero"`
}

// Alive tells whether a host is there, and nobody said otherwise.
func (h *Host) Alive() bool { return h.Up && !h.ForcedDown }

// Forgotten tells whether operators asked not to see a duty until the host is back.
func (h *Host) Forgotten(d Duty) bool {
	return !h.Alive() && h.SeenAt.Before(h.Duties[d].ForgottenAt)
}

// Off are the duties that the host takes nothing new on for.
func (h *Host) Off() []Duty {
	var off []Duty
	for d, n := range h.Duties {
		if n.Off {
			off = append(off, d)
		}
	}
	return off
}
