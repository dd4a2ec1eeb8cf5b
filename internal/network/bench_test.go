package network

import (
	"fmt"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// benchWorld is a world for a benchmark: quotas off, one network.
func benchWorld(b *testing.B, hosts ...cloud.HostID) (*world, *cloud.Network) {
	b.Helper()
	w := newWorld(b, hosts...)
	w.must(w.Quota.Set(w.admin, "p", map[string]int64{cloud.QuotaPorts: cloud.Unlimited}))
	n, _ := w.network(as("p"), "10.0.0.0/8")
	return w, n
}

func BenchmarkCreatePort(b *testing.B) {
	w, n := benchWorld(b)
	ctx := as("p")
	for b.Loop() {
		if _, err := w.CreatePort(ctx, PortRequest{NetworkID: n.ID}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlugInstance plugs instance after instance into one network, whose documents grow with it.
func BenchmarkPlugInstance(b *testing.B) {
	w, n := benchWorld(b, "h1")
	i := 0
	for b.Loop() {
		i++
		in, _ := w.instance(as("p"), fmt.Sprint("i", i), "h1", n.ID)
		if err := w.PlugInstance(w.admin, in.ID, "h1"); err != nil {
			b.Fatal(err)
		}
	}
}
