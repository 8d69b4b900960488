/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each network namespace has of its own.
 */
#ifndef _XTCP_NETNS_H
#define _XTCP_NETNS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <net/inet_timewait_sock.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#undef tw_reuse		/* a knob of ours; there it is a field's short name */

struct ctl_table;
struct ctl_table_header;
struct sock;
struct xtcp_stats;

/**
 * struct xtcp_knobs - the sysctls of a namespace; copied whole at inheritance
 * @syn_retries: SYNs sent again before connect() gives up
 * @synack_retries: SYN-ACKs sent again
 * @msl_ms: maximum segment lifetime, ms
 * @fin_wait2_ms: an orphan's stay in FIN_WAIT_2, ms
 * @keepalive_time: idle time before the first probe, s
 * @keepalive_intvl: between probes, s
 * @keepalive_probes: unanswered probes before giving up
 * @keepalive_force: keepalive for programs that never ask
 * @dead_peer_ms: deadline for a silent peer, ms; 0: off
 * @retries1: R1: ask for another route
 * @retries2: R2: give up
 * @orphan_retries: R2 of a socket without a program
 * @rto_initial_ms: RTO before the first sample, ms
 * @rto_min_ms: lower bound of the RTO, ms
 * @rto_max_ms: upper bound, ms
 * @delack_ms: delayed ACK, ms
 * @quick_ack_wait_ms: an early ACK of short data waits so long for an answer, ms
 * @comp_sack_delay_ns: ACKs of what is out of order wait for each other as long, ns
 * @comp_sack_slack_ns: and by so much longer, if that saves an interrupt, ns
 * @comp_sack_nr: so many of them; 0: none
 * @comp_sack_rtt_percent: and no longer than this part of the RTT
 * @wire_protocol: 6 or 253, for new sockets
 * @ip_local_port_range: ephemeral ports, lowest and highest
 * @sack: offer SACK
 * @timestamps: offer timestamps
 * @window_scaling: offer window scaling
 * @ecn: RFC 3168: 0 off, 1 ask, 2 answer
 * @ecn_fallback: a SYN without an answer goes out again without ECN
 * @syncookies: 0 off, 1 when the backlog is full, 2 always
 * @max_syn_backlog: half-open requests of a listener
 * @somaxconn: upper bound of the accept queue
 * @tw_reuse: RFC 6191 for connect(): 0 never, 1 always, 2 on loopback
 * @max_tw_sockets: TIME_WAIT entries
 * @rfc1337: ignore RST in TIME_WAIT
 * @slow_start_after_idle: RFC 5681 4.1, by RFC 2861
 * @pacing: 0: connections under fq or with SO_MAX_PACING_RATE; 1: all, by a timer of ours
 * @pacing_ss_ratio: pacing rate in slow start, percent of a window in a round trip
 * @pacing_ca_ratio: the same in congestion avoidance
 * @limit_output_bytes: most of a socket's that waits below IP, bytes, if it is not paced
 * @challenge_ack_limit: challenge ACKs a second, RFC 5961 7
 * @rmem: receive buffer: least, default, greatest, bytes
 * @wmem: send buffer, the same
 * @max_orphans: sockets without a program; beyond, they are reset
 * @mtu_probing: RFC 4821: smaller segments where large ones vanish
 * @base_mss: size to begin with, bytes
 * @mtu_probe_floor: least size to try, bytes
 * @mtu_probe_interval: before larger ones are tried again, s
 * @msl_min_ms: least msl_ms that an unprivileged program may ask for
 * @rto_min_floor_ms: the same for rto_min_ms
 * @keepalive_min: the same for keepalive times, s
 * @create_group_range: groups that may open sockets, from and to; from above to: nobody
 * @congestion_control: name of the default
 *
 * One member a file of /proc/sys/net/xtcp, same name. Written by control/sysctl.c,
 * bounded there; read with READ_ONCE().
 */
