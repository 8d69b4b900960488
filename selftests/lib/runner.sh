# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# For tests in shell. Sourced: defines
#   runner_plan N
#   runner_test NAME COMMAND...	run it, print its result as KTAP, then the leak check
#   runner_end			exit 0 if all passed and all planned ran, else 1

runner_dir=$(cd "$(dirname "$0")" && pwd)
for d in "$runner_dir/../lib" /t/lib; do
	[ -r "$d/leakcheck.sh" ] && runner_lib=$d && break
done
ROOM_DIR=${ROOM_DIR:-$runner_lib/..}
export ROOM_DIR
# shellcheck disable=SC1091
. "$runner_lib/leakcheck.sh"

runner_n=0
runner_bad=0
runner_planned=0
runner_out=$(mktemp)

runner_plan() {
	runner_planned=$1
	echo "KTAP version 1"
	echo "1..$1"
}

runner_test() {
	_name=$1
	shift
	runner_n=$((runner_n + 1))
	leakcheck_mark "$_name"
	("$@") >"$runner_out" 2>&1
	_res=$?
	leakcheck >>"$runner_out" 2>&1 || _res=1
	[ $_res = 0 ] || sed 's/^/# /' "$runner_out"
	if [ $_res = 0 ]; then
		echo "ok $runner_n $_name"
	else
		echo "not ok $runner_n $_name"
		runner_bad=1
	fi
}

runner_end() {
	rm -f "$runner_out"
	[ "$runner_n" = "$runner_planned" ] || runner_bad=1
	exit $runner_bad
}
