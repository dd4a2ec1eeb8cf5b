// Package config is what an operator may choose: one struct, its defaults, its
// validation. Values come from a JSON file and then from flags; unknown keys are errors.
//
// It reads no environment and touches no host.
package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Config is one `nubo serve`.
type Config struct {
	Listen   string `json:"listen"`    // ADDR:PORT
	StateDir string `json:"state_dir"` // absolute, or relative to the working directory
	// BackupDir keeps backups of volumes, best on another file system than the state; empty: in the state directory.
	BackupDir string `json:"backup_dir"`
	// VolumeBackends are where new volumes go; empty: beside the disks of guests, in the state directory.
	VolumeBackends []VolumeBackend `json:"volume_backends"`
	// DefaultVolumeType names the type of volumes for which none is asked. It is made at the first start.
	DefaultVolumeType string `json:"default_volume_type"`
	// Database is sqlite:///FILE or postgres://…; empty: SQLite in the state directory.
	Database string `json:"database"`
	// Simulate, if more than 0, is the number of simulated hosts in place of this machine.
	Simulate int `json:"simulate"`
	// SimulateSeed decides times and faults of simulated hosts.
	SimulateSeed uint64 `json:"simulate_seed"`

	TLSCert string `json:"tls_cert"`
	TLSKey  string `json:"tls_key"`
	// TLS may be "self-signed": a CA and certificate are made in the state directory.
	TLS string `json:"tls"`
	// Insecure allows listening beyond loopback without TLS.
	Insecure bool `json:"insecure"`

	Region string `json:"region"`
	Zone   string `json:"zone"`
	// ZoneNames are further names of availability zones, each with the zone's own: a cloud of one machine can offer several
	// zones to clients that want to spread over some.
	ZoneNames map[string]string `json:"zone_names"`
	// HostName names this machine among the hosts; empty: the system's name.
	HostName string `json:"host_name"`
	// Acceleration is "auto", "kvm" or "tcg".
	Acceleration string `json:"acceleration"`
	LogLevel     string `json:"log_level"` // debug, info, warn, error

	// PublicNetwork is the range of the external network made at the first start.
	PublicNetwork netip.Prefix `json:"public_network"`
	// PublicInterface is a NIC or bridge that reaches the outside; empty: NAT out of the default route.
	PublicInterface string `json:"public_interface"`
	// PhysicalNetworks are the networks outside that networks of operators can be named after, with what each host can promise
	// of their bandwidth. PacketRateKpps is how many thousand packets/s each host can promise; 0: none.
	PhysicalNetworks []PhysicalNetwork `json:"physical_networks"`
	PacketRateKpps   int               `json:"packet_rate_kpps"`
	// DistributedRouters makes new routers distributed unless an administrator says otherwise.
	DistributedRouters bool `json:"distributed_routers"`
	// VCPURatio and MemoryRatio are how much of a host is given away.
	VCPURatio   float64 `json:"vcpu_ratio"`
	MemoryRatio float64 `json:"memory_ratio"`
	// ShutdownSeconds is how long a guest may take to shut down when asked.
	ShutdownSeconds int `json:"shutdown_seconds"`
	// ResumeGuests starts guests that should run again after their host was rebooted.
	ResumeGuests bool `json:"resume_guests"`
	// TokenSeconds is how long a token lives.
	TokenSeconds int `json:"token_seconds"`
	// LockoutAttempts wrong passwords lock an account for LockoutSeconds; 0: never.
	LockoutAttempts int `json:"lockout_attempts"`
	LockoutSeconds  int `json:"lockout_seconds"`
	// PasswordDays after which a password must be changed; 0: never.
	PasswordDays int `json:"password_days"`
	// PasswordRegexes must all match a new password (a user's of its own and an administrator's for a user);
	// PasswordRegexDescription is what those are told whose password does not.
	PasswordRegexes          []string `json:"password_regexes"`
	PasswordRegexDescription string   `json:"password_regex_description"`
	// MinimumPasswordAgeDays users must keep a password that they have chosen; 0: none.
	MinimumPasswordAgeDays int `json:"minimum_password_age_days"`
	// ChangePasswordUponFirstUse is for passwords that administrators set.
	ChangePasswordUponFirstUse bool `json:"change_password_upon_first_use"`
	// UniquePasswords of a user cannot be chosen again; 0: any.
	UniquePasswords int `json:"unique_passwords"`
	// TrustedDashboards are pages that a browser which signed in by an identity provider may carry its token to: whole URLs, as
	// "https://cloud.example/dashboard/auth/websso/".
	TrustedDashboards []string `json:"trusted_dashboards"`
	// SAMLFeeds are the signed lists that federations publish of their SAML identity providers.
	SAMLFeeds []SAMLFeed `json:"saml_feeds"`
	// MembershipSeconds is how often an identity provider is asked whether users are still in their groups there.
	MembershipSeconds int `json:"membership_seconds"`
	// CheckSeconds is how often each host is compared with the store.
	CheckSeconds int `json:"check_seconds"`
	// KeepDeletedDays is how long what is deleted can still be listed, KeepOperationsDays how long an ended operation
	// (an action on a server) can be read; 0: for ever.
	KeepDeletedDays    int `json:"keep_deleted_days"`
	KeepOperationsDays int `json:"keep_operations_days"`
	// TraceMonths is how long the log of who did what is kept; 0: for ever.
	TraceMonths int `json:"trace_months"`
	// TrustedProxies are ranges of addresses whose word about where a request came from (X-Forwarded-For) is taken.
	TrustedProxies []netip.Prefix `json:"trusted_proxies"`
	// MeterSeconds is how often what meters of traffic have counted is taken down.
	MeterSeconds int `json:"meter_seconds"`
	// ImportRanges are addresses that image imports by URL may reach although they are not public.
	ImportRanges []netip.Prefix `json:"import_ranges"`
	// EC2 is about the Amazon EC2 API.
	EC2 EC2 `json:"ec2"`
	// NoVNCDir holds the noVNC viewer's files.
	NoVNCDir string `json:"novnc_dir"`
}

