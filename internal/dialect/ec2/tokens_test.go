package ec2_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// TestTokensOfManyCallers proves that requests which break off, and are sent again by whoever, make one instance per token: 200
// requests with 20 tokens by 16 callers. test/ec2 does the same over connections that are cut.
func TestTokensOfManyCallers(t *testing.T) {
	w := newWorld(t)
	w.run() // so that the account has its default network
	const connections, tokens, requests = 16, 20, 200
	jobs := make(chan int)
	var running sync.WaitGroup
	for range connections {
		running.Go(func() {
			for i := range jobs {
				w.attempt(fmt.Sprintf("token-%d", i%tokens), i >= requests-tokens)
			}
		})
	}
	for i := range requests {
		jobs <- i
	}
	close(jobs)
	running.Wait()
	if n := len(w.do("DescribeInstances").all("reservationSet/instancesSet/instanceId")); n != tokens+1 {
		t.Errorf("%d instances for %d tokens", n-1, tokens)
	}
}

// attempt asks for an instance and goes away at some moment, unless it is the token's last chance.
func (w *world) attempt(token string, stay bool) {
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	if !stay && rand.IntN(2) == 0 {
		time.AfterFunc(time.Duration(rand.IntN(20))*time.Millisecond, cancel)
	}
	for {
		_, err := w.api.Perform(ctx, &ec2.Call{Action: "RunInstances", Region: "test-1", Parameters: url.Values{"ImageId": {w.ami()}, "InstanceType": {"t3.micro"},
			"MinCount": {"1"}, "MaxCount": {"1"}, "ClientToken": {token}}})
		if err == nil || !stay {
			return // who went away does not care
		}
		if code, message := ec2.FaultOf(err); code != "Unavailable" {
			w.t.Errorf("%s: %s %s", token, code, message)
			return
		}
	}
}

// TestManyInstances proves that pages put together are the list, and that filters find what they should among 2,500.
func TestManyInstances(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 2,500 instances")
	}
	w := newWorldWith(t, testcloud.Options{Hosts: 20, CPUs: 1000, MemoryMiB: 1 << 24})
	w.unlimited(cloud.QuotaInstances, cloud.QuotaVCPUs, cloud.QuotaMemoryMiB, cloud.QuotaPorts, cloud.QuotaVolumes, cloud.QuotaGigabytes)
	sub := w.do("CreateVpc", "CidrBlock", "10.0.0.0/16").get("vpc/vpcId")
	sub = w.do("CreateSubnet", "VpcId", sub, "CidrBlock", "10.0.0.0/18").get("subnet/subnetId") // without public addresses
	for n := range 25 {
		w.many(sub, 100, fmt.Sprintf("batch-%02d", n))
	}
	seen := map[string]bool{}
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		page := w.do("DescribeInstances", "MaxResults", "1000", "NextToken", token)
		for _, id := range page.texts("reservationSet/instancesSet/instanceId") {
			if seen[id] {
				t.Fatalf("%s is on two pages", id)
			}
			seen[id] = true
		}
		token = page.get("nextToken")
	}
	if len(seen) != 2500 {
		t.Errorf("pages show %d instances", len(seen))
	}
	for value, want := range map[string]int{"batch-07": 100, "batch-0?": 1000, "batch-*": 2500, "*-2*": 500, "x": 0} {
		got := w.do("DescribeInstances", "Filter.1.Name", "tag:batch", "Filter.1.Value.1", value, "Filter.2.Name", "instance-state-name", "Filter.2.Value.1", "pending", "Filter.2.Value.2", "running")
		if n := len(got.all("reservationSet/instancesSet/instanceId")); n != want {
			t.Errorf("tag:batch=%s finds %d, want %d", value, n, want)
		}
	}
	filtersFindAmong(t, w)
}

// many makes instances in one request.
func (w *world) many(subnet string, n int, batch string) {
	w.t.Helper()
	count := fmt.Sprint(n)
	made := w.do("RunInstances", "ImageId", w.ami(), "InstanceType", "t3.micro", "SubnetId", subnet, "MinCount", count, "MaxCount", count, "TagSpecification.1.ResourceType", "instance",
		"TagSpecification.1.Tag.1.Key", "batch", "TagSpecification.1.Tag.1.Value", batch)
	if got := len(made.texts("instancesSet/instanceId")); got != n {
		w.t.Fatalf("%d instances were made of %d", got, n)
	}
}
