#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# net: XTCP among others: the kernel's TCP, filters, bad links, tunnels, unmodified
# programs. Root, a machine of its own with xtcp loaded.
#
#	run.sh [--core] [TEST...]
#
# --core leaves out what takes long. XTCP_NET_STACKS=tcp tests the tests.

dir=$(cd "$(dirname "$0")" && pwd)
cd "$dir" || exit 1
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# shellcheck disable=SC1091
. "$dir/../lib/runner.sh"
# shellcheck disable=SC1091
. "$dir/common.sh"

CORE_LEFT_OUT=" interop_long loss_5 reorder duplicate everything tool_bpftrace_life
 run_ssh run_redis vxlan_checksum offloads_mixed gro_list "

core=
if [ "${1:-}" = --core ] || [ -n "${XTCP_CORE:-}" ]; then
	core=1
	[ "${1:-}" != --core ] || shift
fi

TESTS=
for f in interop netem filter wire apps tools host; do
	# shellcheck disable=SC1090
	. "$dir/${f}_test.sh"
done
chosen=
for t in ${*:-$TESTS}; do
	if [ -z "$core" ] || ! grep -qw "$t" <<<"$CORE_LEFT_OUT"; then
		chosen+=" $t"
	fi
done
# shellcheck disable=SC2086
set -- $chosen
runner_plan $#
for t; do
	runner_test "$t" "$t"
done
runner_end
