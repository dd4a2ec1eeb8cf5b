package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/wire/awssign"
	blocksim "github.com/nubo-cloud/nubo/internal/driver/block/sim"
	fabricsim "github.com/nubo-cloud/nubo/internal/driver/fabric/sim"
	hypervisorsim "github.com/nubo-cloud/nubo/internal/driver/hypervisor/sim"
	"github.com/nubo-cloud/nubo/internal/identity"
	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
	"github.com/nubo-cloud/nubo/internal/placement"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/store"
)

// insideRows measure single functions in this process.
func insideRows(ctx context.Context, o options) ([]row, error) {
	var rows []row
	for _, f := range []func(context.Context, options) ([]row, error){verifyRow, signedRow, bearerRow, placementRows, reconcileRows} {
		more, err := f(ctx, o)
		if err != nil {
			return rows, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

var quiet = slog.New(slog.DiscardHandler)

// batch times calls of f, n at a time, and answers the time of one in each batch.
func batch(batches, n int, f func() error) (samples, error) {
	var s samples
	for range batches {
		began := time.Now()
		for range n {
			if err := f(); err != nil {
				return s, err
			}
		}
		s.add(time.Since(began) / time.Duration(n))
	}
	return s, nil
}

// times scales samples to another unit.
func (s samples) times(factor float64) samples {
	for i := range s {
		s[i] *= factor
	}
	return s
}

// people is an identity service of its own, with its first administrator.
func people(ctx context.Context) (*identity.Service, *identity.Bootstrapped, func() error, error) {
	st, err := store.Open(ctx, "sqlite::memory:", store.Options{Log: quiet})
	if err != nil {
		return nil, nil, nil, err
	}
	s := identity.New(identity.Deps{Domains: st.Domains, Projects: st.Projects, Users: st.Users, Groups: st.Groups, Roles: st.Roles,
		Assignments: st.Assignments, Credentials: st.ApplicationCredentials, Secrets: st.Secrets, Revocations: st.Revocations, Standings: st.Standings, Providers: st.IdentityProviders,
		Settings: st.Settings, Tx: st, Log: quiet})
	made, err := s.Bootstrap(ctx, identity.Bootstrap{AdminPassword: "correct horse battery staple"})
	return s, made, st.Close, err
}

func verifyRow(ctx context.Context, o options) ([]row, error) {
	s, made, done, err := people(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	t, err := s.Issue(ctx, identity.Login{Password: &identity.PasswordLogin{User: identity.UserRef{ID: made.AdminUserID}, Password: made.AdminPassword}},
		identity.ScopeRequest{Project: &identity.ProjectRef{ID: made.AdminProjectID}})
	if err != nil {
		return nil, err
	}
	got, err := batch(o.times(200), 500, func() error { _, err := s.Verify(ctx, t.Value); return err })
	return []row{{what: "token verified", budget: "50 µs", limit: 50, unit: "µs", got: got.times(1000), note: "Mean of 500 in each repetition."}}, err
}

// signedRow is a request signed with an access key that was seen before: the signature is computed, and its owner admitted.
func signedRow(ctx context.Context, o options) ([]row, error) {
	s, made, done, err := people(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	k := identity.NewAccessKey()
	v := identity.Secret{Text: k.Text()}
	v.ID, v.UserID, v.ProjectID, v.Type = identity.AccessKeyID(k.Access), made.AdminUserID, made.AdminProjectID, identity.AccessKeyType
	if _, err := s.CreateSecret(cloud.WithPrincipal(ctx, cloud.System()), v); err != nil {
		return nil, err
	}
	r := awssign.Request{Verb: http.MethodPost, Host: "cloud", Path: "/", BodyHash: strings.Repeat("0", 64), Headers: http.Header{"X-Amz-Date": {"20150830T123600Z"},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=" + k.Access + "/20150830/us-east-1/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature=x"}}}
	fits := func(secret string) bool { return !r.Verify(secret, "some other signature") }
	got, err := batch(o.times(200), 100, func() error { _, err := s.AdmitSigned(ctx, k.Access, fits); return err })
	return []row{{what: "signed request verified, key seen before", budget: "100 µs", limit: 100, unit: "µs", got: got.times(1000),
		note: "Signature version 4 computed and its owner admitted; the mean of 100 in each repetition."}}, err
}

// bearerRow is a provider's access token whose signature is checked, with the keys at hand and no result kept.
func bearerRow(ctx context.Context, o options) ([]row, error) {
	const issuer = "https://op.example"
	op := openidtest.New(issuer)
	op.SetApp(openidtest.App{ID: "cloud", Secret: "secret", InTokens: []string{"entitlements"}})
	op.SetUser(openidtest.User{Subject: "ann", Claims: map[string]any{"entitlements": []string{"urn:mace:example.org:group:crew"}}})
	client, settings := openid.New(openid.Options{HTTP: openidtest.Client(op), KeepResults: -1}), openid.Settings{Issuer: issuer, ClientID: "cloud"}
	token := op.Grant("cloud", "ann", "openid")
	got, err := batch(o.times(200), 50, func() error { _, err := client.Bearer(ctx, settings, token); return err })
	return []row{{what: "access token of a provider checked, keys cached", budget: "200 µs", limit: 200, unit: "µs", got: got.times(1000),
		note: "By its signature (RS256); the mean of 50 in each repetition. A token that was seen within a minute costs a tenth."}}, err
}

// Sizes that the budgets name.
const (
	hostsMany  = 10_000
	guestsMany = 1_000
)

func placementRows(_ context.Context, o options) ([]row, error) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	known := make([]placement.Candidate, hostsMany)
	for i := range known {
		known[i] = placement.Candidate{ID: cloud.HostID(fmt.Sprintf("host-%05d", i)), Zone: "nova", Ready: i%50 != 0,
			VCPUs: 64 + i%960, MemoryMiB: 1024 * (1 + i*7919%256), DiskGiB: 1000, VCPUsMax: 1024, Machines: []string{"pc", "q35"}}
	}
	seed := uint64(0)
	choose := func(list []placement.Candidate) error {
		seed++
		i, ok := placement.Place(placement.Request{VCPUs: 2, MemoryMiB: 2048, DiskGiB: 20, Zone: "nova", Seed: seed}, list)
		if !ok {
			return fmt.Errorf("no host of %d was chosen", len(list))
		}
		list[i].MemoryMiB -= 2048
		if list[i].MemoryMiB < 4096 {
			list[i].MemoryMiB = 256 << 10 // its guests left
		}
		return nil
	}
	pure, err := batch(o.times(100), 50, func() error { return choose(known) })
	return []row{{what: "placement on 10,000 hosts, one core", budget: "5,000 /s", limit: 5000, atLeast: true, unit: "/s", got: perSecond(pure),
		note: "placement.Place with a zone asked for; the mean of 50 decisions in each repetition."}}, err
}

// perSecond turns milliseconds each into a rate.
func perSecond(s samples) samples {
	for i := range s {
		s[i] = 1000 / s[i]
	}
	return s
}

func reconcileRows(ctx context.Context, o options) ([]row, error) {
	a, guests, err := simulatedAgent(ctx, o)
	if err != nil {
		return nil, err
	}
	passes, err := batch(o.times(200), 1, func() error { a.Reconcile(ctx); return nil })
	if err != nil {
		return nil, err
	}
	again, err := batch(o.times(50), 1, func() error {
		for _, g := range guests {
			if _, err := a.EnsureGuest(ctx, g); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	inventory, err := batch(o.times(50), 1, func() error { _, err := a.Inventory(ctx); return err })
	return []row{
		{what: "1,000 guests on one agent: a pass, nothing changed", budget: "100 ms", limit: 100, unit: "ms", got: passes,
			note: "Drivers simulated; the real QEMU driver also answers from memory."},
		{what: "1,000 guests on one agent: all documents sent again", unit: "ms", got: again},
		{what: "1,000 guests on one agent: inventory", unit: "ms", got: inventory},
	}, err
}

// noImages is where no agent here fetches an image.
type noImages struct{}

func (noImages) OpenImage(context.Context, spec.ImageID) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(nil)), nil
}

// simulatedAgent is a host with 1,000 running guests, each with a disk and a NIC.
func simulatedAgent(ctx context.Context, o options) (*agent.Agent, []spec.Guest, error) {
	dir := filepath.Join(o.work, "agent")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	a := agent.New(agent.Options{Name: "bench", Hypervisor: hypervisorsim.New(hypervisorsim.Options{}), Block: blocksim.NewPool(blocksim.Options{}),
		Fabric: fabricsim.New(&fabricsim.Host{}, fabricsim.Options{}), Images: noImages{}, StateDir: dir, CPUs: 1024, MemoryBytes: 1 << 40, Log: quiet})
	err := a.EnsureNetwork(ctx, spec.Network{ID: "net", Generation: 1, MTU: 1500, AdminUp: true})
	if err != nil {
		return nil, nil, err
	}
	if err := a.EnsureGroup(ctx, spec.SecurityGroup{ID: "group", Generation: 1}); err != nil {
		return nil, nil, err
	}
	guests := make([]spec.Guest, guestsMany)
	for i := range guests {
		if guests[i], err = simulatedGuest(ctx, a, i); err != nil {
			return nil, nil, err
		}
	}
	return a, guests, nil
}

func simulatedGuest(ctx context.Context, a *agent.Agent, i int) (spec.Guest, error) {
	volume, port := spec.VolumeID(fmt.Sprintf("volume-%d", i)), spec.PortID(fmt.Sprintf("port-%d", i))
	mac := fmt.Sprintf("fa:16:3e:00:%02x:%02x", i>>8, i&255)
	g := spec.Guest{ID: spec.GuestID(fmt.Sprintf("guest-%d", i)), Generation: 1, CPUs: 1, MemoryBytes: 512 << 20, Machine: spec.MachineQ35,
		Firmware: spec.FirmwareBIOS, Power: spec.PowerOn, BootSerial: 1, Disks: []spec.Disk{{Volume: volume, Bus: spec.BusVirtio, BootIndex: 1}},
		NICs: []spec.NIC{{Port: port, MAC: mac, MTU: 1500}}}
	if _, err := a.EnsureVolume(ctx, spec.Volume{ID: volume, Generation: 1, SizeBytes: 1 << 30}); err != nil {
		return g, err
	}
	err := a.EnsurePort(ctx, spec.Port{ID: port, Generation: 1, Network: "net", Guest: g.ID, MAC: mac, AdminUp: true, Security: true,
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}, Groups: []spec.GroupID{"group"}})
	if err != nil {
		return g, err
	}
	_, err = a.EnsureGuest(ctx, g)
	return g, err
}
