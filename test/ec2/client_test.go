package ec2

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

const region = "us-east-1"

// keys is an access key.
type keys struct{ access, secret string }

// newKeys makes an access key as a user would, with the OpenStack client.
func newKeys(t *testing.T, c *cloudtest.Client) keys {
	t.Helper()
	made := c.For(t).Object("ec2 credentials create")
	return keys{made.String("access"), made.String("secret")}
}

// newClient is the Go SDK's client of a cloud, which repeats what fails as it does by itself.
func newClient(c *cloudtest.Cloud, k keys) *ec2.Client {
	return newClientBy(c, k, &http.Transport{DialContext: c.Host.Dial, DisableKeepAlives: true}, nil)
}

func newClientBy(c *cloudtest.Cloud, k keys, transport http.RoundTripper, retry aws.Retryer) *ec2.Client {
	return ec2.New(ec2.Options{Region: region, BaseEndpoint: aws.String(c.URL + "/ec2/"), Retryer: retry,
		Credentials: credentials.NewStaticCredentialsProvider(k.access, k.secret, ""),
		HTTPClient:  &http.Client{Transport: transport, Timeout: cloudtest.Patience(30 * time.Second)}})
}

// often is how often waiters ask: the SDK's own pauses, of 5 to 15 seconds, are for a cloud that is slower.
const often = time.Second

// patience is how long a waiter waits.
func patience() time.Duration { return cloudtest.Patience(90 * time.Second) }

// refused checks that an error has a code.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%v; want %s", err, code)
	}
}

var background = context.Background()
