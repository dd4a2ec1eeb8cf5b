package linux

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// benchWorld is a Fabric on a private host with one network and a number of ports.
func benchWorld(b *testing.B, ports int) (*Fabric, []spec.Port) {
	name := "nubotest-bench"
	if err := netns.Create(name, func() error { return nil }); err != nil {
		b.Skip("needs root: ", err)
	}
	f, err := New(Options{StateDir: b.TempDir(), HostNamespace: netns.Path(name), VerifyInterval: -1})
	ctx := context.Background()
	if err == nil {
		err = f.EnsureNetwork(ctx, privateNetwork("n"))
	}
	if err == nil {
		err = f.EnsureGroup(ctx, openGroup("g"))
	}
	var all []spec.Port
	for i := range ports {
		p := portOn("n", spec.PortID(fmt.Sprint("p", i)), byte(i), "g")
		p.MAC, p.Addresses[0] = fmt.Sprintf("fa:16:3e:00:%02x:%02x", i/256, i%256), netip.AddrFrom4([4]byte{10, 0, byte(i / 256), byte(i)})
		if err == nil {
			_, err = f.EnsurePort(ctx, p)
		}
		all = append(all, p)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		for _, p := range all {
			f.RemovePort(ctx, p.ID)
		}
		f.RemoveNetwork(ctx, "n")
		f.Close()
		netns.Delete(name)
	})
	return f, all
}

// How long a guest waits for its port, beside how many others.
func BenchmarkPort(b *testing.B) {
	for _, beside := range []int{0, 200} {
		b.Run(fmt.Sprint("beside", beside), func(b *testing.B) {
			f, _ := benchWorld(b, beside)
			p := portOn("n", "new", 200, "g")
			for b.Loop() {
				if _, err := f.EnsurePort(context.Background(), p); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := f.RemovePort(context.Background(), p.ID); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// What a pass over a port costs when nothing changed.
func BenchmarkPortUnchanged(b *testing.B) {
	f, all := benchWorld(b, 1)
	for b.Loop() {
		if _, err := f.EnsurePort(context.Background(), all[0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNetwork(b *testing.B) {
	f, _ := benchWorld(b, 0)
	for b.Loop() {
		if err := f.EnsureNetwork(context.Background(), privateNetwork("m")); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := f.RemoveNetwork(context.Background(), "m"); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
