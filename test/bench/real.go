package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// The rows about real guests.
const (
	whatIdle    = "resident memory idle, real host, everything on"
	whatActive  = "guest: create server to ACTIVE"
	whatSSH     = "guest: create server to SSH answering"
	whatWrite   = "guest: disk write, direct + fsync"
	whatRead    = "guest: disk read, direct"
	whatSend    = "guest: TCP stream to its router"
	whatReceive = "guest: TCP stream from its router"
)

// realBench is one real host with a network and a router, and what is known of them.
type realBench struct {
	options
	process *process
	site    *site
	key     ssh.Signer
	router  string // namespace of the router
	wires   string // namespace of the network
	gateway string // the router's address
}

// guestMemoryMiB is little, so that memory does not matter.
const guestMemoryMiB = 256

// realGuests measures everything with guests, in the child's namespaces.
func realGuests(ctx context.Context, o options) (rows []row, err error) {
	b := &realBench{options: o}
	if b.process, err = start(ctx, o.nubo, filepath.Join(o.work, "real")); err != nil {
		return nil, err
	}
	defer b.process.stop()
	if o.wants("guest") {
		idle, err := b.idle(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, idle)
	}
	if err := b.prepare(ctx); err != nil {
		return rows, fmt.Errorf("prepare the cloud for guests: %w", err)
	}
	if o.wants("guest") {
		boots, err := b.boots(ctx)
		rows = append(rows, boots...)
		if err != nil {
			return rows, fmt.Errorf("start guests: %w", err)
		}
	}
	if !o.wants("streams") {
		return rows, nil
	}
	streams, err := b.streams(ctx)
	rows = append(rows, streams...)
	if err != nil {
		return rows, fmt.Errorf("disk and network in a guest: %w", err)
	}
	return rows, nil
}

func (b *realBench) idle(ctx context.Context) (row, error) {
	r := row{what: whatIdle, budget: "80 MB", limit: 80, unit: "MB",
		note: "VmRSS of nubo serve with the QEMU, Linux network and file drivers, all APIs on, after 5, 10 and 15 idle seconds; first start."}
	for range 3 {
		if err := pause(ctx, idleFor); err != nil {
			return r, err
		}
		mb, err := b.process.residentMB()
		if err != nil {
			return r, err
		}
		r.got = append(r.got, mb)
	}
	return r, nil
}

func (b *realBench) prepare(ctx context.Context) error {
	c, err := signIn(ctx, b.process)
	if err != nil {
		return err
	}
	image, err := os.Open(b.image)
	if err != nil {
		return err
	}
	defer image.Close()
	if b.site, err = newSite(ctx, c, "qcow2", image, guestMemoryMiB); err != nil {
		return err
	}
	_, _, err = c.create(ctx, "/network/v2.0/security-group-rules", "security_group_rule", object{"security_group_id": b.site.group, "direction": "ingress", "ethertype": "IPv4"})
	if err != nil {
		return err
	}
	if err := b.makeRouter(ctx); err != nil {
		return err
	}
	return b.makeKey(ctx)
}

func (b *realBench) makeRouter(ctx context.Context) error {
	var out struct{ Subnet struct{ Gateway_IP string } }
	if _, err := b.site.call(ctx, "GET", "/network/v2.0/subnets/"+b.site.subnet, nil, &out); err != nil {
		return err
	}
	b.gateway = out.Subnet.Gateway_IP
	id, _, err := b.site.create(ctx, "/network/v2.0/routers", "router", object{"name": "bench"})
	if err != nil {
		return err
	}
	if _, err := b.site.call(ctx, "PUT", "/network/v2.0/routers/"+id+"/add_router_interface", object{"subnet_id": b.site.subnet}, nil); err != nil {
		return err
	}
	if b.router, err = awaitNamespace(ctx, "*-rtr-"+id); err != nil {
		return err
	}
	b.wires, err = awaitNamespace(ctx, "*-net-"+b.site.network)
	return err
}

// awaitNamespace waits until the host has made a namespace, and answers its name.
func awaitNamespace(ctx context.Context, pattern string) (string, error) {
	for range 200 {
		found, err := filepath.Glob("/run/netns/" + pattern)
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return filepath.Base(found[0]), nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("no network namespace %s appeared", pattern)
}

func (b *realBench) makeKey(ctx context.Context) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	if b.key, err = ssh.NewSignerFromKey(private); err != nil {
		return err
	}
	public := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(b.key.PublicKey())))
	_, err = b.site.call(ctx, "POST", "/compute/v2.1/os-keypairs", object{"keypair": object{"name": "bench", "public_key": public}}, nil)
	return err
}

// place is a port that guests are started on, by Nubo and by hand.
type place struct{ port, address string }

func (b *realBench) newPlace(ctx context.Context) (place, error) {
	var out struct {
		Port struct {
			ID        string
			Fixed_IPs []struct{ IP_Address string }
		}
	}
	_, err := b.site.call(ctx, "POST", "/network/v2.0/ports", object{"port": object{"network_id": b.site.network, "security_groups": []string{b.site.group}}}, &out)
	if err != nil {
		return place{}, err
	}
	return place{out.Port.ID, out.Port.Fixed_IPs[0].IP_Address}, nil
}

// server is one made through the API, with the command line of its QEMU.
type server struct {
	id     string
	active time.Duration // from the request
	ssh    time.Duration
	recipe *recipe
}

