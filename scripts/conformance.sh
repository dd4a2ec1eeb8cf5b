#!/bin/bash
# conformance.sh: runs the suites of test/conformance whole and writes their numbers, with the reason of every case that
# did not pass, into docs/conformance.md. Called by `make conformance`, which sets the environment of tests with real guests.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
status=0
NUBO_CONFORMANCE_RESULTS=$results "${GO:-go}" test -count=1 -timeout 4h -v ./test/conformance || status=$?

{
	printf '# Conformance\n\nWhat suites that others wrote say of this cloud, on one host with real guests. Written by `make conformance`; a case that is\n'
	printf 'not named here passed.\n\nRun of %s, commit %s.\n\n| suite | |\n| --- | --- |\n' "$(date -u +%F)" "$(git rev-parse --short HEAD)"
	for f in "$results"/*.txt; do
		printf '| %s | %s |\n' "$(basename "$f" .txt)" "$(head -n 1 "$f")"
	done
	for f in "$results"/*.txt; do
		printf '\n## %s\n\n' "$(basename "$f" .txt)"
		tail -n +2 "$f" | awk -F'\t' '{ printf "- %s: `%s`: %s\n", $1, $2, $3 }'
	done
} >docs/conformance.md
say "docs/conformance.md written"
exit $status
