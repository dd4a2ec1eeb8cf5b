package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// What is known of Check-in need not be written; of others it is.
func TestProviderOptions(t *testing.T) {
	p, _, _, err := providerOptions([]string{"check-in", "--client-id", "cloud", "--environment", "demo"})
	if err != nil || p.ID != "egi.eu" || p.Issuer != "https://aai-demo.egi.eu/auth/realms/egi" || p.Mapping != "egi-mapping" || p.Protocol != "openid" ||
		!slices.Contains(p.Scopes, "eduperson_entitlement") {
		t.Errorf("%+v, %v", p, err)
	}
	p, o, _, err := providerOptions([]string{"--issuer", "https://op.example", "--client-id", "cloud", "--scope", "openid,groups", "--state-dir", "/x", "home"})
	if err != nil || p.ID != "home" || p.Mapping != "home-mapping" || !slices.Equal(p.Scopes, []string{"openid", "groups"}) || o.where.StateDir != "/x" || o.where.Environment {
		t.Errorf("%+v, %+v, %v", p, o, err)
	}
	for want, args := range map[string][]string{
		"--client-id ID is needed":     {"check-in"},
		"--issuer URL is needed":       {"home", "--client-id", "x"},
		"is no URL":                    {"home", "--client-id", "x", "--issuer", "op.example"},
		"what stands before":           {"home", "--client-id", "x", "--issuer", "https://op.example/.well-known/openid-configuration"},
		"there is no environment":      {"check-in", "--client-id", "x", "--environment", "test"},
		"--environment is for":         {"home", "--client-id", "x", "--environment", "demo"},
		"one NAME is needed":           {"--client-id", "x"},
		"--authorization-ttl":          {"check-in", "--client-id", "x", "--authorization-ttl", "-1"},
		"flag provided but not":        {"check-in", "--client-secret", "x"},
		"unexpected argument \"home\"": {"check-in", "home"},
	} {
		if _, _, _, err := providerOptions(args); !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, not %q", args, err, want)
		}
	}
}

// A VO needs an entitlement that is one, and quotas that there are.
func TestVOOptions(t *testing.T) {
	for want, args := range map[string][]string{
		"--entitlement URN is needed":  {"ops"},
		"is no entitlement":            {"ops", "--entitlement", "ops"},
		"there is no quota named 'cpu": {"ops", "--entitlement", "urn:mace:egi.eu:group:ops", "--quota", "cpus=1"},
		"one NAME is needed":           {"--role", "member"},
	} {
		if err := addVO(args); !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, not %q", args, err, want)
		}
	}
	if err := voCommand(nil); !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), "add, list, resume, suspend") {
		t.Errorf("%v", err)
	}
}

// A secret is found in its file or variable, without the end of its line.
func TestReadSecret(t *testing.T) {
	t.Setenv("NUBO_CLIENT_SECRET", "s3cret\n")
	if s, err := readSecret(""); err != nil || s == nil || *s != "s3cret" {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := readSecret("/does/not/exist"); err == nil {
		t.Error("a file that is not there was read")
	}
}