// create makes a server at a place and waits until it answers SSH.
func (b *realBench) create(ctx context.Context, p place) (*server, error) {
	began := time.Now()
	id, _, err := b.site.boot(ctx, object{"key_name": "bench", "networks": []object{{"port": p.port}}})
	if err != nil {
		return nil, err
	}
	s := &server{id: id}
	if err := b.site.awaitStatus(ctx, id, "ACTIVE"); err != nil {
		return nil, err
	}
	s.active = time.Since(began)
	if s.ssh, err = b.awaitSSH(ctx, p.address, began); err != nil {
		return nil, err
	}
	return s, b.learn(s, p)
}

// learn reads how the server's QEMU was started.
func (b *realBench) learn(s *server, p place) error {
	pid, err := findQEMU(s.id)
	if err != nil {
		return err
	}
	tap, err := b.findTap(p)
	if err != nil {
		return err
	}
	s.recipe, err = readRecipe(pid, tap, b.wires)
	return err
}

// findTap is the link in the network's namespace whose alias ends with the port's id.
func (b *realBench) findTap(p place) (string, error) {
	var name string
	err := inside(b.wires, func() error {
		links, err := netLinks()
		for link, alias := range links {
			if strings.HasSuffix(alias, p.port) && strings.HasPrefix(link, "tap") {
				name = link
			}
		}
		return err
	})
	if err == nil && name == "" {
		err = fmt.Errorf("port %s has no tap", p.port)
	}
	return name, err
}

// sshPatience bounds a boot, in emulation on a loaded machine.
const sshPatience = 5 * time.Minute

// awaitSSH waits for the first bytes of an SSH server, and answers how long after began they came.
func (b *realBench) awaitSSH(ctx context.Context, address string, began time.Time) (time.Duration, error) {
	for time.Since(began) < sshPatience {
		if conn, err := b.dial(address, 100*time.Millisecond); err == nil {
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			greeting := make([]byte, 4)
			_, err = conn.Read(greeting)
			conn.Close()
			if err == nil && string(greeting) == "SSH-" {
				return time.Since(began), nil
			}
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("no SSH at %s within %s", address, sshPatience)
}

// dial connects to a guest from its router. The wait is short and made anew: the kernel would try
// again only after a second.
func (b *realBench) dial(address string, wait time.Duration) (conn net.Conn, err error) {
	err = inside(b.router, func() error {
		conn, err = net.DialTimeout("tcp", net.JoinHostPort(address, "22"), wait)
		return err
	})
	return conn, err
}

// boots compares starting a guest through the API with starting the same by hand, in turns.
func (b *realBench) boots(ctx context.Context) ([]row, error) {
	var active, own, throughAPI, hand samples
	n := b.times(10)
	for i := range n + 1 {
		s, h, running, err := b.bootTwice(ctx, i)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			continue // the first takes the image in and fills the page cache, for both
		}
		active.add(s.active)
		own.add(running)
		throughAPI.add(s.ssh)
		hand.add(h)
	}
	return []row{
		{what: whatActive, budget: fmt.Sprintf("QEMU %.0f + 100 ms", own.median()), limit: own.median() + 100, unit: "ms", got: active, openstack: 0,
			note: fmt.Sprintf("QEMU's own start: the very same command line started by hand on a fresh overlay, until its monitor has answered and the CPUs run: median %.0f ms, P95 %.0f ms. ACTIVE is seen by asking every %s.", own.median(), own.quantile(0.95), pollEvery)},
		{what: whatSSH, budget: fmt.Sprintf("QEMU %.0f ms + 5 %%", hand.median()), limit: hand.median() * 1.05, unit: "ms", got: throughAPI,
			note: fmt.Sprintf("From the request (by hand: from starting the process) to the first bytes of SSH, seen from the router's namespace. By hand: the same command line, a fresh overlay by qemu-img on the same image, the same tap and bridge in the private namespace, Nubo's DHCP and metadata; in turns: median %.0f ms, P95 %.0f ms. One pair before them fills caches and is not counted.", hand.median(), hand.quantile(0.95))},
	}, nil
}

// bootTwice starts one guest through the API and the same by hand. hand is how long the latter took to answer SSH,
// running until its CPUs ran.
func (b *realBench) bootTwice(ctx context.Context, i int) (s *server, hand, running time.Duration, err error) {
	p, err := b.newPlace(ctx)
	if err != nil {
		return nil, 0, 0, err
	}
	if s, err = b.create(ctx, p); err != nil {
		return nil, 0, 0, err
	}
	if err := b.turnOff(ctx, s); err != nil {
		return nil, 0, 0, err
	}
	dir, err := os.MkdirTemp(b.work, "hand-")
	if err != nil {
		return nil, 0, 0, err
	}
	overlay := filepath.Join(dir, "disk")
	if err := s.recipe.newOverlay(ctx, overlay); err != nil {
		return nil, 0, 0, err
	}
	h, err := s.recipe.start(ctx, dir, overlay)
	if err != nil {
		return nil, 0, 0, err
	}
	hand, err = b.awaitSSH(ctx, p.address, h.started)
	h.end()
	return s, hand, h.running, errors.Join(err, b.remove(ctx, s))
}

func (b *realBench) turnOff(ctx context.Context, s *server) error {
	return b.power(ctx, s, "os-stop", "SHUTOFF")
}

func (b *realBench) power(ctx context.Context, s *server, action, status string) error {
	if _, err := b.site.call(ctx, "POST", "/compute/v2.1/servers/"+s.id+"/action", object{action: nil}, nil); err != nil {
		return err
	}
	return b.site.awaitStatus(ctx, s.id, status)
}

func (b *realBench) remove(ctx context.Context, s *server) error {
	_, err := b.site.call(ctx, "DELETE", "/compute/v2.1/servers/"+s.id, nil, nil)
	return err
}