// PhysicalNetwork is a network outside the cloud, with the bandwidth that each host can promise on it and the NIC that
// reaches it; without one its networks stay within the host.
type PhysicalNetwork struct {
	Name        string `json:"name"`
	EgressKbps  int    `json:"egress_kbps"`
	IngressKbps int    `json:"ingress_kbps"`
	Interface   string `json:"interface"`
}

// Default is the configuration of a cloud whose operator chose nothing.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:8700", StateDir: "/var/lib/nubo", DefaultVolumeType: "default", Region: "RegionOne", Zone: "nova", Acceleration: "auto", LogLevel: "info",
		PublicNetwork: netip.MustParsePrefix("172.24.4.0/24"), VCPURatio: 16, MemoryRatio: 1, ShutdownSeconds: 60,
		PhysicalNetworks: []PhysicalNetwork{{Name: "physnet1", EgressKbps: 10_000_000, IngressKbps: 10_000_000}}, PacketRateKpps: 1000,
		TokenSeconds: 3600, MembershipSeconds: 300, CheckSeconds: 60, ResumeGuests: true, KeepDeletedDays: 30, KeepOperationsDays: 90, TraceMonths: 13, MeterSeconds: 300, NoVNCDir: "/usr/share/novnc",
		EC2: defaultEC2(),
	}
}

// Load lays a JSON file over c. A key that does not exist is an error.
func (c *Config) Load(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	return nil
}

