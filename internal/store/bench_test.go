package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/store/pgtest"
)

// each runs a benchmark on both engines, on a project of 1,000 instances of usual size.
func each(b *testing.B, o store.Options, f func(b *testing.B, s *store.Store)) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqliteURL, "postgres": pgtest.Start} {
		b.Run(name, func(b *testing.B) {
			s, err := store.Open(context.Background(), url(b), o)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close() //nolint:errcheck // measured, not tested
			fill(b, s)
			b.ReportAllocs()
			b.ResetTimer()
			f(b, s)
		})
	}
}

func fill(b *testing.B, s *store.Store) {
	b.Helper()
	err := s.Update(context.Background(), func(ctx context.Context) error {
		for n := range 1000 {
			if err := s.Instances.Insert(ctx, usual(n)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// usual is an instance as a create leaves it, about 1.5 KB of JSON.
func usual(n int) *cloud.Instance {
	now := time.Now()
	i := &cloud.Instance{ID: cloud.InstanceID(fmt.Sprintf("0199-%06d", n)), ProjectID: "5d1c7b0f5d1c7b0f5d1c7b0f5d1c7b0f", UserID: "aaaabbbbccccddddaaaabbbbccccdddd",
		Name: fmt.Sprint("web-", n), Hostname: fmt.Sprint("web-", n), Phase: cloud.PhaseReady, Power: cloud.PowerOn,
		Properties: map[string]string{"role": "web", "env": "production"}, ImageID: "0199c0de-0000-7000-8000-000000000001",
		Flavor: cloud.FlavorSnapshot{FlavorID: "2", Name: "m1.small", FlavorSize: cloud.FlavorSize{VCPUs: 1, MemoryMiB: 2048, DiskGiB: 20, RxTxFactor: 1}},
		HostID: "0199c0de-0000-7000-8000-0000000000aa", KeyName: "key", ReservationID: "r-12345678", LaunchedAt: &now,
		Observed: cloud.Observed{Power: cloud.PowerOn, Generation: 7, At: now},
		Disks:    []cloud.InstanceDisk{{VolumeID: "0199c0de-0000-7000-8000-0000000000bb", Local: true, Role: "root", SizeBytes: 20 << 30, Device: "vda"}}}
	for _, stage := range []string{"accepted", "placed", "disks", "network", "started"} {
		i.Boot = append(i.Boot, cloud.BootMark{Stage: stage, At: now})
	}
	return i
}

func BenchmarkGet(b *testing.B) {
	each(b, store.Options{}, func(b *testing.B, s *store.Store) {
		for b.Loop() {
			if _, err := s.Instances.Get(context.Background(), "0199-000500"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkList1000(b *testing.B) {
	each(b, store.Options{}, listAll)
}

// BenchmarkList1000Cold remembers nothing between lists.
func BenchmarkList1000Cold(b *testing.B) {
	each(b, store.Options{CacheBytes: 1}, listAll)
}

func listAll(b *testing.B, s *store.Store) {
	q := cloud.Query{Where: []cloud.Cond{cloud.Eq("project_id", "5d1c7b0f5d1c7b0f5d1c7b0f5d1c7b0f")}, Limit: 1000}
	for b.Loop() {
		list, err := s.Instances.List(context.Background(), q)
		if err != nil || len(list) != 1000 {
			b.Fatal(len(list), err)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	each(b, store.Options{}, func(b *testing.B, s *store.Store) {
		for b.Loop() {
			if _, err := s.Instances.Sum(context.Background(), "vcpus", cloud.Eq("project_id", "5d1c7b0f5d1c7b0f5d1c7b0f5d1c7b0f")); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkUpdate is one client's durable change after another (PostgreSQL in tests does not sync).
func BenchmarkUpdate(b *testing.B) {
	each(b, store.Options{}, func(b *testing.B, s *store.Store) {
		for n := 0; b.Loop(); n++ {
			change(b, s, n%1000)
		}
	})
}

// BenchmarkUpdateParallel is 32 clients' durable changes at once.
func BenchmarkUpdateParallel(b *testing.B) {
	each(b, store.Options{}, changeParallel)
}

// BenchmarkUpdateParallelSingle is the same with a commit for each.
func BenchmarkUpdateParallelSingle(b *testing.B) {
	each(b, store.Options{SingleCommits: true}, changeParallel)
}

func changeParallel(b *testing.B, s *store.Store) {
	b.SetParallelism(16)
	next := make(chan int, 1)
	next <- 0
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := <-next
			next <- n + 1
			change(b, s, n%1000)
		}
	})
}

func change(b *testing.B, s *store.Store, n int) {
	err := s.Update(context.Background(), func(ctx context.Context) error {
		i, err := s.Instances.Get(ctx, cloud.InstanceID(fmt.Sprintf("0199-%06d", n)))
		if err != nil {
			return err
		}
		i.BootSerial++
		return s.Instances.Update(ctx, i)
	})
	if err != nil {
		b.Error(err)
	}
}
