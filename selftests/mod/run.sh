#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mod: the module comes and goes. Needs root, a machine of its own, xtcp.ko ($XTCP_KO, or the
# machine room's). Ends as it began, with the module loaded or not: others come after it.
# usage: run.sh [TEST...]

dir=$(cd "$(dirname "$0")" && pwd)
cd "$dir" || exit 1
# shellcheck disable=SC1091
. "$dir/../lib/runner.sh"
# shellcheck disable=SC1091
. "$dir/common.sh"

# a debug kernel takes ten times as long for a round, and sees a leak in the first
case ${XTCP_KERNEL:-}-${XTCP_CORE:-} in
debug-1) XTCP_MOD_ROUNDS=${XTCP_MOD_ROUNDS:-5} XTCP_ALLOC_EVERY=${XTCP_ALLOC_EVERY:-64} ;;
debug-) XTCP_MOD_ROUNDS=${XTCP_MOD_ROUNDS:-10} ;;
*-1) XTCP_MOD_ROUNDS=${XTCP_MOD_ROUNDS:-20} ;;	# check-quick
esac
ROUNDS=${XTCP_MOD_ROUNDS:-100}

load_unload() {
	mod_unload && mod_load && mod_unload
}

load_twice() {
	mod_load || return 1
	if insmod "$mod_ko" 2>/dev/null; then
		echo "the second insmod succeeded"
		return 1
	fi
	mod_unload
}

# those with traffic are rounds_with_traffic
rounds() {
	_i=0
	while [ $_i -lt $((ROUNDS / 5 + 1)) ]; do
		_i=$((_i + 1))
		insmod "$mod_ko" || { echo "insmod failed in round $_i"; return 1; }
		rmmod xtcp || { echo "rmmod failed in round $_i"; return 1; }
	done
	[ "$(mod_slabs)" = 0 ] || { echo "slabs left:"; grep -i '^xtcp' /proc/slabinfo; return 1; }
}

unknown_parameter() {
	# the kernel itself only warns about these; the module still has to load and unload
	mod_load no_such_parameter=1 && mod_unload
}

runner_test_files() {
	for f in "$dir"/*_test.sh; do
		[ -r "$f" ] && echo "$f"
	done
}

if [ -z "$mod_ko" ]; then
	echo "1..0 # SKIP no file of the module: XTCP_KO=FILE"
	exit 4
fi
mod_needs
began_loaded=$leakcheck_loaded
# it goes on purpose
leakcheck_loaded=
mod_unload >/dev/null 2>&1
# every *_test.sh adds to TESTS and defines what it adds
TESTS="load_unload load_twice rounds unknown_parameter"
for f in $(runner_test_files); do
	# shellcheck disable=SC1090
	. "$f"
done
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $TESTS
runner_plan $#
for t; do
	runner_test "$t" "$t"
	# a test that failed half way may have left something; the next one is not to blame
	live_kill
	for ns in mod-a mod-b; do
		ip netns del $ns 2>/dev/null
	done
	mod_unload >/dev/null 2>&1
done
rm -rf "$live_tmp"
[ -z "$began_loaded" ] || mod_load || runner_bad=1
runner_end
