#!/bin/sh
# Builds the minimal image's init program (cmd/nubo-guest) where the nubo binary embeds it.
set -eu
cd "$(dirname "$0")/.."
out=internal/minimal/embedded/data/nubo-guest
# amd64 v1: the guest also runs on QEMU's plainest processor model.
CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOAMD64=v1 go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$out" ./cmd/nubo-guest
gzip -n -9 -f "$out"
