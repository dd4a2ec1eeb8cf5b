package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// client speaks the OpenStack API as a program would that keeps its connection.
type client struct {
	base    string
	token   string
	project string
	http    *http.Client
	// login is the body that asks for a token.
	login map[string]any
}

type object = map[string]any

// signIn makes a client with an administrator's token.
func signIn(ctx context.Context, p *process) (*client, error) {
	password, err := p.adminPassword()
	if err != nil {
		return nil, err
	}
	domain := object{"id": "default"}
	c := &client{base: p.url, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, login: object{"auth": object{
		"identity": object{"methods": []string{"password"}, "password": object{"user": object{"name": "admin", "domain": domain, "password": password}}},
		"scope":    object{"project": object{"name": "admin", "domain": domain}}}}}
	_, err = c.authenticate(ctx)
	return c, err
}

// authenticate gets a new token, and answers how long that took.
func (c *client) authenticate(ctx context.Context) (time.Duration, error) {
	var out struct {
		Token struct{ Project struct{ ID string } }
	}
	took, header, err := c.exchange(ctx, "POST", "/identity/v3/auth/tokens", nil, c.login, &out)
	if err != nil {
		return 0, err
	}
	c.token, c.project = header.Get("X-Subject-Token"), out.Token.Project.ID
	return took, nil
}

// call sends one request and decodes the answer. The time is from sending to the last byte
// of the answer, without encoding and decoding here.
func (c *client) call(ctx context.Context, method, path string, in, out any) (time.Duration, error) {
	took, _, err := c.exchange(ctx, method, path, nil, in, out)
	return took, err
}

func (c *client) exchange(ctx context.Context, method, path string, header map[string]string, in, out any) (time.Duration, http.Header, error) {
	body, ok := in.(io.Reader)
	if !ok && in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return 0, nil, err
	}
	c.setHeader(r, header, ok)
	began := time.Now()
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	if err != nil {
		return 0, nil, err
	}
	if resp.StatusCode >= 300 {
		return 0, nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(string(answer[:min(len(answer), 300)])))
	}
	if out != nil {
		err = json.Unmarshal(answer, out)
	}
	return took, resp.Header, err
}

func (c *client) setHeader(r *http.Request, header map[string]string, bytes bool) {
	r.Header.Set("X-Auth-Token", c.token)
	r.Header.Set("Content-Type", "application/json")
	if bytes {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
}

// create posts {kind: in} and answers the id of what was made.
func (c *client) create(ctx context.Context, path, kind string, in object) (string, time.Duration, error) {
	var out map[string]struct{ ID string }
	took, err := c.call(ctx, "POST", path, object{kind: in}, &out)
	return out[kind].ID, took, err
}

// repeat measures one call n times.
func repeat(n int, f func(i int) (time.Duration, error)) (samples, error) {
	var s samples
	for i := range n {
		took, err := f(i)
		if err != nil {
			return s, err
		}
		s.add(took)
	}
	return s, nil
}

// site is a cloud in which servers can be made.
type site struct {
	*client
	flavor, image, network, subnet, group string
}

// unlimit lifts every quota of the project.
func (c *client) unlimit(ctx context.Context) error {
	_, err := c.call(ctx, "PUT", "/compute/v2.1/os-quota-sets/"+c.project, object{"quota_set": object{"instances": -1, "cores": -1, "ram": -1}}, nil)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, "PUT", "/network/v2.0/quotas/"+c.project, object{"quota": object{"network": -1, "subnet": -1, "port": -1, "router": -1,
		"security_group": -1, "security_group_rule": -1, "floatingip": -1}}, nil)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, "PUT", "/volume/v3/os-quota-sets/"+c.project, object{"quota_set": object{"volumes": -1, "gigabytes": -1}}, nil)
	return err
}

// newSite makes what servers need. bytes is the image's content, in format.
func newSite(ctx context.Context, c *client, format string, bytes io.Reader, memoryMiB int) (*site, error) {
	s := &site{client: c}
	if err := c.unlimit(ctx); err != nil {
		return nil, err
	}
	var err error
	if s.flavor, _, err = c.create(ctx, "/compute/v2.1/flavors", "flavor", object{"name": "bench", "vcpus": 1, "ram": memoryMiB, "disk": 1}); err != nil {
		return nil, err
	}
	if s.image, _, err = c.upload(ctx, format, bytes); err != nil {
		return nil, err
	}
	if s.network, _, err = c.create(ctx, "/network/v2.0/networks", "network", object{"name": "bench"}); err != nil {
		return nil, err
	}
	s.subnet, _, err = c.create(ctx, "/network/v2.0/subnets", "subnet", object{"network_id": s.network, "ip_version": 4, "cidr": "10.77.0.0/16"})
	if err != nil {
		return nil, err
	}
	s.group, _, err = c.create(ctx, "/network/v2.0/security-groups", "security_group", object{"name": "bench"})
	return s, err
}

// upload makes an image of bytes; the time is that of sending the bytes.
func (c *client) upload(ctx context.Context, format string, bytes io.Reader) (string, time.Duration, error) {
	var made struct{ ID string }
	_, err := c.call(ctx, "POST", "/image/v2/images", object{"name": "bench", "disk_format": format, "container_format": "bare"}, &made)
	if err != nil {
		return "", 0, err
	}
	took, err := c.call(ctx, "PUT", "/image/v2/images/"+made.ID+"/file", bytes, nil)
	return made.ID, took, err
}

// boot asks for servers. more is laid over the request.
func (s *site) boot(ctx context.Context, more object) (string, time.Duration, error) {
	in := object{"name": "bench", "flavorRef": s.flavor, "imageRef": s.image, "networks": []object{{"uuid": s.network}}}
	for k, v := range more {
		in[k] = v
	}
	return s.create(ctx, "/compute/v2.1/servers", "server", in)
}

// pollEvery is how finely the end of something is seen: a client of this API can only ask.
const pollEvery = 2 * time.Millisecond

// awaitStatus asks until the server has a status.
func (s *site) awaitStatus(ctx context.Context, id, want string) error {
	for {
		var out struct {
			Server struct {
				Status string
				Fault  struct{ Message string }
			}
		}
		if _, err := s.call(ctx, "GET", "/compute/v2.1/servers/"+id, nil, &out); err != nil {
			return err
		}
		switch out.Server.Status {
		case want:
			return nil
		case "ERROR":
			return fmt.Errorf("server %s is in ERROR: %s", id, out.Server.Fault.Message)
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// pause waits between two looks at something that tells nobody.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
