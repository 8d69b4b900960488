#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# All rows over XTCP; long timers included where XTCP_VIRTUAL=1 says that the clock skips idle
# time. Elsewhere they would take days: they are left out, and named. The wire protocol 253 and
# the alias under AF_INET and AF_INET6 run the core rows that need no long time. Other arguments
# (-4, -r PATTERN, TOPIC...) are handed on.
#
# On the debug kernel, which is slow and looks for other things, the family alone, and long timers
# over IPv4; its core are all rows of S1 to S21.
#
#	XTCP_SEED=N XTCP_CORE=1 XTCP_VIRTUAL=1 ./run.sh [--core] [ARGUMENTS]

cd "$(dirname "$0")" || exit 1
ROOM_DIR=${ROOM_DIR:-..}
# shellcheck disable=SC1091
. "$ROOM_DIR/lib/leakcheck.sh"
[ -n "$WIRE_STACKS" ] || leakcheck_needs_xtcp
[ -e /dev/net/tun ] || modprobe tun || exit 1
if [ "${XTCP_KERNEL:-}" = debug ] && [ "$XTCP_CORE" = 1 ] && [ "$*" = --core ]; then
	set -- -r '*S[0-9]*'
	XTCP_CORE=
fi
[ -z "$XTCP_SEED" ] || set -- --seed "$XTCP_SEED" "$@"
[ "$XTCP_CORE" != 1 ] || set -- --core "$@"
stacks=xtcp,xtcp/253:core,alias:core
vt=--vt
[ "${XTCP_KERNEL:-}" != debug ] || stacks=xtcp vt=--vt4
[ "${XTCP_VIRTUAL:-0}" != 1 ] || set -- "$vt" "$@"
leakcheck_around wire ./wire -s "${WIRE_STACKS:-$stacks}" "$@"
