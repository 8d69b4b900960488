/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters and the census of states: per CPU, per network namespace.
 */
#ifndef _XTCP_MIB_H
#define _XTCP_MIB_H

#include <linux/percpu.h>
#include <linux/types.h>

struct net;
struct xtcp_net;
struct seq_file;

/* Every counter, once: X(Name, "what it counts") */
#define XTCP_MIB_LIST(X)						\
	X(ActiveOpens,		"connect() sent a SYN")			\
	X(PassiveOpens,		"requests promoted to connections")	\
	X(AttemptFails,		"connections that never got established") \
	X(EstabResets,		"established connections reset")	\
	X(InSegs,		"segments received")			\
	X(OutSegs,		"segments sent, retransmissions included") \
	X(RetransSegs,		"segments sent again")			\
	X(InErrs,		"segments with a bad header")		\
	X(InCsumErrors,		"segments with a bad checksum")		\
	X(OutRsts,		"RST sent")				\
	X(InRsts,		"RST accepted")				\
	X(SynRetrans,		"SYN sent again")			\
	X(SynAckRetrans,	"SYN-ACK sent again")			\
	X(Timeouts,		"retransmission timeouts")		\
	X(FastRetrans,		"fast retransmissions")			\
	X(SpuriousRtos,		"timeouts undone")			\
	X(SackRecoveries,	"loss recoveries by SACK")		\
	X(RenoRecoveries,	"loss recoveries by duplicate ACKs")	\
	X(RackLost,		"segments marked lost by time, RFC 8985") \
	X(ReorderingSeen,	"segments that were overtaken on the way") \
	X(TlpProbes,		"tail loss probes sent")		\
	X(TlpRecoveries,	"losses repaired by a tail loss probe")	\
	X(DsackRecv,		"reports that something came twice")	\
	X(SackDiscarded,	"SACK blocks outside of what is in flight") \
	X(SackReneging,		"peers that took a SACK back")		\
	X(UndoTimestamp,	"reductions undone by timestamp, RFC 3522") \
	X(UndoDsack,		"reductions undone by DSACK")		\
	X(UndoFrto,		"timeouts undone by F-RTO, RFC 5682")	\
	X(EcnConnections,	"connections that agreed on ECN, RFC 3168") \
	X(EcnFallbacks,		"SYN sent again without ECN")		\
	X(EcnCeSegs,		"data segments that came with CE")	\
	X(EcnEchoes,		"ACKs with ECE received")		\
	X(EcnReductions,	"windows reduced by ECE")		\
	X(PaceWaits,		"times data waited for their departure") \
	X(QueueWaits,		"times data waited for queues below to drain") \
	X(RetransHeld,		"timeouts of what still waited below: nothing was sent again") \
	X(TimeoutAborts,	"connections given up by R2")		\
	X(ZeroWindowProbes,	"zero-window probes sent")		\
	X(KeepaliveProbes,	"keepalive probes sent")		\
	X(KeepaliveDrops,	"connections given up by keepalive")	\
	X(DeadPeerDrops,	"connections given up by dead_peer_ms")	\
	X(DelayedAcks,		"ACKs sent by the delayed ACK timer")	\
	X(AcksCompressed,	"ACKs of data out of order that waited for others") \
	X(DupAcks,		"duplicate ACKs received")		\
	X(ChallengeAcks,	"challenge ACKs sent, RFC 5961")	\
	X(ChallengeAcksLimited,	"challenge ACKs held back by the limit") \
	X(PawsDrops,		"segments dropped by PAWS")		\
	X(OutOfWindow,		"segments outside the window")		\
	X(OfoQueued,		"segments queued out of order")		\
	X(OfoPruned,		"segments dropped from the out-of-order queue") \
	X(RcvPruned,		"segments dropped for want of buffer")	\
	X(RcvBufGrown,		"receive buffers grown by autotuning")	\
	X(RcvCollapsed,		"segments copied together for want of buffer") \
	X(ZeroWindowAdvs,	"windows shut for want of memory")	\
	X(MemoryPressures,	"times that memory became short")	\
	X(MemoryPressureMs,	"how long it was, milliseconds")	\
	X(ZeroWindowDrops,	"data dropped at zero window")		\
	X(ListenDrops,		"SYNs and ACKs dropped by a listener")	\
	X(ListenOverflows,	"accept queue was full")		\
	X(ReqQFullDrops,	"SYNs dropped: too many requests")	\
	X(ReqExpired,		"requests given up after SYN-ACK retries") \
	X(ReqResets,		"requests ended by RST")		\
	X(SyncookiesSent,	"SYN-ACKs sent with a cookie")		\
	X(SyncookiesRecv,	"valid cookies received")		\
	X(SyncookiesFailed,	"invalid cookies received")		\
	X(TimeWaits,		"connections that entered TIME_WAIT")	\
	X(TimeWaitRecycled,	"TIME_WAIT entries that gave way to a SYN") \
	X(TimeWaitKilled,	"TIME_WAIT entries ended by RST")	\
	X(TimeWaitOverflow,	"TIME_WAIT skipped: too many")		\
	X(Rfc1337Ignored,	"RST ignored in TIME_WAIT")		\
	X(AbortOnClose,		"closed with data unread: RST")		\
	X(AbortOnData,		"data after the program closed: RST")	\
	X(AbortOnLinger,	"SO_LINGER 0: RST")			\
	X(AbortOnMemory,	"too many orphans, or no memory for them: RST") \
	X(AbortOnNetns,		"connections reset by namespace or module exit") \
	X(OrphanFinWait2Timeouts, "orphans that left FIN_WAIT_2 by time") \
	X(BacklogQueued,	"segments that found the socket locked") \
	X(BacklogDrops,		"segments dropped: backlog full")	\
	X(TimersDeferred,	"timers that found the socket locked")	\
	X(DoublePromotions,	"a request lost the race to become a child") \
	X(AcceptCloseRaces,	"a child came while its listener closed") \
	X(MtuBlackHoles,	"segments made smaller: large ones vanish, RFC 4821") \
	X(MtuProbes,		"larger segments tried")		\
	X(MtuProbesPassed,	"larger segments that got through")	\
	X(IcmpActed,		"ICMP errors acted upon")		\
	X(IcmpOutOfWindow,	"ICMP errors ignored: sequence number")	\
	X(PolicyDrops,		"segments dropped by filter or policy")	\
	X(HostFlowSyns,		"SYNs left to a host connection")	\
	X(NoSocket,		"lab mode segments without a socket")	\
	X(Reservations,		"host ports reserved")			\
	X(ReservationsFreed,	"host ports given back")		\
	X(SocksMade,		"full sockets made")			\
	X(SocksFreed,		"full sockets freed")			\
	X(ReqsMade,		"requests made")			\
	X(ReqsFreed,		"requests freed")			\
	X(TwsMade,		"TIME_WAIT entries made")		\
	X(TwsFreed,		"TIME_WAIT entries freed")

