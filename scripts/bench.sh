#!/bin/sh
# Measures Nubo against its budgets and prints the table (test/bench says how). Arguments go to bench, for
# example: scripts/bench.sh -only api -scale 0.2
#
# NUBO_BINARY names the program to measure; without it one is built. As root real guests are measured too, with
# NUBO_TEST_IMAGE or an image that is made once and kept.
set -eu
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/nubo
mkdir -p "$cache"
work=$(mktemp -d "${TMPDIR:-/tmp}/nubo-bench-bin-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

nubo=${NUBO_BINARY:-}
if [ -z "$nubo" ]; then
	nubo=$work/nubo
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$nubo" ./cmd/nubo
fi
CGO_ENABLED=0 go build -o "$work/bench" ./test/bench

image=${NUBO_TEST_IMAGE:-}
if [ -z "$image" ] && [ "$(id -u)" -eq 0 ]; then
	image=$cache/bench-minimal.qcow2
	# Made again when it is missing or older than the guest program in it. Without it the rows about guests are skipped.
	if [ ! -s "$image" ] || [ internal/minimal/embedded/data/nubo-guest.gz -nt "$image" ]; then
		"$nubo" image build-minimal --cache-dir "$cache" --output "$image" >&2 || image=
	fi
fi
"$work/bench" -nubo "$nubo" -image "$image" "$@"
