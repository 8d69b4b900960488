#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bind: needs root, xtcp loaded.

cd "$(dirname "$0")" || exit 1
ROOM_DIR=${ROOM_DIR:-..}
# shellcheck disable=SC1091
. "$ROOM_DIR/lib/leakcheck.sh"
leakcheck_needs_xtcp
leakcheck_around bind ./rules
