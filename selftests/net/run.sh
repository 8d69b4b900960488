#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# net: XTCP among others: the kernel's TCP, filters, bad links, tunnels, unmodified
# programs. Root, a machine of its own with xtcp loaded.
#
#	run.sh [--core] [TEST...]
#
# --core runs every second test: the seed says which half.
# XTCP_NET_STACKS=tcp tests the tests.

dir=$(cd "$(dirname "$0")" && pwd)
cd "$dir" || exit 1
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# shellcheck disable=SC1091
. "$dir/../lib/runner.sh"
# shellcheck disable=SC1091
. "$dir/common.sh"
only_tcp || leakcheck_needs_xtcp

core=
if [ "${1:-}" = --core ] || [ -n "${XTCP_CORE:-}" ]; then
	core=1
	[ "${1:-}" != --core ] || shift
fi
# The debug kernel is for the module, not for programs, and has neither BPF nor nft_synproxy; what needs
# more than half a minute there to begin can't be run, and what needs minutes is not of the core
LEFT_OUT=
if on_debug; then
	LEFT_OUT+=" tool_bpftrace_states tool_bpftrace_life tool_profile tool_ladder_live synproxy_local"
	LEFT_OUT+=" run_ssh run_http_server"
fi
if on_debug && [ -n "$core" ]; then
	LEFT_OUT+=" tool_ss tool_ladder_capture tshark_clean run_redis run_rules run_tells_tcp"
	LEFT_OUT+=" run_family run_other_family run_log run_fallback run_threads"
fi
# in virtual time its runs can be compared one by one: a suite of its own in the machine room
[ -z "${XTCP_KERNEL:-}" ] || [ "${XTCP_VIRTUAL:-0}" = 1 ] || LEFT_OUT+=" host_untouched"
# who names tests gets them
[ $# = 0 ] || core='' LEFT_OUT=''

# one test that hangs must not take the others with it
RUNNER_LIMIT=420
! on_debug || RUNNER_LIMIT=600

TESTS=
NEED_KO=
for f in interop netem memory ecn queue filter wire lend apps tools host; do
	# shellcheck disable=SC1090
	. "$dir/${f}_test.sh"
done
chosen=
# another bit of the seed than that which says PAIRS
turn=$((XTCP_SEED / 2 % 2))
for t in ${*:-$TESTS}; do
	[[ "$LEFT_OUT " != *" $t "* ]] || continue
	turn=$((1 - turn))
	[ -n "$core" ] && [ $turn = 0 ] || chosen+=" $t"
done
# shellcheck disable=SC2086
set -- $chosen
runner_plan $#
for t; do
	# in the machine room there is a file, or they fail
	if [ -z "$KO${XTCP_KERNEL:-}" ] && ! only_tcp && [[ "$NEED_KO " == *" $t "* ]]; then
		runner_skip "$t" "no file of the module: XTCP_KO=FILE"
	else
		runner_test "$t" "$t"
	fi
done
runner_end