// Validate makes paths absolute and refuses what contradicts itself.
func (c *Config) Validate() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen address %q is not ADDR:PORT", c.Listen)
	}
	if c.StateDir, err = filepath.Abs(c.StateDir); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("a TLS certificate needs its key and the other way round: give both --tls-cert and --tls-key")
	case c.TLS != "" && c.TLS != "self-signed":
		return fmt.Errorf("--tls=%s is not known; the only value is self-signed", c.TLS)
	case !c.Encrypted() && !c.Insecure && !loopback(host):
		return fmt.Errorf("refusing to listen on %s without TLS, passwords would be readable on the way: give --tls=self-signed, --tls-cert and --tls-key, or --insecure", c.Listen)
	case c.Simulate < 0:
		return errors.New("--simulate takes the number of hosts, 1 or more")
	case c.KeepDeletedDays < 0 || c.KeepOperationsDays < 0:
		return errors.New("keep_deleted_days and keep_operations_days are numbers of days, 0 for ever")
	case c.TraceMonths < 0:
		return errors.New("trace_months is a number of months, 0 for ever")
	case c.MeterSeconds < 1:
		return errors.New("meter_seconds is 1 or more")
	case !c.PublicNetwork.IsValid() || !c.PublicNetwork.Addr().Is4() || c.PublicNetwork.Bits() > 28:
		return fmt.Errorf("public_network %s must be an IPv4 range of /28 or larger", c.PublicNetwork)
	}
	if err := errors.Join(c.checkPasswords(), c.checkPhysical(), c.checkBackends(), c.checkFeeds(), c.EC2.check()); err != nil {
		return err
	}
	if c.Database == "" {
		c.Database = "sqlite://" + filepath.Join(c.StateDir, "nubo.db")
	}
	return nil
}

func (c *Config) checkPasswords() error {
	for _, p := range c.PasswordRegexes {
		if _, err := regexp.Compile(p); err != nil {
			return fmt.Errorf("password_regexes: %w (there is no looking ahead: write several, all of which must match)", err)
		}
	}
	if c.PasswordDays > 0 && c.MinimumPasswordAgeDays >= c.PasswordDays {
		return errors.New("minimum_password_age_days must be below password_days, or no password could be changed in time")
	}
	return nil
}

// Patterns are the password_regexes of a valid configuration.
func (c *Config) Patterns() (all []*regexp.Regexp) {
	for _, p := range c.PasswordRegexes {
		all = append(all, regexp.MustCompile(p))
	}
	return all
}

func (c *Config) checkPhysical() error {
	seen := map[string]bool{}
	for _, p := range c.PhysicalNetworks {
		if p.Name == "" || len(p.Name) > 64 || seen[p.Name] {
			return fmt.Errorf("physical_networks: %q: each needs a name of its own, of 64 characters at most", p.Name)
		}
		if p.EgressKbps < 0 || p.IngressKbps < 0 || p.EgressKbps > math.MaxInt32 || p.IngressKbps > math.MaxInt32 {
			return fmt.Errorf("physical_networks: %s: egress_kbps and ingress_kbps are from 0 to %d", p.Name, math.MaxInt32)
		}
		seen[p.Name] = true
	}
	if c.PacketRateKpps < 0 || c.PacketRateKpps > math.MaxInt32 {
		return fmt.Errorf("packet_rate_kpps is from 0 to %d", math.MaxInt32)
	}
	return nil
}

// Backups is the directory of the volumes' backups.
func (c *Config) Backups() string {
	if c.BackupDir != "" {
		return c.BackupDir
	}
	return filepath.Join(c.StateDir, "backups")
}

// Traces is the directory of the log of who did what.
func (c *Config) Traces() string { return filepath.Join(c.StateDir, "traces") }

// Encrypted tells whether clients speak TLS to us.
func (c *Config) Encrypted() bool { return c.TLSCert != "" || c.TLS != "" }

// Alone tells whether no other process can work on the same store.
func (c *Config) Alone() bool { return !strings.HasPrefix(c.Database, "postgres") }

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Days is a number of days as a duration.
func Days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// Seconds is a number of seconds as a duration.
func Seconds(n int) time.Duration { return time.Duration(n) * time.Second }
