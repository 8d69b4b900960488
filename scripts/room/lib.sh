# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What every script of the machine room needs. Sourced, never run.
#
# TOP    the source tree
# CACHE  downloads, roots, kernels, sources: can be shared between trees ($XTCP_CACHE)
# OUT    what is built from this tree ($XTCP_OUT)

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ROOM=$TOP/scripts/room
CACHE=${XTCP_CACHE:-$TOP/build/cache}
OUT=${XTCP_OUT:-$TOP/build}
JOBS=${XTCP_JOBS:-2}
ME=$(basename "$0")
export LC_ALL=C.UTF-8
# /sbin is not in everybody's PATH, and the distribution's python3 has to come first
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

say() { printf '%s: %s\n' "$ME" "$*" >&2; }
die() { say "FAILED: $*"; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || die "needs root: sudo $0"; }

# with_lock NAME COMMAND...: one at a time per cache, so that several trees can share it
with_lock() {
	local name=$1
	shift
	mkdir -p "$CACHE/locks"
	exec 9>"$CACHE/locks/$name"
	flock -w 3600 9 || die "cannot get the lock $CACHE/locks/$name"
	"$@" 9>&-
	exec 9>&-
}

# kernel names used everywhere: 6.1 6.12 sid debug
KERNELS="6.1 6.12 sid"
NEWEST=sid

release_of() {
	case $1 in
	6.1|bookworm) echo bookworm ;;
	6.12|trixie) echo trixie ;;
	sid) echo sid ;;
	*) die "unknown kernel or release '$1' (have: $KERNELS debug)" ;;
	esac
}

# The Debian mirror is the one that this machine's own apt uses.
apt_uri() { # PATTERN of the code name
	apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Identifier: Packages' |
		awk -v want="$1" '$1 == "Debian" && $2 ~ want { print $3; exit }'
}

apt_sources() { # RELEASE
	local main sec key=/usr/share/keyrings/debian-archive-keyring.gpg
	main=$(apt_uri '^[a-z]+$')
	[ -n "$main" ] || die "this machine's apt knows no Debian archive (apt-get update?)"
	echo "deb [signed-by=$key] $main $1 main"
	case $1 in sid|*-backports) return ;; esac
	sec=$(apt_uri '-security$')
	[ -z "$sec" ] || echo "deb [signed-by=$key] $sec $1-security main"
}

# apt_of RELEASE PROGRAM ARGS...: apt-get or apt-cache of another release, apart from the machine's own
apt_of() {
	local release=$1 dir
	shift
	dir=$CACHE/apt/$release
	if [ ! -e "$dir/ready" ]; then
		rm -rf "$dir"
		mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/state"
		touch "$dir/status"
		apt_sources "$release" >"$dir/sources.list"
		cat >"$dir/apt.conf" <<-CONF
			Dir::Etc::SourceList "$dir/sources.list";
			Dir::Etc::SourceParts "/dev/null";
			Dir::State "$dir/state";
			Dir::State::Lists "$dir/lists";
			Dir::State::Status "$dir/status";
			Dir::Cache "$dir/cache";
			Acquire::Languages "none";
			Acquire::Retries "3";
			Acquire::Check-Valid-Until "false";
			APT::Sandbox::User "root";
		CONF
		APT_CONFIG=$dir/apt.conf apt-get -q update >"$dir/update.log" 2>&1 || {
			cat "$dir/update.log" >&2
			die "no package lists of $release"
		}
		! grep -q '^E:\|^Err:' "$dir/update.log" || die "package lists of $release: $(grep '^E\|^Err' "$dir/update.log")"
		touch "$dir/ready"
	fi
	APT_CONFIG=$dir/apt.conf "$@"
}

# apt_unpack RELEASE DIRECTORY PACKAGE...: download and unpack, nothing is installed
apt_unpack() {
	local release=$1 dir=$2 tmp deb
	shift 2
	tmp=$(mktemp -d "$CACHE/debs.XXXXXX")
	(cd "$tmp" && apt_of "$release" apt-get -q download "$@") >"$tmp/log" 2>&1 || {
		cat "$tmp/log" >&2
		rm -rf "$tmp"
		die "cannot download from $release: $*"
	}
	mkdir -p "$dir"
	for deb in "$tmp"/*.deb; do
		dpkg -x "$deb" "$dir"
	done
	rm -rf "$tmp"
}

# One file describes each kernel: KVER (uname -r), VMLINUZ, MODDIR (lib/modules/KVER), KROOT (to build in)
kernel_env() { # KERNEL
	local env=$CACHE/kernels/$1/env
	if [ ! -e "$env" ]; then
		case $1 in
		debug) "$ROOM/debug-kernel" >&2 ;;
		*) "$ROOM/root" "$1" >&2 ;;
		esac
	fi
	# shellcheck disable=SC1090
	. "$env"
}

# Kernel sources, for kselftest, checkpatch and kernel-doc (6.1: this Debian's) and for the debug kernel (6.12)
KSRC=$CACHE/src/linux-tools
KSELFTEST_DIR=$KSRC/tools/testing/selftests

# QEMU of Debian 12's backports, unpacked beside: vmlib.py says when
QEMU_DIR=$CACHE/qemu

# virtme-ng of Debian 13, unpacked beside
VNG_DIR=$CACHE/vng
vng() {
	PYTHONPATH=$VNG_DIR/usr/lib/python3/dist-packages \
	PATH=$VNG_DIR/usr/bin:$PATH /usr/bin/python3 "$VNG_DIR/usr/bin/vng" "$@"
}
