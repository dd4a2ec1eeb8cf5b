package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/nubo-cloud/nubo/internal/operator"
)

// idpCommand holds the verbs about identity providers.
func idpCommand(args []string) error {
	return verbs{"test": testMapping, "add": addProvider, "list": listProviders, "delete": deleteProvider,
		"suspend": suspension("nubo idp suspend", "ID", (*operator.Cloud).SuspendProvider, true),
		"resume":  suspension("nubo idp resume", "ID", (*operator.Cloud).SuspendProvider, false)}.run(args)
}

// checkIn is the name by which nubo idp add knows EGI Check-in, checkInID what EGI's tools expect it to be called here.
const (
	checkIn   = "check-in"
	checkInID = "egi.eu"
)

// checkInIssuers are Check-in's environments.
var checkInIssuers = map[string]string{
	"production": "https://aai.egi.eu/auth/realms/egi",
	"demo":       "https://aai-demo.egi.eu/auth/realms/egi",
	"dev":        "https://aai-dev.egi.eu/auth/realms/egi",
}

// membershipMinutes is a day: an application credential outlives the night, and not the membership by much.
const membershipMinutes = 24 * 60

// addProvider makes an identity provider known.
func addProvider(args []string) error {
	p, o, file, err := providerOptions(args)
	if err != nil {
		return err
	}
	if p.SAML == (operator.SAML{}) {
		if p.Secret, err = readSecret(file); err != nil {
			return err
		}
	}
	return o.on(func(ctx context.Context, c *operator.Cloud) error { return c.AddProvider(ctx, p) })
}

func providerOptions(args []string) (p operator.Provider, o *operation, secretFile string, err error) {
	f, o := operatorFlags("nubo idp add")
	var environment string
	var scopes words
	f.StringVar(&p.Issuer, "issuer", "", "`URL` by which the provider calls itself; "+checkIn+" is known")
	f.StringVar(&environment, "environment", "production", "`WORD`: production, demo or dev, of "+checkIn)
	var metadata string
	f.StringVar(&metadata, "saml-metadata", "", "`FILE` or URL with a SAML provider's metadata, in place of an issuer and a client; a URL is fetched again every few hours")
	f.StringVar(&p.SAML.Feed, "saml-feed", "", "`NAME` of a federation's feed in the cloud's configuration, in place of one provider's metadata")
	f.StringVar(&p.ClientID, "client-id", "", "`ID` under which this cloud is registered at the provider")
	f.StringVar(&secretFile, "client-secret-file", "", "`FILE` with the client's secret; without it NUBO_CLIENT_SECRET, or the first line of standard input")
	f.StringVar(&p.ID, "id", "", "`ID` of the provider here (default NAME; "+checkInID+" for "+checkIn+")")
	f.StringVar(&p.Protocol, "protocol", "openid", "`NAME` of the protocol here; clients ask for openid, and for saml2 of a SAML provider, which is the default there")
	f.Var(&scopes, "scope", "`SCOPE` to ask for, repeatable (default openid, profile, email, and eduperson_entitlement of "+checkIn+")")
	f.IntVar(&p.MembershipMinutes, "authorization-ttl", membershipMinutes, "`MINUTES` for which the groups that a person brought along count for application credentials")
	name, err := parseNamed(f, args, "NAME")
	if err != nil {
		return p, o, "", err
	}
	if err := readMetadata(&p, metadata, f); err != nil {
		return p, o, "", err
	}
	p.Scopes = scopes
	if err := settleProvider(&p, name, environment, f); err != nil {
		return p, o, "", usageError{err}
	}
	return p, o, secretFile, nil
}

// readMetadata takes metadata from a file, or leaves the cloud to fetch it.
func readMetadata(p *operator.Provider, from string, f *flag.FlagSet) error {
	if (from != "" || p.SAML.Feed != "") && !given(f, "protocol") {
		p.Protocol = "saml2"
	}
	if strings.HasPrefix(from, "https://") || strings.HasPrefix(from, "http://") {
		p.SAML.URL = from
		return nil
	}
	if from == "" {
		return nil
	}
	text, err := os.ReadFile(from)
	p.SAML.Metadata = string(text)
	return err
}

// settleProvider fills in what is known of the provider, and finds what is missing.
func settleProvider(p *operator.Provider, name, environment string, f *flag.FlagSet) error {
	scopes := []string{"openid", "profile", "email"}
	if name == checkIn {
		if p.Issuer == "" {
			p.Issuer = checkInIssuers[environment]
		}
		if p.Issuer == "" {
			return fmt.Errorf("there is no environment '%s' of %s: it is production, demo or dev", environment, name)
		}
		p.ID, p.Mapping = cmp.Or(p.ID, checkInID), "egi-mapping"
		scopes = append(scopes, "eduperson_entitlement")
	} else if given(f, "environment") {
		return fmt.Errorf("--environment is for %s: name the provider's issuer with --issuer URL", checkIn)
	}
	p.ID = cmp.Or(p.ID, name)
	if p.Mapping == "" || p.ID != checkInID {
		p.Mapping = p.ID + "-mapping"
	}
	if len(p.Scopes) == 0 {
		p.Scopes = scopes
	}
	switch {
	case p.SAML != (operator.SAML{}) && (p.Issuer != "" || p.ClientID != ""):
		return errors.New("a SAML provider has metadata, and neither an issuer nor a client: leave --issuer and --client-id out")
	case p.MembershipMinutes < 0:
		return errors.New("--authorization-ttl is a number of minutes")
	case p.SAML != (operator.SAML{}):
		return nil
	case p.Issuer == "":
		return errors.New("--issuer URL is needed: it is what stands before /.well-known/openid-configuration")
	case p.ClientID == "":
		return errors.New("--client-id ID is needed: register this cloud at the provider first, which gives an id and a secret")
	}
	return operator.CheckIssuer(p.Issuer)
}

// given tells whether an option was written.
func given(f *flag.FlagSet, name string) (was bool) {
	f.Visit(func(o *flag.Flag) { was = was || o.Name == name })
	return was
}

func listProviders(args []string) error {
	return list(args, "nubo idp list", "identity_providers", (*operator.Cloud).Providers, []string{"ID", "STATE", "ISSUER", "PROTOCOLS", "CLIENT"},
		func(p operator.ProviderLine) []string {
			return []string{p.ID, state(p.Enabled), strings.Join(p.RemoteIDs, " "), strings.Join(p.Protocols, " "), p.ClientID}
		})
}

// deleteProvider removes a provider. Its domain stays, with what its users own.
func deleteProvider(args []string) error {
	f, o := operatorFlags("nubo idp delete")
	id, err := parseNamed(f, args, "ID")
	if err != nil {
		return err
	}
	return o.on(func(ctx context.Context, c *operator.Cloud) error { return c.DeleteProvider(ctx, id) })
}
