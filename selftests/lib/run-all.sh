#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Run installed collections by hand: run.sh [COLLECTION...]. As root, in a machine of your own, with
# xtcp loaded. Prints KTAP; exit status 0 (all passed), 1 (some failed) or 4 (nothing could run).

dir=$(cd "$(dirname "$0")" && pwd)
ROOM_DIR=$dir
export ROOM_DIR
# shellcheck disable=SC1091
. "$dir/lib/leakcheck.sh"
if [ ! -d /sys/module/xtcp ]; then
	echo "1..0 # SKIP xtcp is not loaded"
	exit 4
fi
if [ $# = 0 ]; then
	for c in "$dir"/*/; do
		c=$(basename "$c")
		[ "$c" = lib ] || set -- "$@" "$c"
	done
fi
echo "KTAP version 1"
echo "1..$#"
n=0
bad=0
for c; do
	n=$((n + 1))
	for runner in "$dir/$c/run.sh" "$dir/$c/run-$c"; do
		[ ! -x "$runner" ] || break
	done
	rc=0
	leakcheck_mark "$c"
	(cd "$dir/$c" && "$runner") >"/tmp/xtcp-run.$$" 2>&1 || rc=1
	leakcheck >>"/tmp/xtcp-run.$$" 2>&1 || rc=1
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
