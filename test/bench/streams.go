package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/crypto/ssh"
)

// rates are megabytes per second of each kind of stream, one per repetition.
type rates [4]samples

var streamNames = [4]string{whatWrite, whatRead, whatSend, whatReceive}

// streams compare disk and network in a guest started by Nubo with the same guest started by hand: the same overlay,
// tap and bridge, one after the other, several times.
func (b *realBench) streams(ctx context.Context) ([]row, error) {
	p, err := b.newPlace(ctx)
	if err != nil {
		return nil, err
	}
	s, err := b.create(ctx, p)
	if err != nil {
		return nil, err
	}
	var ours, hand rates
	for i := range b.times(6) {
		if i > 0 {
			if err := b.power(ctx, s, "os-start", "ACTIVE"); err != nil {
				return nil, err
			}
		}
		if err := b.measure(ctx, p, &ours); err != nil {
			return nil, fmt.Errorf("started by Nubo: %w", err)
		}
		if err := b.turnOff(ctx, s); err != nil {
			return nil, err
		}
		if err := b.measureByHand(ctx, s, p, &hand); err != nil {
			return nil, fmt.Errorf("started by hand: %w", err)
		}
	}
	return compare(ours, hand), b.remove(ctx, s)
}

// compare makes a ratio of each boot by Nubo and the boot by hand that followed it.
func compare(ours, hand rates) []row {
	rows := make([]row, len(streamNames))
	for i, name := range streamNames {
		var s samples
		for j := range ours[i] {
			s = append(s, 100*ours[i][j]/hand[i][j])
		}
		rows[i] = row{what: name, budget: "97 % of QEMU", limit: 97, atLeast: true, unit: "%", got: s,
			note: fmt.Sprintf("Ratio of pairs measured one after the other. Nubo: median %.1f MB/s; by hand, same overlay, tap and bridge: %.1f MB/s.", ours[i].median(), hand[i].median())}
	}
	return rows
}

func (b *realBench) measureByHand(ctx context.Context, s *server, p place, to *rates) error {
	dir, err := os.MkdirTemp(b.work, "hand-")
	if err != nil {
		return err
	}
	h, err := s.recipe.start(ctx, dir, s.recipe.disk)
	if err != nil {
		return err
	}
	err = b.measure(ctx, p, to)
	return errors.Join(err, h.powerDown(ctx))
}

// measurePatience bounds all streams of one boot, in emulation on a loaded machine.
const measurePatience = 10 * time.Minute

// perBoot is how often each stream is measured in one boot.
const perBoot = 3

// Sizes of one stream.
const (
	diskMB    = 64 // in 2^20
	networkMB = 32 // in 2^20
)

// measure boots nothing: the guest at p runs, or is about to answer.
func (b *realBench) measure(ctx context.Context, p place, to *rates) error {
	if _, err := b.awaitSSH(ctx, p.address, time.Now()); err != nil {
		return err
	}
	g, err := b.logIn(p)
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	defer g.Close()
	ctx, cancel := context.WithTimeout(ctx, measurePatience)
	defer cancel()
	defer context.AfterFunc(ctx, func() { g.Close() })() // what hangs fails
	// The file's first write allocates clusters; it is not counted.
	if _, err := dd(g, write); err != nil {
		return err
	}
	for range perBoot {
		for i, stream := range []func() (float64, error){
			func() (float64, error) { return dd(g, write) }, func() (float64, error) { return dd(g, read) },
			func() (float64, error) { return b.send(g) }, func() (float64, error) { return b.receive(g) },
		} {
			rate, err := stream()
			if err != nil {
				return fmt.Errorf("%s: %w", streamNames[i], err)
			}
			to[i] = append(to[i], rate)
		}
	}
	return nil
}

