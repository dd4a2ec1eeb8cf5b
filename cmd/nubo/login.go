package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/login"
	"github.com/nubo-cloud/nubo/internal/openid"
)

// loginDays is how long a credential is good unless the person says otherwise; membership may end it earlier.
const loginDays = 30

// loginOptions are what a person says.
type loginOptions struct {
	request                                  login.Request
	environment, file, entry, region, caCert string
}

// loginCommand signs a person in at a terminal, by the person's identity provider.
func loginCommand(args []string) error {
	o, err := readLoginOptions(args)
	if err != nil {
		return err
	}
	if o.request.HTTP, err = clientTrusting(o.caCert); err != nil {
		return err
	}
	o.request.Show = func(d *openid.Device) {
		fmt.Fprintf(os.Stderr, "open %s and type in %s", d.Page, d.UserCode)
		if d.PageWithCode != "" {
			fmt.Fprintf(os.Stderr, ", or open %s", d.PageWithCode)
		}
		fmt.Fprintln(os.Stderr)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	made, err := login.Login(ctx, openid.New(openid.Options{}), o.request)
	if err != nil {
		return err
	}
	if err := login.Save(o.file, o.entry, made.Entry(o.region, o.caCert)); err != nil {
		return fmt.Errorf("the credential was made and cannot be kept: %w", err)
	}
	fmt.Printf("signed in as %s in project %s until %s; use it as --os-cloud %s\n", made.User, made.Project, made.Expires.Format(time.DateOnly), o.entry)
	return nil
}

func readLoginOptions(args []string) (o loginOptions, err error) {
	r := &o.request
	f := flag.NewFlagSet("nubo login", flag.ContinueOnError)
	f.StringVar(&r.AuthURL, "auth-url", os.Getenv("OS_AUTH_URL"), "`URL` of the cloud's identity service (default OS_AUTH_URL)")
	f.StringVar(&r.Provider, "provider", checkInID, "`ID` of your identity provider at the cloud")
	f.StringVar(&r.Protocol, "protocol", "openid", "`NAME` of the protocol at the cloud")
	f.StringVar(&r.Client.Issuer, "issuer", "", "`URL` of your identity provider; that of "+checkIn+" is known")
	f.StringVar(&o.environment, "environment", "production", "`WORD`: production, demo or dev, of "+checkIn)
	f.StringVar(&r.Client.ClientID, "client-id", "", "`ID` of a client at your identity provider that may sign people in at terminals")
	f.StringVar(&r.Project, "project", "", "`NAME` or id of the project to work in; needed if you are in several")
	f.IntVar(&r.Days, "days", loginDays, "`DAYS` for which the credential is good")
	f.StringVar(&o.entry, "name", "nubo", "`NAME` of the entry in clouds.yaml")
	f.StringVar(&o.file, "clouds-file", "", "`FILE` to write the entry to (default clouds.yaml where other clients look)")
	f.StringVar(&o.region, "region", "RegionOne", "`NAME` of the region")
	f.StringVar(&o.caCert, "cacert", os.Getenv("OS_CACERT"), "`FILE` with the certificate of the cloud's authority, if it is one of its own (default OS_CACERT)")
	if err := parse(f, args, false); err != nil {
		return o, err
	}
	if err := o.settle(); err != nil {
		return o, usageError{err}
	}
	return o, o.defaults()
}

func (o *loginOptions) settle() error {
	r := &o.request
	if r.Client.Issuer == "" && r.Provider == checkInID {
		r.Client.Issuer = checkInIssuers[o.environment]
	}
	switch {
	case r.AuthURL == "":
		return errors.New("--auth-url URL is needed: where the cloud's identity service is, such as https://cloud.example.org:8700/v3")
	case r.Client.Issuer == "":
		return errors.New("--issuer URL of your identity provider is needed")
	case r.Client.ClientID == "":
		return errors.New("--client-id ID is needed: your identity provider or the cloud's operator names one")
	case r.Days < 1:
		return errors.New("--days is 1 or more")
	}
	if !strings.HasSuffix(strings.TrimSuffix(r.AuthURL, "/"), "/v3") {
		r.AuthURL = strings.TrimSuffix(r.AuthURL, "/") + "/v3"
	}
	return nil
}

// defaults are those that this machine says.
func (o *loginOptions) defaults() error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	o.request.Name = fmt.Sprintf("nubo login on %s, %s", host, time.Now().UTC().Format("2006-01-02 15:04:05"))
	if o.caCert != "" {
		if o.caCert, err = filepath.Abs(o.caCert); err != nil {
			return err
		}
	}
	if o.file == "" {
		home := os.Getenv("XDG_CONFIG_HOME") // what other clients ask, on all systems
		if home == "" {
			if home, err = os.UserHomeDir(); err != nil {
				return err
			}
			home = filepath.Join(home, ".config")
		}
		o.file = filepath.Join(home, "openstack", "clouds.yaml")
	}
	return nil
}

// loginTime bounds one request to the cloud.
const loginTime = time.Minute

func clientTrusting(caCert string) (*http.Client, error) {
	if caCert == "" {
		return &http.Client{Timeout: loginTime}, nil
	}
	text, err := os.ReadFile(caCert)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", caCert)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	return &http.Client{Timeout: loginTime, Transport: transport}, nil
}
