package openid

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// kept is something that an issuer publishes, as it was when last fetched. While the issuer cannot be reached, the old goes on
// being used. All who need a fetch wait for the same one, and nobody holds a lock meanwhile.
type kept[T any] struct {
	fetch      func(context.Context) (*T, error)
	now        func() time.Time
	age, pause time.Duration
	stale      func(error) // told when a fetch failed

	flight singleflight.Group

	mu      sync.Mutex
	value   *T
	fetched time.Time // when value was
	tried   time.Time // when the last fetch ended
	failed  error     // of the last fetch
}

// get is the value at hand, whatever its age; old, it is fetched again behind the caller's back. Only the first of all waits.
func (k *kept[T]) get(ctx context.Context) (*T, error) {
	value, old := k.peek()
	if value == nil {
		return k.renew(ctx)
	}
	if old {
		k.begin()
	}
	return value, nil
}

func (k *kept[T]) peek() (value *T, old bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.value, k.now().Sub(k.fetched) >= k.age && !k.resting()
}

// resting says that the last fetch is too fresh for another. k.mu is held.
func (k *kept[T]) resting() bool {
	return !k.tried.IsZero() && k.now().Sub(k.tried) < k.pause
}

// renew waits for a fetch, and answers its value or its error. If the last one is less than a pause ago, its outcome is the answer.
func (k *kept[T]) renew(ctx context.Context) (*T, error) {
	if k.rests() {
		return k.last()
	}
	select {
	case r := <-k.begin():
		value, _ := r.Val.(*T)
		return value, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (k *kept[T]) rests() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.resting()
}

func (k *kept[T]) last() (*T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.value, k.failed
}

// begin starts a fetch or joins the one under way. It ends by itself: requests have a timeout.
func (k *kept[T]) begin() <-chan singleflight.Result {
	return k.flight.DoChan("", func() (any, error) {
		if k.rests() { // one ended since the caller looked
			return k.last()
		}
		value, err := surviving(func() (*T, error) { return k.fetch(context.Background()) })
		return value, k.settle(value, err)
	})
}

func (k *kept[T]) settle(value *T, err error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried, k.failed = k.now(), err
	if err == nil {
		k.value, k.fetched = value, k.tried
	} else if k.value != nil {
		k.stale(err)
	}
	return err
}

// surviving makes an error of a panic. What strangers and issuers send is read in goroutines of our own, where a panic, in
// whatever library, would end the process and not only a request.
func surviving[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}
