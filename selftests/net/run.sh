#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# net: XTCP among others: the kernel's TCP, filters, bad links, tunnels, unmodified
# programs. Root, a machine of its own with xtcp loaded.
#
#	run.sh [--core] [TEST...]
#
# --core, for the debug kernel, leaves out what shows a program rather than the module.
# XTCP_NET_STACKS=tcp tests the tests.

dir=$(cd "$(dirname "$0")" && pwd)
cd "$dir" || exit 1
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# shellcheck disable=SC1091
. "$dir/../lib/runner.sh"
# shellcheck disable=SC1091
. "$dir/common.sh"

CORE_LEFT_OUT=" tool_bpftrace_states tool_bpftrace_life tool_profile tool_ss tool_ladder_live"
CORE_LEFT_OUT+=" tool_ladder_capture tshark_clean host_untouched run_ssh run_redis run_http_server"
CORE_LEFT_OUT+=" run_rules run_tells_tcp run_family run_log run_fallback"
# the debug kernel is without nft_synproxy
! on_debug || CORE_LEFT_OUT+=" synproxy_local"

# in virtual time its runs can be compared one by one: a suite of its own in the machine room
LEFT_OUT=
[ -z "${XTCP_KERNEL:-}" ] || [ "${XTCP_VIRTUAL:-0}" = 1 ] || LEFT_OUT=" host_untouched"

core=
if [ "${1:-}" = --core ] || [ -n "${XTCP_CORE:-}" ]; then
	core=1
	[ "${1:-}" != --core ] || shift
fi

[ -z "$core" ] || LEFT_OUT+=$CORE_LEFT_OUT
[ $# = 0 ] || [ -n "$core" ] || LEFT_OUT=

# one test that hangs must not take the others with it
RUNNER_LIMIT=420
! on_debug || RUNNER_LIMIT=600

TESTS=
for f in interop netem memory ecn queue filter wire lend apps tools host; do
	# shellcheck disable=SC1090
	. "$dir/${f}_test.sh"
done
chosen=
for t in ${*:-$TESTS}; do
	[[ "$LEFT_OUT " == *" $t "* ]] || chosen+=" $t"
done
# shellcheck disable=SC2086
set -- $chosen
runner_plan $#
for t; do
	runner_test "$t" "$t"
done
runner_end
