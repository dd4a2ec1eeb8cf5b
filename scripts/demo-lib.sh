# Sourced by demo.sh and demo-stop.sh: where the demo lives, and its daemon.

state=${NUBO_STATE_DIR:-/var/lib/nubo}
listen=${NUBO_LISTEN:-127.0.0.1:8700}
demo=$state/demo # the demo's own files: image, key, log
pidfile=$demo/serve.pid
log=$demo/serve.log
key=$demo/id_ed25519
user=cirros # whom the minimal image lets in

# running prints the pid of the daemon and is true when it runs. The pid file alone proves nothing.
running() {
	local pid
	pid=$(cat "$pidfile" 2>/dev/null) || return 1
	[ "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | cut -d' ' -f2)" = serve ] && echo "$pid"
}

# start_daemon starts `nubo serve` so that it outlives us, and waits until the API answers.
start_daemon() {
	mkdir -p "$demo"
	: >"$demo/ready"
	# setsid: a session of its own, so that no terminal takes it along when it closes.
	setsid nohup bin/nubo serve --state-dir "$state" --listen "$listen" </dev/null >"$demo/ready" 2>>"$log" &
	echo $! >"$pidfile"
	for _ in $(seq 300); do
		grep -q '^nubo: ready at' "$demo/ready" && return 0
		if ! kill -0 "$(<"$pidfile")" 2>/dev/null; then # not running: its first moments belong to setsid and nohup
			tail -n 5 "$log" >&2
			return 1
		fi
		sleep 0.1 # there is nothing to wait on but the file
	done
	echo "nubo serve does not get ready; its log is $log" >&2
	return 1
}

# stop_daemon ends it; guests go on.
stop_daemon() {
	local pid
	pid=$(running) || return 0
	kill "$pid"
	for _ in $(seq 200); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	if kill -0 "$pid" 2>/dev/null; then
		echo "nubo serve (pid $pid) does not end; its log is $log" >&2
		return 1
	fi
	rm -f "$pidfile" "$demo/ready"
}

# use_cloud makes the openstack client talk to the demo's cloud, and to no other that the environment names.
use_cloud() {
	local v
	for v in $(compgen -v OS_ || true); do unset "$v"; done
	. "$state/admin-openrc.sh"
}

# each runs the lines of standard input with the openstack client. Debian's python: another one in the path has
# not got Debian's modules.
each() { /usr/bin/python3 scripts/openstack-each.py; }

query() { echo "query $*" | each; }
