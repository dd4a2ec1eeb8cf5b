package main

import (
	"flag"
	"fmt"
	"runtime"

	"github.com/nubo-cloud/nubo/internal/daemon"
)

func version(args []string) error {
	if err := parse(flag.NewFlagSet("nubo version", flag.ContinueOnError), args, false); err != nil {
		return err
	}
	fmt.Printf("nubo %s (%s, %s/%s)\n", daemon.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
