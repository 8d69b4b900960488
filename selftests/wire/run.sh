#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# All rows over XTCP, long timers included: for a machine whose clock skips
# idle time. The wire protocol 253 and the alias under AF_INET and AF_INET6 run
# the core rows that need no long time. Other arguments (-4, -r PATTERN, TOPIC...) are handed on.
#
#	XTCP_SEED=N XTCP_CORE=1 ./run.sh [--core] [ARGUMENTS]

cd "$(dirname "$0")" || exit 1
[ -e /dev/net/tun ] || modprobe tun || exit 1
set -- --vt "$@"
[ -z "$XTCP_SEED" ] || set -- --seed "$XTCP_SEED" "$@"
[ "$XTCP_CORE" != 1 ] || set -- --core "$@"
exec ./wire -s "${WIRE_STACKS:-xtcp,xtcp/253:core,alias:core}" "$@"
