#!/bin/bash
# minimal-image.sh DIR: makes the minimal guest image, and its kernel and initramfs for direct boot, in DIR:
# nubo-minimal.{qcow2,vmlinuz,initramfs}. Does nothing when they are there and not older than what they are made of.
set -euo pipefail
dir=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
. scripts/lib.sh
image=$dir/nubo-minimal.qcow2

fresh() {
	[ -s "$image" ] && [ -s "$dir/nubo-minimal.vmlinuz" ] && [ -s "$dir/nubo-minimal.initramfs" ] &&
		[ -z "$(find internal/minimal -type f -newer "$image" ! -name '*_test.go' -print -quit)" ]
}

build() {
	bin/nubo image build-minimal --output "$image" --kernel "$dir/nubo-minimal.vmlinuz" --initramfs "$dir/nubo-minimal.initramfs" --cache-dir "$dir/cache"
}

if fresh; then
	exit 0
fi
if ! step "minimal image: the distribution's kernel, BusyBox and a small init" build; then
	# The usual reason: the package lists name a kernel that the mirror has replaced since.
	step "package lists: apt-get update" apt-get -q -o DPkg::Lock::Timeout=300 update || say "going on with the lists there are"
	step "minimal image, second try" build || fail "the minimal image could not be made (see above)"
fi
