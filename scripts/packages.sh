#!/bin/bash
# packages.sh [--test]: installs the Debian (or Ubuntu) packages that Nubo needs and that are missing,
# without a question. --test adds what only the tests need. Quick when everything is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# What each is for:
base=(
	qemu-system-x86 seabios ovmf # guests, their firmware (driver/hypervisor/qemu)
	qemu-utils                   # disks (driver/block/file)
	nftables iproute2            # networks (driver/fabric/linux); ip is for people
	strongswan-charon strongswan-starter strongswan-swanctl libcharon-extra-plugins libstrongswan-standard-plugins # VPNs (driver/fabric/linux/charon)
	novnc                        # the console page
	busybox-static dpkg e2fsprogs mtools syslinux syslinux-common systemd-boot-efi # the minimal image (internal/minimal)
	openssh-client python3-openstackclient                                         # the demo, and a first session
	ca-certificates curl procps
)
test=(
	postgresql                                         # the second database; the tests start a server of their own
	chromium chromium-driver                           # the console page and sign-in, seen by a browser
	tcpdump iputils-ping genisoimage fdisk             # looking at packets, config drives and partitions from outside
	btrfs-progs xfsprogs                               # file systems with reflinks
	tempest python3-stestr python3-subunit              # a suite that others wrote (test/conformance)
	python3-keystone                                   # its processor of mapping rules (test/federation)
	python3-keystoneauth1 python3-lxml xmlsec1         # SAML as others speak it (test/federation)
	simplesamlphp apache2 php-cli php-xml              # a SAML identity provider, which must have Apache beside it (test/federation)
	glewlwyd dbconfig-sqlite3                          # an OpenID provider; its tests make its store (test/federation)
	awscli python3-boto3 python3-libcloud              # clients of the EC2 API (test/ec2)
	cloud-init                                         # a reader of metadata, as guests have it (test/metadata)
	python3
)

wanted=("${base[@]}")
case "${1:-}" in
--test) wanted+=("${test[@]}") ;;
"") ;;
*) fail "packages.sh takes --test or nothing, not \"$1\"" ;;
esac

# missing prints those of its arguments that are not installed.
missing() {
	local have
	# dpkg-query fails where it does not know a package at all, which is just what is asked.
	have=" $({ dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null || true; } | sed -n 's/^ii //p' | tr '\n' ' ') "
	for p in "$@"; do
		case "$have" in *" $p "*) ;; *) echo "$p" ;; esac
	done
}

# kernel_known: the minimal image takes the distribution's kernel, which apt has to know.
kernel_known() { apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || apt-cache show linux-image-virtual >/dev/null 2>&1; }

# RUNLEVEL=1 keeps packages from starting their services: Nubo and its tests start what they need themselves.
apt() {
	DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true RUNLEVEL=1 NEEDRESTART_MODE=a UCF_FORCE_CONFFOLD=1 \
		apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold "$@" </dev/null
}

# no_service takes back that a package just installed runs its program now and from boot on: the tests start it themselves.
# Whoever had the package before goes on with it. A second argument is the service's name, if that is another.
no_service() {
	case " ${lacking[*]} " in *" $1 "*) ;; *) return 0 ;; esac
	update-rc.d "${2:-$1}" disable # systemd's unit, too
	[ ! -d /run/systemd/system ] || systemctl stop "$1"
}

check_go() {
	local go=${GO:-go} hint="install Go 1.26 or newer from https://go.dev/dl/ in /usr/local/go (Debian's own is too old)"
	command -v "$go" >/dev/null || PATH="$PATH:/usr/local/go/bin"
	command -v "$go" >/dev/null || fail "there is no Go compiler: $hint"
	local minor
	minor=$("$go" env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
	# From 1.21 on, the go command fetches the version that go.mod names by itself.
	[ "${minor:-0}" -ge 21 ] || fail "$("$go" version) is too old: $hint"
}

command -v apt-get >/dev/null || fail "this machine has no apt-get: Nubo's scripts know Debian and Ubuntu. Install by hand: ${wanted[*]}"
check_go
mapfile -t lacking < <(missing "${wanted[@]}")
if [ ${#lacking[@]} = 0 ] && kernel_known; then
	exit 0
fi
become_root "$PWD/scripts/packages.sh" "$@"
# A source that cannot be reached is not the end: what is needed may come from the others.
step "package lists: apt-get update" apt update || say "some package lists could not be fetched; going on"
if [ ${#lacking[@]} -gt 0 ]; then
	step "installing ${#lacking[@]} packages: ${lacking[*]}" apt install -y --no-install-recommends "${lacking[@]}" ||
		fail "the packages could not be installed (see above): mend the machine's package sources and run this again"
	no_service apache2
	no_service glewlwyd
	no_service strongswan-starter ipsec
	# It would take this machine for a guest at its next boot.
	case " ${lacking[*]} " in *" cloud-init "*) touch /etc/cloud/cloud-init.disabled ;; esac
fi
