package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/nubo-cloud/nubo/internal/config"
	"github.com/nubo-cloud/nubo/internal/doctor"
)

// doctorCommand looks at this machine. It fails if guests cannot run here.
func doctorCommand(args []string) error {
	c := config.Default()
	asJSON := false
	f := flag.NewFlagSet("nubo doctor", flag.ContinueOnError)
	f.StringVar(&c.StateDir, "state-dir", c.StateDir, "`DIR` that nubo serve uses or will use")
	f.StringVar(&c.Listen, "listen", c.Listen, "`ADDR:PORT` that nubo serve will listen at")
	f.BoolVar(&asJSON, "json", false, "print the findings as JSON")
	if err := parse(f, args, false); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	facts, err := doctor.Gather(ctx, doctor.Options{StateDir: c.StateDir, Listen: c.Listen, NoVNCDir: c.NoVNCDir})
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
