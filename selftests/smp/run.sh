#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# smp: needs root, four CPUs, a clock that does not skip, xtcp loaded. XTCP_SEED repeats a run's
# choices (not its timing).

cd "$(dirname "$0")" || exit 1
ROOM_DIR=${ROOM_DIR:-..}
# shellcheck disable=SC1091
. "$ROOM_DIR/lib/leakcheck.sh"
leakcheck_needs_xtcp
[ -e /dev/net/tun ] || modprobe tun || exit 1
modprobe -q veth
leakcheck_around smp ./smp "$@"