struct xtcp_knobs {
	int syn_retries;
	int synack_retries;
	int msl_ms;
	int fin_wait2_ms;
	int keepalive_time;
	int keepalive_intvl;
	int keepalive_probes;
	int keepalive_force;
	int dead_peer_ms;
	int retries1;
	int retries2;
	int orphan_retries;
	int rto_initial_ms;
	int rto_min_ms;
	int rto_max_ms;
	int delack_ms;
	int quick_ack_wait_ms;
	int comp_sack_delay_ns;
	int comp_sack_slack_ns;
	int comp_sack_nr;
	int comp_sack_rtt_percent;
	int wire_protocol;
	int ip_local_port_range[2];
	int sack;
	int timestamps;
	int window_scaling;
	int ecn;
	int ecn_fallback;
	int syncookies;
	int max_syn_backlog;
	int somaxconn;
	int tw_reuse;
	int max_tw_sockets;
	int rfc1337;
	int slow_start_after_idle;
	int pacing;
	int pacing_ss_ratio;
	int pacing_ca_ratio;
	int limit_output_bytes;
	int challenge_ack_limit;
	int rmem[3];
	int wmem[3];
	int max_orphans;
	int mtu_probing;
	int base_mss;
	int mtu_probe_floor;
	int mtu_probe_interval;
	int msl_min_ms;
	int rto_min_floor_ms;
	int keepalive_min;
	unsigned int create_group_range[2];
	char congestion_control[16];
};

/**
 * struct xtcp_net - XTCP's part of a network namespace
 * @knobs: the sysctls
 * @stats: counters, per CPU
 * @sysctl_header: registration of /proc/sys/net/xtcp
 * @sysctl_table: its table; the initial namespace's is the template
 * @ctl_sk4: control socket that unowned IPv4 segments are sent through
 * @ctl_sk6: the same for IPv6; NULL where IPv6 is off
 * @isn_key: secret of RFC 6528, one per namespace
 * @cookie_key: secrets of SYN cookies
 * @hook_mutex: covers @hooked
 * @hooked: bit 0: IPv4 hook registered; bit 1: IPv6
 * @was_hooked: one of them was, ever
 * @tw_lock: covers @tw_list
 * @tw_list: all TIME_WAIT entries
 * @tw_count: how many
 * @orphans: sockets without a program
 * @challenge_lock: covers the two below, RFC 5961 7
 * @challenge_second: second the budget belongs to
 * @challenge_left: challenge ACKs left in it
 */
struct xtcp_net {
	struct xtcp_knobs knobs;
	struct xtcp_stats __percpu *stats;
	struct ctl_table_header *sysctl_header;
	struct ctl_table *sysctl_table;
	struct sock *ctl_sk4;
	struct sock *ctl_sk6;
	siphash_key_t isn_key;
	siphash_key_t cookie_key[2];
	struct mutex hook_mutex;	/* hooked */
	unsigned long hooked;
	bool was_hooked;
	spinlock_t tw_lock;		/* tw_list */
	struct list_head tw_list;
	atomic_t tw_count;
	atomic_t orphans;
	spinlock_t challenge_lock;	/* the budget of challenge ACKs */
	u32 challenge_second;
	u32 challenge_left;
};

extern unsigned int xtcp_net_id;

static inline struct xtcp_net *xtcp_net(const struct net *net)
{
	return net_generic(net, xtcp_net_id);
}

/* netns.c: pernet registration, one {init, exit} list in order of layers */
int xtcp_netns_init(void);
/* The hooks of all namespaces are off. Context: process; not a barrier. */
void xtcp_netns_stop(void);
void xtcp_netns_drop_queued(void);
void xtcp_netns_exit(void);
/* Call @fn for every namespace. Context: process, may sleep. */
void xtcp_netns_for_each(void (*fn)(struct net *net, void *arg), void *arg);

/* main.c: what a new namespace starts with */
enum xtcp_inherit {
	XTCP_INHERIT_CREATOR,	/* the values of its creator's namespace */
	XTCP_INHERIT_INIT,	/* those of the initial namespace */
	XTCP_INHERIT_DEFAULT,	/* the built-in ones and module parameters */
};

extern int xtcp_param_netns_inherit;

#endif /* _XTCP_NETNS_H */
