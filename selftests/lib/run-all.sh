#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Run installed collections by hand: run.sh [COLLECTION...]. As root, in a machine of your own, with
# xtcp loaded. Prints KTAP; exit status 0 (all passed), 1 (some failed) or 4 (nothing could run).
#
# XTCP_KO=FILE is the module; by default the one that is installed. mod unloads it: so mod comes last,
# and what is gone after a collection is loaded again. Without a file mod is skipped, and so are those
# tests of net that load it, too.

dir=$(cd "$(dirname "$0")" && pwd)
ROOM_DIR=$dir
export ROOM_DIR
# shellcheck disable=SC1091
. "$dir/lib/leakcheck.sh"
leakcheck_needs_xtcp
if [ $# = 0 ]; then
	for c in "$dir"/*/; do
		c=$(basename "$c")
		case $c in lib|kselftest|mod) continue ;; esac
		set -- "$@" "$c"
	done
	[ ! -d "$dir/mod" ] || set -- "$@" mod
fi
XTCP_KO=$(leakcheck_ko)
export XTCP_KO

load_again() {
	[ ! -d /sys/module/xtcp ] || return 0
	insmod "$XTCP_KO" || { echo "# xtcp does not load again"; return 1; }
}

collection() { (cd "$dir/$c" && "$runner"); }

echo "KTAP version 1"
echo "1..$#"
n=0
bad=0
for c; do
	n=$((n + 1))
	if [ "$c" = mod ] && [ -z "$XTCP_KO" ]; then
		echo "ok $n mod # SKIP no file of the module: XTCP_KO=FILE"
		continue
	fi
	for runner in "$dir/$c/run.sh" "$dir/$c/run-$c"; do
		[ ! -x "$runner" ] || break
	done
	rc=0
	leakcheck_around "$c" collection >"/tmp/xtcp-run.$$" 2>&1 || rc=1
	load_again >>"/tmp/xtcp-run.$$" 2>&1 || rc=1
	sed 's/^/  /' "/tmp/xtcp-run.$$"
	if [ $rc = 0 ]; then
		echo "ok $n $c"
	else
		echo "not ok $n $c"
		bad=1
	fi
done
rm -f "/tmp/xtcp-run.$$"
exit $bad
