package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/daemon"
)

// serve runs the cloud until it is told to stop. Guests go on.
func serve(args []string) error {
	c, err := serveConfig(args)
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return usageError{fmt.Errorf("log level %q is not one of debug, info, warn, error", c.LogLevel)}
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d, err := daemon.New(ctx, c, log)
	if err != nil {
		return err
	}
	err = d.Run(ctx, func() { fmt.Println("nubo: ready at", d.URL()) })
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}

// serveConfig lays flags over the file over the defaults.
func serveConfig(args []string) (config.Config, error) {
	c := config.Default()
	var file string
	f := serveFlags(&c, &file)
	if err := parse(f, args, false); err != nil {
		return c, err
	}
	if file != "" {
		// The file's values first, then the flags that were given, again.
		c = config.Default()
		if err := c.Load(file); err != nil {
			return c, err
		}
		if err := parse(serveFlags(&c, &file), args, false); err != nil {
			return c, err
		}
	}
	if err := c.Validate(); err != nil {
		return c, usageError{err}
	}
	return c, nil
}

func serveFlags(c *config.Config, file *string) *flag.FlagSet {
	f := flag.NewFlagSet("nubo serve", flag.ContinueOnError)
	f.StringVar(file, "config", "", "JSON `FILE` with any of these settings and more")
	f.StringVar(&c.Listen, "listen", c.Listen, "`ADDR:PORT` the API answers at")
	f.StringVar(&c.StateDir, "state-dir", c.StateDir, "`DIR` for everything that has to be kept")
	f.StringVar(&c.Database, "database", c.Database, "`URL`: sqlite:///FILE or postgres://…; default SQLite in the state directory")
	f.IntVar(&c.Simulate, "simulate", c.Simulate, "`N` simulated hosts in place of this machine; needs neither root nor KVM")
	f.StringVar(&c.TLSCert, "tls-cert", c.TLSCert, "`FILE` with the TLS certificate (PEM)")
	f.StringVar(&c.TLSKey, "tls-key", c.TLSKey, "`FILE` with its key")
	f.StringVar(&c.TLS, "tls", c.TLS, "`self-signed`: make a CA and a certificate in the state directory")
	f.BoolVar(&c.Insecure, "insecure", c.Insecure, "listen beyond loopback without TLS")
	f.StringVar(&c.LogLevel, "log-level", c.LogLevel, "`LEVEL`: debug, info, warn, error")
	return f
}
