package guest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/metadata"
	"github.com/nubo-cloud/nubo/internal/minimal/guest/shadow"
	"github.com/nubo-cloud/nubo/internal/minimal/guest/sshd"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

const (
	stateDir    = "/var/lib/nubo-guest"
	idFile      = stateDir + "/instance-id"
	doneFile    = stateDir + "/user-data-done"
	hostKeyDir  = "/etc/ssh"
	defaultUser = "cirros"

	// metadataPatience is how long the guest waits for metadata, after the
	// network is ready, before it opens without; it goes on asking.
	metadataPatience = 15 * time.Second
	networkPatience  = 20 * time.Second
)

// becomeInstance waits for metadata, applies it, and opens the guest. Metadata
// that comes late is applied when it comes.
func (g *guest) becomeInstance(ctx context.Context, drive *metadata.Instance) {
	found := make(chan *metadata.Instance, 2) // the service and the drive may both answer
	if drive != nil {
		found <- drive
	} else {
		search, stop := context.WithCancel(ctx)
		defer stop()
		go g.askService(search, found)
		go g.watchDrive(search, func(in *metadata.Instance) {
			g.useFixed(ctx, in)
			found <- in
		})
	}
	select {
	case in := <-found:
		g.console.mark("metadata ready")
		g.open(g.apply(in))
	case <-g.outOfPatience(ctx):
		g.console.logf("no metadata yet: opening without")
		g.open(nil)
		in := <-found
		g.console.mark("metadata ready")
		g.runUserData(g.apply(in))
	}
}

func (g *guest) outOfPatience(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-g.net.Ready():
			sleep(ctx, metadataPatience)
		case <-time.After(networkPatience):
		}
	}()
	return done
}

// askService asks the metadata service until it answers: first in quick steps,
// since a cloud may still be wiring the network, then slower.
func (g *guest) askService(ctx context.Context, found chan<- *metadata.Instance) {
	select {
	case <-g.net.Ready():
	case <-ctx.Done():
		return
	}
	for pause := 100 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, 10*time.Second) {
		for _, base := range serviceAddresses() {
			try, stop := context.WithTimeout(ctx, 5*time.Second)
			in, err := metadata.FromService(try, base)
			stop()
			if err == nil {
				found <- in
				return
			}
		}
		sleep(ctx, pause)
	}
}

// serviceAddresses: the IPv4 address all clouds share, and OpenStack's IPv6 one
// on every link, for networks without IPv4.
func serviceAddresses() []string {
	out := []string{"http://169.254.169.254"}
	links, err := net.Interfaces()
	if err != nil {
		return out
	}
	for _, l := range links {
		if l.Flags&net.FlagLoopback == 0 && l.Flags&net.FlagUp != 0 && !hasIPv4(l) {
			out = append(out, "http://[fe80::a9fe:a9fe%25"+l.Name+"]")
		}
	}
	return out
}

func hasIPv4(l net.Interface) bool {
	addrs, err := l.Addrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
			return true
		}
	}
	return false
}

// watchDrive looks at the config drive again whenever a disk appears: those on
// a CD-ROM come late.
func (g *guest) watchDrive(ctx context.Context, found func(*metadata.Instance)) {
	for {
		changed := g.events.nextBlock()
		if in := g.configDrive(); in != nil {
			found(in)
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// apply makes the guest that instance. What belongs to another instance, whose
// disk this was when it was copied, is forgotten. Errors are told and the rest
// is still done: a guest that can be reached can be looked at.
func (g *guest) apply(in *metadata.Instance) *metadata.Instance {
	g.console.logf("instance %s from the %s", in.ID, in.Source)
	isNew := readTrimmed(idFile) != in.ID
	steps := []func() error{
		func() error { return setHostname(in.Hostname) },
		func() error { return authorize(in.Keys, isNew) },
	}
	if isNew {
		steps = append(steps,
			func() error { return sshd.Forget(hostKeyDir) },
			func() error { return setPassword(in.AdminPass) },
			func() error { return writeState(idFile, in.ID) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			g.console.logf("%v", err)
		}
	}
	return in
}

func setPassword(password string) error {
	if password == "" {
		return nil
	}
	return errors.Join(shadow.Set(defaultUser, password), shadow.Set("root", password))
}

func readTrimmed(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func writeState(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text+"\n"), 0o644)
}

func setHostname(full string) error {
	if full == "" {
		full = readTrimmed("/etc/hostname")
	}
	short, _, _ := strings.Cut(full, ".")
	if short == "" {
		return nil
	}
	hosts := "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 " + full
	if full != short {
		hosts += " " + short
	}
	return errors.Join(
		unix.Sethostname([]byte(short)),
		os.WriteFile("/etc/hostname", []byte(short+"\n"), 0o644),
		os.WriteFile("/etc/hosts", []byte(hosts+"\n"), 0o644))
}

// open starts SSH, then the login prompts and user-data. in is nil without
// metadata.
func (g *guest) open(in *metadata.Instance) {
	if in == nil {
		if err := setHostname(""); err != nil {
			g.console.logf("%v", err)
		}
	}
	if err := g.serveSSH(); err != nil {
		g.console.logf("ssh: %v", err)
	} else {
		g.console.mark("ssh ready")
	}
	g.loginPrompts()
	if in != nil {
		g.runUserData(in)
	}
}

func (g *guest) serveSSH() error {
	keys, err := sshd.HostKeys(hostKeyDir)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", ":22")
	if err != nil {
		return err
	}
	g.printFingerprints(keys)
	s := &sshd.Server{HostKeys: keys, Log: g.console.logf, Start: g.children.start, SFTP: []string{Program, "sftp-server"}}
	g.ssh.Store(s)
	go func() {
		if err := s.Serve(l); err != nil {
			g.console.logf("ssh: %v", err)
		}
	}()
	return nil
}

// printFingerprints uses the marks that clouds look for in console logs to
// learn an instance's host keys.
func (g *guest) printFingerprints(keys []ssh.Signer) {
	var fp, full strings.Builder
	for _, k := range keys {
		kind := strings.TrimPrefix(k.PublicKey().Type(), "ssh-")
		fp.WriteString(ssh.FingerprintSHA256(k.PublicKey()) + " root@" + readTrimmed("/etc/hostname") + " (" + kind + ")\n")
		full.Write(ssh.MarshalAuthorizedKey(k.PublicKey()))
	}
	g.console.write("-----BEGIN SSH HOST KEY FINGERPRINTS-----\n" + fp.String() + "-----END SSH HOST KEY FINGERPRINTS-----\n" +
		"-----BEGIN SSH HOST KEY KEYS-----\n" + full.String() + "-----END SSH HOST KEY KEYS-----\n")
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
