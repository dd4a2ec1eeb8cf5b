package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"

	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/doctor"
)

// doctorCommand looks at this machine. It fails if guests cannot run here.
func doctorCommand(args []string) error {
	c := config.Default()
	asJSON, file := false, ""
	f := flag.NewFlagSet("nubo doctor", flag.ContinueOnError)
	f.StringVar(&c.StateDir, "state-dir", c.StateDir, "`DIR` that nubo serve uses or will use")
	f.StringVar(&c.Listen, "listen", c.Listen, "`ADDR:PORT` that nubo serve will listen at")
	f.StringVar(&file, "config", "", "JSON `FILE` that nubo serve gets")
	f.BoolVar(&asJSON, "json", false, "print the findings as JSON")
	if err := parse(f, args, false); err != nil {
		return err
	}
	public, err := publicRange(file)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	facts, err := doctor.Gather(ctx, doctor.Options{StateDir: c.StateDir, Listen: c.Listen, NoVNCDir: c.NoVNCDir, PublicNetwork: public})
	if err != nil {
		return err
	}
	report := doctor.Judge(facts)
	write := report.Write
	if asJSON {
		write = report.WriteJSON
	}
	if err := write(os.Stdout); err != nil {
		return err
	}
	if n := report.Problems(); n > 0 {
		return fmt.Errorf("guests cannot run on this machine yet: %d of the findings above are problems", n)
	}
	return nil
}

// publicRange is the range that the host has for the external network; none if that stands on a NIC.
func publicRange(file string) (netip.Prefix, error) {
	c := config.Default()
	if file != "" {
		if err := c.Load(file); err != nil {
			return netip.Prefix{}, err
		}
	}
	if c.PublicInterface != "" {
		return netip.Prefix{}, nil
	}
	return c.PublicNetwork, nil
}
