#!/bin/bash
# demo.sh: starts a cloud on this machine and in it a first instance that one can log in to. Run again, it
# starts nothing twice. make demo calls it, after installing packages and building.
#
# NUBO_STATE_DIR (default /var/lib/nubo) and NUBO_LISTEN (default 127.0.0.1:8700) say where.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
become_root "$PWD/scripts/demo.sh" "$@"
. scripts/demo-lib.sh

ensure_daemon() {
	local pid
	if pid=$(running); then
		case "$(readlink "/proc/$pid/exe")" in
		*' (deleted)')
			step "the program was built again: stopping nubo serve (guests go on)" stop_daemon
			;;
		*)
			say "nubo serve runs already, pid $pid"
			return
			;;
		esac
	fi
	step "starting nubo serve" start_daemon || fail "nubo serve did not start (see above)"
	say "$(cat "$demo/ready")"
}

ensure_key() {
	[ -s "$key" ] || ssh-keygen -q -t ed25519 -N '' -C nubo-demo -f "$key"
}

ensure_cloud() {
	each <<-EOF
		image create --disk-format qcow2 --container-format bare --public --file $demo/nubo-minimal.qcow2 nubo-minimal unless image list --name nubo-minimal --status active -f value -c ID
		network create demo-net unless network show demo-net
		subnet create --network demo-net --subnet-range 10.10.0.0/24 demo-subnet unless subnet show demo-subnet
		router create demo-router unless router show demo-router
		router set --external-gateway public demo-router unless router show -f value -c external_gateway_info demo-router
		router add subnet demo-router demo-subnet unless port list --router demo-router --network demo-net -f value -c id
		keypair create --public-key $key.pub demo unless keypair show demo
		security group create demo unless security group show demo
		security group rule create --protocol tcp --dst-port 22 demo unless security group rule list --protocol tcp --ingress demo -f value -c ID
		security group rule create --protocol icmp demo unless security group rule list --protocol icmp --ingress demo -f value -c ID
		server create --wait --image nubo-minimal --flavor m1.tiny --network demo-net --key-name demo --security-group demo demo unless server show demo
		floating ip create --tag demo public unless floating ip list --tags demo -f value -c ID
	EOF
}

# ensure_reachable sets address.
ensure_reachable() {
	address=$(query floating ip list --tags demo -f value -c "'Floating IP Address'" | head -n 1)
	[ -n "$address" ] || fail "the floating IP made for the demo is not listed: see $log"
	each <<-EOF
		server add floating ip demo $address unless floating ip list --tags demo -f value -c 'Fixed IP Address'
	EOF
	case "$(query server show demo -f value -c status)" in
	ACTIVE | BUILD) ;;
	SHUTOFF) echo "server start demo" | each ;;
	*) fail "the server demo is not running: openstack server show demo says why; make demo-stop && make demo starts afresh" ;;
	esac
}

login() {
	ssh -i "$key" -o BatchMode=yes -o ConnectTimeout=3 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$user@$address" "$@"
}

wait_for_login() {
	local end=$((SECONDS + 180)) said
	until said=$(login true 2>&1); do
		if [ $SECONDS -ge $end ]; then
			echo "$said"
			return 1
		fi
		sleep 0.5 # between tries: a guest that boots tells nobody when it listens
	done
}

show() {
	local inside
	inside=$(login 'uname -sr; cut -d. -f1 /proc/uptime')
	echo
	echo "The guest's console (openstack console log show demo):"
	query console log show --lines 12 demo | tr -d '\r' | sed 's/^/    /'
	echo
	echo "A first server is there: $(echo "$inside" | head -n 1), up for $(echo "$inside" | tail -n 1) s. Log in to it:"
	echo
	echo "    ssh -i $key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null $user@$address"
	echo
	echo "Use the cloud as its administrator:"
	echo
	echo "    source $state/admin-openrc.sh"
	echo "    openstack server list"
	echo
	echo "The daemon's log is $log. make demo-stop ends all this. ($SECONDS s)"
}

mkdir -p "$state" "$demo"
chmod 0700 "$demo"
ensure_daemon
scripts/minimal-image.sh "$demo"
ensure_key
use_cloud
ensure_cloud || fail "a step failed (see above); the daemon's log is $log"
ensure_reachable
step "waiting until the guest's SSH answers at $address" wait_for_login ||
	fail "no SSH at $address: 'openstack console log show demo' and $log may say why"
show
