package ec2_test

import (
	"net/url"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// BenchmarkDescribeInstances describes a thousand instances, from the decoded request to the encoded answer.
func BenchmarkDescribeInstances(b *testing.B) {
	w := newWorldWith(b, testcloud.Options{Hosts: 20, CPUs: 1000, MemoryMiB: 1 << 24})
	w.unlimited(cloud.QuotaInstances, cloud.QuotaVCPUs, cloud.QuotaMemoryMiB, cloud.QuotaPorts, cloud.QuotaVolumes, cloud.QuotaGigabytes, cloud.QuotaFloatingIPs)
	sub := w.do("CreateVpc", "CidrBlock", "10.0.0.0/16").get("vpc/vpcId")
	sub = w.do("CreateSubnet", "VpcId", sub, "CidrBlock", "10.0.0.0/18").get("subnet/subnetId")
	for range 10 {
		w.many(sub, 100, "bench")
	}
	w.allRun()
	for b.Loop() {
		if _, err := w.api.Perform(w.Context(), &ec2.Call{Action: "DescribeInstances", Region: "test-1", Parameters: url.Values{}}); err != nil {
			b.Fatal(err)
		}
	}
}