func (b *realBench) logIn(p place) (*ssh.Client, error) {
	conn, err := b.dial(p.address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	// The guest makes its host key itself, in a namespace that nobody else is in.
	c, channels, requests, err := ssh.NewClientConn(conn, p.address, &ssh.ClientConfig{User: "cirros", Auth: []ssh.AuthMethod{ssh.PublicKeys(b.key)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// in runs a command in the guest.
func in(g *ssh.Client, command string) (string, error) {
	s, err := g.NewSession()
	if err != nil {
		return "", err
	}
	defer s.Close()
	out, err := s.CombinedOutput(command)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", command, err, out)
	}
	return string(out), nil
}

var (
	write = fmt.Sprintf("dd if=/dev/zero of=bench bs=1M count=%d conv=notrunc,fsync oflag=direct", diskMB)
	read  = fmt.Sprintf("dd if=bench of=/dev/null bs=1M count=%d iflag=direct", diskMB)
)

// dd runs dd in the guest and answers MB/s between two words that the guest says before and after: its own clock has
// no fractions that BusyBox would print.
func dd(g *ssh.Client, command string) (float64, error) {
	s, err := g.NewSession()
	if err != nil {
		return 0, err
	}
	defer s.Close()
	out, err := s.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := s.Start("echo begin; " + command + " 2>/dev/null && echo end"); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "begin" {
		return 0, fmt.Errorf("the guest said %q before %s", lines.Text(), command)
	}
	began := time.Now()
	if !lines.Scan() || lines.Text() != "end" {
		return 0, fmt.Errorf("%s failed in the guest", command)
	}
	return diskMB * 1.048576 / time.Since(began).Seconds(), s.Wait()
}

// listen opens a port on the router's address in the network.
func (b *realBench) listen() (l *net.TCPListener, command string, err error) {
	err = inside(b.router, func() error {
		any, err := net.Listen("tcp4", net.JoinHostPort(b.gateway, "0"))
		if err == nil {
			l = any.(*net.TCPListener)
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	_ = l.SetDeadline(time.Now().Add(time.Minute))
	return l, fmt.Sprintf("nc %s %d", b.gateway, l.Addr().(*net.TCPAddr).Port), nil
}

// streamed runs dd in the guest on a connection that nc has opened (nc itself copies a kilobyte
// at a time) while f works on the connection it makes, and answers MB/s of f.
func (b *realBench) streamed(g *ssh.Client, form string, f func(net.Conn) (int64, error)) (float64, error) {
	l, nc, err := b.listen()
	if err != nil {
		return 0, err
	}
	defer l.Close()
	ended := make(chan error, 1)
	go func() { _, err := in(g, fmt.Sprintf(form, nc)); ended <- err }()
	conn, err := l.Accept()
	if err != nil {
		return 0, errors.Join(errors.New("the guest did not connect to its router"), err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	began := time.Now()
	n, err := f(conn)
	took := time.Since(began)
	conn.Close()
	return float64(n) / 1e6 / took.Seconds(), errors.Join(err, <-ended)
}

func (b *realBench) send(g *ssh.Client) (float64, error) {
	return b.streamed(g, fmt.Sprintf("%%s -e dd if=/dev/zero bs=64k count=%d status=none", networkMB*16), func(c net.Conn) (int64, error) {
		n, err := io.Copy(io.Discard, c)
		if n != networkMB<<20 {
			err = errors.Join(err, fmt.Errorf("%d bytes came", n))
		}
		return n, err
	})
}

// receive measures until the guest has read everything: its nc then closes.
func (b *realBench) receive(g *ssh.Client) (float64, error) {
	return b.streamed(g, "%s -e dd of=/dev/null bs=64k status=none", func(c net.Conn) (int64, error) {
		n, err := io.Copy(c, &repeated{block: make([]byte, 64<<10), left: networkMB << 20})
		if err == nil {
			err = c.(*net.TCPConn).CloseWrite()
		}
		if err == nil {
			_, err = io.Copy(io.Discard, c)
		}
		return n, err
	})
}

// netLinks are the links of this thread's namespace with their aliases.
func netLinks() (map[string]string, error) {
	list, err := netlink.LinkList()
	links := map[string]string{}
	for _, l := range list {
		links[l.Attrs().Name] = l.Attrs().Alias
	}
	return links, err
}
