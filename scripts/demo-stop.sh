#!/bin/bash
# demo-stop.sh [--purge]: deletes what demo.sh made and stops the daemon. With --purge everything else in
# that cloud is deleted too, of all projects, and the state directory removed. May be run twice.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
become_root "$PWD/scripts/demo-stop.sh" "$@"
. scripts/demo-lib.sh

purge=no
case "${1:-}" in
--purge) purge=yes ;;
"") ;;
*) fail "demo-stop.sh takes --purge or nothing, not \"$1\"" ;;
esac

delete_demo() {
	each <<-EOF
		server delete --wait demo if server show demo
		floating ip delete $(query floating ip list --tags demo -f value -c ID | tr '\n' ' ') if floating ip list --tags demo -f value -c ID
		router unset --external-gateway demo-router if router show -f value -c external_gateway_info demo-router
		router remove subnet demo-router demo-subnet if port list --router demo-router -f value -c id
		router delete demo-router if router show demo-router
		network delete demo-net if network show demo-net
		security group delete demo if security group show demo
		keypair delete demo if keypair show demo
	EOF
}

# delete_listed NOUN LIST-ARGUMENTS: deletes all that a listing names.
delete_listed() {
	local noun=$1 ids
	shift
	ids=$(query "$noun" list "$@" -f value -c ID | tr '\n' ' ')
	[ -z "${ids// /}" ] || echo "$noun delete ${wait:-} $ids" | each
}

delete_everything() {
	local r p
	wait=--wait delete_listed server --all-projects
	delete_listed "volume snapshot" --all-projects
	delete_listed volume --all-projects
	delete_listed "floating ip"
	for r in $(query router list -f value -c ID); do
		echo "router unset --external-gateway $r" | each
		for p in $(query port list --router "$r" -f value -c ID); do
			echo "router remove port $r $p" | each
		done
		echo "router delete $r" | each
	done
	delete_listed port
	delete_listed network
	delete_listed image
}

# gone waits until the host carries nothing any more: networks are taken down after the request has been answered.
gone() {
	local end=$((SECONDS + 60))
	while [ -n "$(find "$state/fabric" "$state/guests/guests" -mindepth 1 \( -name '*.json' -o -path '*/guests/guests/*' \) -print -quit 2>/dev/null)" ]; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

say_what_is_left() {
	local left
	left=$(query server list --all-projects -f value -c Name | tr '\n' ' ')
	[ -z "${left// /}" ] || say "other servers in this cloud go on running: $left(make demo-stop PURGE=1 deletes them too)"
}

if [ ! -e "$state/admin-openrc.sh" ]; then
	say "there is no cloud in $state: nothing to stop"
	exit 0
fi
if ! running >/dev/null; then
	[ -e "$pidfile" ] || [ $purge = yes ] || {
		say "the demo's daemon does not run: nothing to stop"
		exit 0
	}
	step "starting nubo serve, to delete what it made" start_daemon || fail "nubo serve did not start (see above)"
fi
use_cloud
delete_demo || fail "something could not be deleted (see above); the daemon's log is $log"
if [ $purge = yes ]; then
	delete_everything || fail "something could not be deleted (see above); the daemon's log is $log"
	step "waiting until networks and guests are gone from this host" gone || fail "something of the cloud is still on this host: see $state/fabric and $log"
else
	say_what_is_left
fi
step "stopping nubo serve" stop_daemon || fail "nubo serve did not stop (see above)"
if [ $purge = yes ]; then
	rm -rf "$state"
	say "$state removed"
fi
