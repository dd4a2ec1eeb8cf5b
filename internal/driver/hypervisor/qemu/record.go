package qemu

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// phase is the state that was meant when the record was written; doc.go has the table.
type phase string

const (
	phaseStarting  phase = "starting"
	phaseRunning   phase = "running"
	phaseStopped   phase = "stopped"
	phaseSuspended phase = "suspended"
	phaseCrashed   phase = "crashed"
)

// record is guest.json.
type record struct {
	ID     spec.GuestID
	Phase  phase
	Reason string // why stopped or crashed, if not asked for
	UID    int    // 0: the daemon's own user

	// Guest is as launched, without metadata and keys: secrets are not ours to keep.
	Guest     spec.Guest
	Kernel    string
	Initramfs string
	Config    string // config drive
	Disks     []diskSlot
	NICs      []nicSlot
	HasSCSI   bool
	Accel     string
	CPUModel  string
	// MachineVersion is the versioned name of the board, set when suspended: memory
	// can be restored only into the same one.
	MachineVersion string

	PID        int
	StartTicks uint64 // of the process, from /proc; tells a pid used again
	BootID     string // of the host
	StartedAt  time.Time
}

// diskSlot is a plugged disk. Slot decides its PCI address and all its names in QEMU.
type diskSlot struct {
	Slot int
	// Twin tells which of two names its bytes go by. They change when others take their place.
	Twin bool `json:",omitempty"`
	agent.LaunchDisk
	// Was is the disk whose place it is taking, while that is under way.
	Was *agent.LaunchDisk `json:",omitempty"`
}

// moves tells of a disk whose volume is taking new bytes.
func (s diskSlot) moves() bool { return s.Was != nil && s.Was.Disk.Volume == s.Disk.Volume }

// node names the bytes of the disk in QEMU.
func (s diskSlot) node() string {
	if s.Twin {
		return diskNode(s.Slot) + "-twin"
	}
	return diskNode(s.Slot)
}

// set is the first of its two sets of descriptors.
func (s diskSlot) set() int {
	if s.Twin {
		return setTwins + slotSet(s.Slot)
	}
	return slotSet(s.Slot)
}

type nicSlot struct {
	Slot int
	agent.LaunchNIC
}

// Ids become directory names and parts of QEMU's arguments.
var goodID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$`)

func checkID(id spec.GuestID) error {
	if !goodID.MatchString(string(id)) {
		return fmt.Errorf("guest id %q: %w", id, spec.ErrInvalid)
	}
	return nil
}

func (r *record) disk(v spec.VolumeID) *diskSlot {
	for i := range r.Disks {
		if r.Disks[i].Disk.Volume == v {
			return &r.Disks[i]
		}
	}
	return nil
}

func (r *record) slot(slot int) *diskSlot {
	for i := range r.Disks {
		if r.Disks[i].Slot == slot {
			return &r.Disks[i]
		}
	}
	return nil
}

// put has a slot hold another disk. The list is a new one: copies of the record share the old one.
func (r *record) put(s diskSlot) {
	r.Disks = append([]diskSlot(nil), r.Disks...)
	if held := r.slot(s.Slot); held != nil {
		*held = s
	}
}

func (r *record) nic(p spec.PortID) *nicSlot {
	for i := range r.NICs {
		if r.NICs[i].NIC.Port == p {
			return &r.NICs[i]
		}
	}
	return nil
}

func (r *record) dropDisk(slot int) {
	var kept []diskSlot
	for _, d := range r.Disks {
		if d.Slot != slot {
			kept = append(kept, d)
		}
	}
	r.Disks = kept
}

func (r *record) dropNIC(slot int) {
	var kept []nicSlot
	for _, n := range r.NICs {
		if n.Slot != slot {
			kept = append(kept, n)
		}
	}
	r.NICs = kept
}

// freeSlot is the lowest slot nothing is plugged into.
func (r *record) freeSlot() (int, error) {
	used := map[int]bool{}
	for _, d := range r.Disks {
		used[d.Slot] = true
	}
	for _, n := range r.NICs {
		used[n.Slot] = true
	}
	for slot := 1; slot <= slotsOf(r.Guest.Machine); slot++ {
		if !used[slot] {
			return slot, nil
		}
	}
	return 0, fmt.Errorf("all %d slots of the guest are taken: %w", slotsOf(r.Guest.Machine), spec.ErrNoSpace)
}

func loadRecord(dir string) (record, error) {
	var r record
	b, err := os.ReadFile(filepath.Join(dir, "guest.json"))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}

// save replaces guest.json; after a crash of the host there is the old or the new one.
func (r *record) save(dir string) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "guest.json"), b)
}

func writeFile(name string, b []byte) error {
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
