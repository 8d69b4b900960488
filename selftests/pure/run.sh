#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Run the programs named (or all beside this script) and print one KTAP
# document with a subtest for each. Exit 1 if one failed, or if none ran.

dir=${OUTPUT:-$(cd "$(dirname "$0")" && pwd)}
[ $# -gt 0 ] || set -- seq header options layout roundtrip rtt reno scalable cubic hystart rack prr isn cookie states fuzzed preload

# ThreadSanitizer of gcc 12 does not know where newer kernels put things at random
fixed=
! setarch -R true 2>/dev/null || fixed="setarch -R"

echo "KTAP version 1"
echo "1..$#"
n=0
bad=0
for name; do
	n=$((n + 1))
	# Neither a program that is missing nor one that ran no test is a pass.
	# shellcheck disable=SC2086
	out=$($fixed "$dir/$name" 2>&1)
	rc=$?
	printf '%s\n' "$out" | sed 's/^/  /'
	if [ $rc -eq 0 ] && printf '%s\n' "$out" | grep -q '^ok '; then
		echo "ok $n $name"
	else
		echo "not ok $n $name # exit code $rc"
		bad=1
	fi
done
exit $bad
