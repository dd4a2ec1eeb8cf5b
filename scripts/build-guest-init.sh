#!/bin/sh
# Builds the minimal image's init program (cmd/nubo-guest) where the nubo binary embeds it.
set -eu
cd "$(dirname "$0")/.."
out=internal/minimal/embedded/data/nubo-guest.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# amd64 v1: the guest also runs on QEMU's plainest processor model.
CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOAMD64=v1 "${GO:-go}" build -trimpath -buildvcs=false -ldflags "-s -w" -o "$work/guest" ./cmd/nubo-guest
gzip -n -9 "$work/guest"
# Left alone when nothing changed, so that what depends on its time is not made again; moved in
# whole, so that a build beside this one never embeds half a file.
if ! cmp -s "$work/guest.gz" "$out"; then
	install -m 0644 "$work/guest.gz" "$out.new"
	mv "$out.new" "$out"
fi
