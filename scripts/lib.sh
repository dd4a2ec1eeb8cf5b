# Sourced by the other scripts: progress lines, and root.

# say prints one progress line.
say() { printf '==> %s\n' "$*"; }

# fail ends the script with one line: what, why, what to do.
fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# step TEXT COMMAND... says TEXT, runs COMMAND and says how long it took. What the command prints goes to a
# file that is shown only when it fails.
step() {
	local step_text=$1 step_began=$SECONDS step_output
	shift
	step_output=$(mktemp)
	printf '==> %s ... ' "$step_text"
	if "$@" >"$step_output" 2>&1; then
		printf '%d s\n' $((SECONDS - step_began))
		rm -f "$step_output"
		return 0
	fi
	printf 'FAILED after %d s\n' $((SECONDS - step_began))
	cat "$step_output" >&2
	rm -f "$step_output"
	return 1
}

# become_root SCRIPT ARGUMENTS... runs the script again as root unless we are. -n: never asks for a password.
become_root() {
	[ "$(id -u)" = 0 ] && return 0
	command -v sudo >/dev/null || fail "this needs root (packages, networks, users of guests) and there is no sudo: run it as root"
	exec sudo -n --preserve-env=NUBO_STATE_DIR,NUBO_LISTEN,PATH,GO bash "$@"
}
