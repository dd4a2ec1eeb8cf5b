package ec2

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// TestTokens sends 200 requests for an instance, with 20 tokens, over 16 connections of which half are cut off at any moment, and kills
// the daemon among them: there are 20 instances at the end.
func TestTokens(t *testing.T) {
	files := cloudtest.Need(t, "openstack")
	cloud := cloudtest.Start(t, files, cloudtest.Settings{"simulate": 20})
	admin := cloud.Client(t)
	admin.Run("image create --public --disk-format qcow2 --container-format bare --file " + files.Image + " minimal")
	admin.Run("quota set --instances 100 --cores 100 --ram 200000 --volumes 100 --gigabytes 10000 --class default")
	admin.Run("quota set --instances 100 --cores 100 --ram 200000 --ports 500 admin")
	keys := newKeys(t, admin)
	api := newClient(cloud, keys)
	image := aws.ToString(must[*ec2.DescribeImagesOutput](&site{t: t})(api.DescribeImages(background, &ec2.DescribeImagesInput{})).Images[0].ImageId)

	const connections, tokens, requests = 16, 20, 200
	jobs := make(chan int)
	var running sync.WaitGroup
	for range connections {
		running.Go(func() {
			for i := range jobs {
				if rand.IntN(2) == 0 {
					_ = attempt(cutOff(cloud, keys), image, i%tokens) // who is cut off does not learn what became of it
				} else {
					_ = attempt(newClient(cloud, keys), image, i%tokens)
				}
			}
		})
	}
	for i := range requests {
		if jobs <- i; i == requests/2 {
			cloud.Kill()
			cloud.Serve()
		}
	}
	close(jobs)
	running.Wait()
	ids := map[string]bool{}
	for token := range tokens { // each is answered for good now, by the instance that it made
		var out *ec2.RunInstancesOutput
		cloudtest.Eventually(t, patience(), func() (err error) { out, err = ask(api, image, token); return err })
		ids[*out.Instances[0].InstanceId] = true
	}
	n := 0
	for _, r := range must[*ec2.DescribeInstancesOutput](&site{t: t})(api.DescribeInstances(background, &ec2.DescribeInstancesInput{})).Reservations {
		n += len(r.Instances)
	}
	if n != tokens || len(ids) != tokens {
		t.Errorf("%d instances, %d of them answered, for %d tokens", n, len(ids), tokens)
	}
}

func attempt(api *ec2.Client, image string, token int) error {
	_, err := ask(api, image, token)
	return err
}

func ask(api *ec2.Client, image string, token int) (*ec2.RunInstancesOutput, error) {
	return api.RunInstances(background, &ec2.RunInstancesInput{ImageId: &image, InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		ClientToken: aws.String(fmt.Sprintf("token-%d", token))})
}

// cutOff is a client whose one connection ends soon, wherever its request is by then, and which does not try again.
func cutOff(c *cloudtest.Cloud, k keys) *ec2.Client {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := c.Host.Dial(ctx, network, address)
		if err == nil {
			time.AfterFunc(time.Duration(rand.IntN(60))*time.Millisecond, func() { conn.Close() })
		}
		return conn, err
	}}
	return newClientBy(c, k, transport, aws.NopRetryer{})
}
