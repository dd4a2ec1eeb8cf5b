package main

import (
	"context"
	"fmt"
	"os"

	"github.com/nubo-cloud/nubo/internal/minimal"
)

func main() {
	out := os.Args[1]
	err := minimal.Build(context.Background(), minimal.Options{Output: out + ".qcow2", CacheDir: "/var/tmp/nubo-cache", KernelOutput: out + ".vmlinuz", InitramfsOutput: out + ".initramfs"})
	if err != nil {
		fmt.Println("ERROR:", err)
		os.Exit(1)
	}
}
