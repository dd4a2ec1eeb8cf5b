package ec2_test

import (
	"net/url"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2"
)

// BenchmarkDescribeInstances describes ten instances, from the decoded request to the encoded answer.
func BenchmarkDescribeInstances(b *testing.B) {
	w := newWorld(b)
	for range 10 {
		w.do("RunInstances", "ImageId", w.ami(), "MinCount", "1", "MaxCount", "1", "InstanceType", "t3.micro")
	}
	for b.Loop() {
		if _, err := w.api.Perform(w.Context(), &ec2.Call{Action: "DescribeInstances", Region: "test-1", Parameters: url.Values{}}); err != nil {
			b.Fatal(err)
		}
	}
}
