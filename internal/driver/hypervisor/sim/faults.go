package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// ErrFault is the cause of every failure that was drawn and not caused.
var ErrFault = errors.New("simulated fault")

// chance is what was drawn for one change of one guest.
type chance struct {
	before, after bool    // fails before, or after the work
	stretch       float64 // of the mean time, 0.5 to 1.5
}

// draw decides about the guest's next change. It depends on the seed, the guest, the
// change and how many the guest has had, and on nothing else.
func (d *Driver) draw(id spec.GuestID, change string) chance {
	var n uint64
	if d.look(id, func(g *guest) error {
		g.calls++
		n = g.calls
		return nil
	}) != nil {
		return chance{stretch: 1} // nothing there that could fail
	}
	h := fnv.New64a()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], d.opts.Seed)
	binary.LittleEndian.PutUint64(b[8:], n)
	h.Write(b[:])
	h.Write([]byte(id))
	h.Write([]byte(change))
	x := mix(h.Sum64())
	fails := unit(x) < d.opts.FaultRate
	x = mix(x)
	half := unit(x) < 0.5
	return chance{before: fails && half, after: fails && !half, stretch: 0.5 + unit(mix(x))}
}

// mix is the finaliser of SplitMix64: neighbouring inputs give unrelated outputs.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }

// change runs one change of a guest with its delay and faults.
func (d *Driver) change(ctx context.Context, id spec.GuestID, name string, mean time.Duration, work func() error) error {
	c := d.draw(id, name)
	if c.before {
		return fmt.Errorf("%s of guest %s: %w", name, id, ErrFault)
	}
	if mean > 0 {
		if err := d.clock.Sleep(ctx, time.Duration(float64(mean)*c.stretch)); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	if c.after {
		return fmt.Errorf("%s of guest %s, after it was done: %w", name, id, ErrFault)
	}
	return nil
}
