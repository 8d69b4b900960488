# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# For tests in shell. Sourced, by a script in $dir: defines
#   runner_plan N
#   runner_test NAME COMMAND...	run it, print its result as KTAP, then the leak check
#   runner_skip NAME WHY	it can not run here
#   runner_end			exit 0 if all passed and all planned ran, else 1
# RUNNER_LIMIT=S (bash only): a test that takes longer has failed, says what it was at (by
# runner_stuck, if there is such a function), and is ended

for d in "${dir:?}/../lib" /t/lib; do
	[ -r "$d/leakcheck.sh" ] && runner_lib=$d && break
done
ROOM_DIR=${ROOM_DIR:-$runner_lib/..}
export ROOM_DIR
# shellcheck disable=SC1091
. "$runner_lib/leakcheck.sh" || exit 1

runner_n=0
runner_bad=0
runner_planned=0

runner_plan() {
	runner_planned=$1
	runner_out=$(mktemp)
	echo "KTAP version 1"
	echo "1..$1"
}

runner_test() {
	_name=$1
	shift
	runner_n=$((runner_n + 1))
	leakcheck_mark "$_name"
	read -r _began _ </proc/uptime
	if [ -n "${RUNNER_LIMIT:-}" ]; then
		runner_limited "$@" >"$runner_out" 2>&1
	else
		("$@") >"$runner_out" 2>&1
	fi
	_res=$?
	leakcheck >>"$runner_out" 2>&1 || _res=1
	[ $_res = 0 ] || sed 's/^/# /' "$runner_out"
	read -r _ended _ </proc/uptime
	echo "# $_name took $((${_ended%.*} - ${_began%.*})) s"
	if [ $_res = 0 ]; then
		echo "ok $runner_n $_name"
	else
		echo "not ok $runner_n $_name"
		runner_bad=1
	fi
}

runner_skip() {
	runner_n=$((runner_n + 1))
	echo "ok $runner_n $1 # SKIP $2"
}

runner_stuck() { :; }

# With job control the test and all that it starts are one group, which can be ended as a whole
runner_limited() {
	set -m
	("$@") &
	_test=$!
	(
		sleep "$RUNNER_LIMIT"
		echo "not done after $RUNNER_LIMIT s; what runs:"
		ps --ppid 2 -p 2 -N -o pid,ppid,stat,wchan:24,time,args
		# what it asks may be what is stuck
		runner_stuck &
		sleep 10
		kill -TERM -- "-$_test"
		sleep 20
		kill -KILL -- "-$_test"
	) &
	_watch=$!
	set +m
	wait "$_test"
	_res=$?
	# who outlived the shell of a test that was ended
	[ $_res -le 128 ] || kill -KILL -- "-$_test" 2>/dev/null
	kill -TERM -- "-$_watch" 2>/dev/null
	wait "$_watch" 2>/dev/null
	return $_res
}

runner_end() {
	rm -f "$runner_out"
	[ "$runner_n" = "$runner_planned" ] || runner_bad=1
	exit $runner_bad
}
