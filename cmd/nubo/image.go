package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/nubo-cloud/nubo/internal/minimal"
)

// imageCommand holds the verbs about image files.
func imageCommand(args []string) error {
	if len(args) == 0 || args[0] != "build-minimal" {
		return usageError{errors.New("the only verb is build-minimal: nubo image build-minimal --output FILE")}
	}
	return buildMinimal(args[1:])
}

// buildMinimal makes a small bootable image from the distribution's kernel.
func buildMinimal(args []string) error {
	o := minimal.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	f := flag.NewFlagSet("nubo image build-minimal", flag.ContinueOnError)
	f.StringVar(&o.Output, "output", "", "`FILE` to write, a qcow2 image")
	f.StringVar(&o.CacheDir, "cache-dir", defaultCache(), "`DIR` that keeps the downloaded kernel")
	f.StringVar(&o.KernelOutput, "kernel", "", "also write the kernel to `FILE`, for direct boot")
	f.StringVar(&o.InitramfsOutput, "initramfs", "", "also write the initramfs to `FILE`")
	if err := parse(f, args, false); err != nil {
		return err
	}
	if o.Output == "" {
		return usageError{errors.New("--output FILE is needed")}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := minimal.Build(ctx, o); err != nil {
		return fmt.Errorf("build image: %w", err)
	}
	return nil
}

func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "nubo")
}
