// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole module as one unit of compilation, as kernel/sched does it. A segment walks
 * through all rooms; here the compiler sees the whole way, and with -fwhole-program what is
 * called from one place only becomes part of its caller: a tenth less to execute for a small
 * segment. This is also the list of the module's files: make SEPARATE=1 compiles each by itself,
 * for stack traces that name every function, and to see that each includes what it uses.
 */
#include <linux/module.h>

/* What the loader looks for by name */
int __visible init_module(void);
void __visible cleanup_module(void);

#include "main.c"
#include "netns.c"
#include "mib.c"

#include "pure/options.c"
#include "pure/rtt.c"
#include "pure/isn.c"
#include "pure/cookie.c"
#include "pure/states.c"
#include "pure/cc.c"
#include "pure/cc_reno.c"
#include "pure/cc_cubic.c"
#include "pure/rack.c"
#include "pure/prr.c"

#include "conn/state.c"
#include "conn/flows.c"
#include "conn/listeners.c"
#include "conn/ephemeral.c"
#include "conn/timers.c"
#include "conn/sndq.c"
#include "conn/lend.c"
#include "conn/board.c"
#include "conn/pacer.c"
#include "conn/rcvq.c"
#include "conn/rcvprune.c"
#include "conn/rcvtune.c"
#include "conn/mem.c"
#include "conn/urg.c"
#include "conn/acceptq.c"
#include "conn/binding.c"
#include "conn/portrules.c"
#include "conn/ports.c"
#include "conn/reserve.c"
#include "conn/life.c"
#include "conn/tune.c"
#include "conn/disorder.c"
#include "conn/minis.c"

#include "recovery/recovery.c"
#include "recovery/window.c"
#include "recovery/sack.c"
#include "recovery/sacked.c"
#include "recovery/rack.c"
#include "recovery/tlp.c"
#include "recovery/undo.c"
#include "recovery/newreno.c"
#include "recovery/ecn.c"

#include "output/build.c"
#include "output/ip.c"
#include "output/reply.c"
#include "output/srcroute.c"
#include "output/data.c"
#include "output/retransmit.c"
#include "output/control.c"
#include "output/metrics.c"
#include "output/probe_mtu.c"

#include "input/input.c"
#include "input/listen.c"
#include "input/child.c"
#include "input/cookie.c"
#include "input/synsent.c"
#include "input/validate.c"
#include "input/ack.c"
#include "input/data.c"
#include "input/urgent.c"
#include "input/fin.c"
#include "input/timewait.c"

#include "entry/hook.c"
#include "entry/arrival.c"
#include "entry/lab.c"
#include "entry/exthdr.c"
#include "entry/receive.c"
#include "entry/icmp.c"
#include "entry/timeouts.c"

#include "socket/proto.c"
#include "socket/family.c"
#include "socket/connect.c"
#include "socket/accept.c"
#include "socket/send.c"
#include "socket/recv.c"
#include "socket/oob.c"
#include "socket/splice.c"
#include "socket/close.c"
#include "socket/optlevel.c"
#include "socket/sockopt.c"
#include "socket/optraw.c"
#include "socket/info.c"
#include "socket/poll.c"

#include "control/sysctl.c"
#include "control/proc.c"
#include "control/sysfs.c"

/* Last: it makes the tracepoints of whatever includes their header after it */
#include "trace.c"