enum xtcp_mib {
#define X(name, text) XTCP_MIB_##name,
	XTCP_MIB_LIST(X)
#undef X
	XTCP_MIB_MAX,
};

#define XTCP_STATES	13	/* TCP_ESTABLISHED (1) .. TCP_NEW_SYN_RECV (12) */

/**
 * struct xtcp_stats - one CPU's share of a namespace's counters
 * @counter: by enum xtcp_mib
 * @now: sockets in a state, as a difference: only the sum over CPUs means anything
 * @entered: how often a state was entered
 * @moved: transitions [from][to]
 */
struct xtcp_stats {
	unsigned long counter[XTCP_MIB_MAX];
	long now[XTCP_STATES];
	unsigned long entered[XTCP_STATES];
	unsigned long moved[XTCP_STATES][XTCP_STATES];
};

extern const char * const xtcp_mib_names[XTCP_MIB_MAX];

/* Context: any. */
#define XTCP_INC(net, name) \
	this_cpu_inc(xtcp_net(net)->stats->counter[XTCP_MIB_##name])
#define XTCP_ADD(net, name, n) \
	this_cpu_add(xtcp_net(net)->stats->counter[XTCP_MIB_##name], n)

/* The same for a full socket, which knows where: on the way of every segment. */
#define XTCP_SK_ADD(sk, name, n) \
	this_cpu_add(xtcp_sk(sk)->xn->stats->counter[XTCP_MIB_##name], n)

/* Sums over CPUs. Context: process. */
unsigned long xtcp_mib_sum(struct net *net, enum xtcp_mib which);
long xtcp_mib_state_now(struct net *net, int state);
unsigned long xtcp_mib_state_entered(struct net *net, int state);
unsigned long xtcp_mib_moved(struct net *net, int from, int to);
void xtcp_mib_settled(struct net *net);

/* Census: called by conn/state.c alone. TCP_CLOSE = 0 in @from: born. */
void xtcp_mib_move(struct xtcp_net *xn, int from, int to);
/* The same, but nobody leaves @from: a request beside its listener. */
void xtcp_mib_seen(struct xtcp_net *xn, int from, int to);

#endif /* _XTCP_MIB_H */
