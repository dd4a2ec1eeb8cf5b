package cloudtest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed client.py
var clientScript []byte

// python is Debian's interpreter, which sees Debian's openstack client.
const python = "/usr/bin/python3"

// Client runs commands of the unmodified openstack client as one user.
type Client struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

// Answer of one command.
type Answer struct {
	Code int    `json:"code"`
	Out  string `json:"out"`
	Err  string `json:"err"`
}

// Client is the openstack client with the administrator's credential; env ("OS_NAME=value")
// overrides it. An override with an empty value takes the variable away.
func (c *Cloud) Client(t *testing.T, env ...string) *Client {
	t.Helper()
	script := filepath.Join(c.Host.Dir, "client.py")
	Check(t, os.WriteFile(script, clientScript, 0o644))
	command := c.Host.Command(python, script)
	command.Dir = c.Host.Dir
	command.Env = merge(append(c.Environment(), env...))
	command.Stderr = c.log
	in, err := command.StdinPipe()
	Check(t, err)
	out, err := command.StdoutPipe()
	Check(t, err)
	Check(t, command.Start())
	t.Cleanup(func() {
		in.Close()
		_ = command.Wait() // every command's own status has been looked at
	})
	return &Client{t: t, in: in, out: bufio.NewReader(out)}
}

// Environment is this process's with the administrator's credential, for other clients.
func (c *Cloud) Environment() []string { return append(BareEnvironment(), c.env...) }

// BareEnvironment is this process's without any OpenStack credential.
func BareEnvironment() []string {
	var kept []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "OS_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// merge lets later settings win and drops empty ones.
func merge(env []string) []string {
	value := map[string]string{}
	for _, e := range env {
		k, v, _ := strings.Cut(e, "=")
		value[k] = v
	}
	var out []string
	for k, v := range value {
		if v != "" {
			out = append(out, k+"="+v)
		}
	}
	return out
}

// For is the same client whose failures end another test.
func (c *Client) For(t *testing.T) *Client { return &Client{t: t, in: c.in, out: c.out} }

// Try runs a command and returns whatever came of it.
func (c *Client) Try(args ...string) Answer {
	c.t.Helper()
	b, err := json.Marshal(args)
	Check(c.t, err)
	_, err = c.in.Write(append(b, '\n'))
	Check(c.t, err)
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		c.t.Fatalf("openstack %s: client ended: %v", strings.Join(args, " "), err)
	}
	var a Answer
	Check(c.t, json.Unmarshal(line, &a))
	return a
}

// Run runs a command that must work and returns its output. args are split at spaces
// unless there is more than one.
func (c *Client) Run(args ...string) string {
	c.t.Helper()
	a := c.Try(words(args)...)
	if a.Code != 0 {
		c.t.Fatalf("openstack %s: exit status %d\n%s%s", strings.Join(args, " "), a.Code, a.Out, a.Err)
	}
	return a.Out
}

// Refused runs a command that must fail with every one of these words in its message.
func (c *Client) Refused(command string, message ...string) {
	c.t.Helper()
	a := c.Try(strings.Fields(command)...)
	if a.Code == 0 {
		c.t.Fatalf("openstack %s: worked and should not have\n%s", command, a.Out)
	}
	for _, m := range message {
		if !strings.Contains(a.Err, m) {
			c.t.Fatalf("openstack %s: said %q, without %q", command, a.Err, m)
		}
	}
}

// Object runs a command that answers one JSON object.
func (c *Client) Object(args ...string) Object {
	c.t.Helper()
	var o Object
	c.decode(args, &o)
	return o
}

// List runs a command that answers a JSON list of objects.
func (c *Client) List(args ...string) []Object {
	c.t.Helper()
	var l []Object
	c.decode(args, &l)
	return l
}

func (c *Client) decode(args []string, into any) {
	c.t.Helper()
	args = append(append([]string{}, words(args)...), "-f", "json")
	out := c.Run(args...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		c.t.Fatalf("openstack %s: %v in %q", strings.Join(args, " "), err, out)
	}
}

func words(args []string) []string {
	if len(args) == 1 {
		return strings.Fields(args[0])
	}
	return args
}

// Object is what the client prints about one thing.
type Object map[string]any

// String is a field as text; a missing one is empty.
func (o Object) String(field string) string {
	v, ok := o[field]
	if !ok || v == nil {
		return ""
	}
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// ID is the field "id" or "ID".
func (o Object) ID() string {
	if id := o.String("id"); id != "" {
		return id
	}
	return o.String("ID")
}
