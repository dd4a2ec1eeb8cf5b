package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// signer speaks the EC2 API with an access key, over the connections of another client.
type signer struct {
	*client
	keys aws.Credentials
	v4   *v4.Signer
}

// newSigner makes an access key as a user would.
func (c *client) newSigner(ctx context.Context) (*signer, error) {
	var me struct {
		Token struct{ User struct{ ID string } }
	}
	if _, _, err := c.exchange(ctx, "GET", "/identity/v3/auth/tokens", map[string]string{"X-Subject-Token": c.token}, nil, &me); err != nil {
		return nil, err
	}
	var made struct {
		Credential struct{ Access, Secret string }
	}
	_, err := c.call(ctx, "POST", "/identity/v3/users/"+me.Token.User.ID+"/credentials/OS-EC2", object{"tenant_id": c.project}, &made)
	return &signer{client: c, keys: aws.Credentials{AccessKeyID: made.Credential.Access, SecretAccessKey: made.Credential.Secret}, v4: v4.NewSigner()}, err
}

// do sends one action. The time is from sending to the last byte of the answer, without signing and decoding here.
func (s *signer) do(ctx context.Context, parameters url.Values, out any) (time.Duration, error) {
	body := []byte(parameters.Encode())
	r, err := http.NewRequestWithContext(ctx, "POST", s.base+"/ec2/", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256(body)
	if err := s.v4.SignHTTP(ctx, s.keys, r, hex.EncodeToString(sum[:]), "ec2", "us-east-1", time.Now()); err != nil {
		return 0, err
	}
	began := time.Now()
	resp, err := s.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode >= 300 {
		return 0, fmt.Errorf("%s: %s: %s", parameters.Get("Action"), resp.Status, strings.TrimSpace(string(answer[:min(len(answer), 300)])))
	}
	return took, xml.Unmarshal(answer, out)
}

// secondLanguage measures the same as the rows of servers, in EC2's words: 1,000 instances described, and one more accepted.
func (b *apiBench) secondLanguage(ctx context.Context) error {
	s, err := b.site.newSigner(ctx)
	if err != nil {
		return err
	}
	described, err := repeat(b.times(50), func(int) (time.Duration, error) {
		var out struct {
			Reservations []struct {
				Instances []struct {
					Address string `xml:"privateIpAddress"`
				} `xml:"instancesSet>item"`
			} `xml:"reservationSet>item"`
		}
		took, err := s.do(ctx, url.Values{"Action": {"DescribeInstances"}, "Version": {"2016-11-15"}}, &out)
		n := 0
		for _, r := range out.Reservations {
			n += len(r.Instances)
		}
		if err == nil && n < serversListed {
			err = fmt.Errorf("%d instances described in place of %d", n, serversListed)
		}
		return took, err
	})
	if err := b.add(row{what: "EC2 DescribeInstances, 1,000 instances", unit: "ms", got: described, note: "Beside GET /servers/detail: the answer is several times as long."}, err); err != nil {
		return err
	}
	return b.runInstances(ctx, s)
}

func (b *apiBench) runInstances(ctx context.Context, s *signer) error {
	run := url.Values{"Action": {"RunInstances"}, "Version": {"2016-11-15"}, "ImageId": {"ami-" + cloud.ShortID(b.site.image)}, "InstanceType": {"bench"},
		"MinCount": {"1"}, "MaxCount": {"1"}}
	var made struct {
		IDs []string `xml:"instancesSet>item>instanceId"`
	}
	if _, err := s.do(ctx, run, &made); err != nil { // the first makes the account's default network
		return err
	}
	got, err := repeat(b.times(50), func(int) (time.Duration, error) { return s.do(ctx, run, &made) })
	return b.add(row{what: "EC2 RunInstances accepted, 1,000 exist", unit: "ms", got: got,
		note: "Beside create server: the instance has a volume of its own as its root disk, and a public address."}, err)
}
