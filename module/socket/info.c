// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP_INFO and XTCP_INFO: a connection as seen from outside.
 */
#include "socket.h"

#include <linux/pid_namespace.h>

#include "../conn/pacer.h"
#include "../conn/timers.h"
#include "../recovery/recovery.h"

static void xtcp_info_tcp_options(const struct xtcp_sock *xt, struct tcp_info *info)
{
	if (xt->ecn_ok)
		info->tcpi_options |= TCPI_OPT_ECN;
	if (xt->ecn_seen)
		info->tcpi_options |= TCPI_OPT_ECN_SEEN;
	if (xt->ts_ok)
		info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
	if (xt->sack_ok)
		info->tcpi_options |= TCPI_OPT_SACK;
	if (xt->wscale_ok) {
		info->tcpi_options |= TCPI_OPT_WSCALE;
		info->tcpi_snd_wscale = xt->snd_wscale;
		info->tcpi_rcv_wscale = xt->rcv_wscale;
	}
}

static void xtcp_info_tcp_times(const struct sock *sk, struct tcp_info *info)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 now = xtcp_clock_ms();

	info->tcpi_rto = xtcp_rtt_rto_us(&xt->rtt, xtcp_knob_rto_min_us(sk),
					 xtcp_knob_rto_max_us(sk));
	info->tcpi_ato = READ_ONCE(xtcp_net(sock_net(sk))->knobs.delack_ms) * USEC_PER_MSEC;
	info->tcpi_rtt = xtcp_rtt_srtt_us(&xt->rtt);
	info->tcpi_rttvar = xt->rtt.mdev_us >> 2;
	info->tcpi_min_rtt = xt->rtt.min_rtt_us;
	info->tcpi_last_data_sent = now - xt->last_sent_ms;
	info->tcpi_last_data_recv = now - xt->last_data_ms;
	info->tcpi_last_ack_recv = now - xt->last_ack_ms;
}

/* TCP_INFO speaks of the kernel's states of congestion avoidance. */
static u8 xtcp_info_ca_state(const struct xtcp_sock *xt)
{
	switch (xt->ca_state) {
	case XTCP_CA_CWR:
		return TCP_CA_CWR;
	case XTCP_CA_RECOVERY:
		return TCP_CA_Recovery;
	case XTCP_CA_LOSS:
		return TCP_CA_Loss;
	default:
		return TCP_CA_Open;
	}
}

static void xtcp_info_tcp_counts(const struct sock *sk, struct tcp_info *info)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	info->tcpi_ca_state = xtcp_info_ca_state(xt);
	info->tcpi_retransmits = xt->retransmits;
	info->tcpi_probes = xt->probes_out;
	info->tcpi_backoff = xt->probes_out ? xt->persist_backoff : xt->rtt.backoff;
	info->tcpi_unacked = xt->packets_out;
	info->tcpi_sacked = xt->sack_ok ? xt->sacked_out : xt->dupacks;
	info->tcpi_lost = xt->lost_out;
	info->tcpi_retrans = xt->retrans_out;
	info->tcpi_total_retrans = xt->total_retrans;
	/* The SYN of an active open counts, as TCP does it */
	info->tcpi_bytes_acked = xt->bytes_acked + (xt->established && !xt->passive_open);
	info->tcpi_bytes_sent = xt->bytes_out;
	info->tcpi_bytes_received = xt->bytes_in;
	info->tcpi_segs_out = xt->segs_out;
	info->tcpi_segs_in = xt->segs_in;
	info->tcpi_notsent_bytes = xt->write_seq - xt->snd_nxt;
	info->tcpi_dsack_dups = xt->disorder ? xt->disorder->dsacks : 0;
	info->tcpi_snd_wnd = xt->snd_wnd;
}

/* No bound reads as all ones, on 32 bits too. */
static u64 xtcp_info_rate(unsigned long rate)
{
	return rate != ~0UL ? rate : ~0ULL;
}

/**
 * xtcp_info_tcp - fill in struct tcp_info
 * @sk: the socket
 * @info: where to; what XTCP does not have stays 0
 *
 * Context: Process, socket not locked.
 */
void xtcp_info_tcp(struct sock *sk, struct tcp_info *info)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	bool slow;

	memset(info, 0, sizeof(*info));
	info->tcpi_state = inet_sk_state_load(sk);
	info->tcpi_max_pacing_rate = xtcp_info_rate(READ_ONCE(sk->sk_max_pacing_rate));
	info->tcpi_pacing_rate = xtcp_info_rate(READ_ONCE(sk->sk_pacing_rate));
	info->tcpi_snd_cwnd = xt->cc.cwnd;
	if (info->tcpi_state == TCP_LISTEN) {
		/* As the kernel's TCP: how many wait, and how many may */
		info->tcpi_unacked = READ_ONCE(sk->sk_ack_backlog);
		info->tcpi_sacked = READ_ONCE(sk->sk_max_ack_backlog);
		return;
	}

	slow = lock_sock_fast(sk);
	info->tcpi_snd_mss = xt->mss_cache;
	info->tcpi_rcv_mss = xt->rcv_mss;
	info->tcpi_advmss = xt->advmss;
	info->tcpi_pmtu = xt->pmtu;
	info->tcpi_rcv_ssthresh = xt->rcv_ssthresh;
	info->tcpi_rcv_rtt = xt->rcv_rtt_us;
	info->tcpi_rcv_space = xt->rcv_space;
	XTCP_INFO_SET_RCV_WND(info, xt->rcv_wnd);
	info->tcpi_snd_ssthresh = xt->cc.ssthresh;
	xtcp_info_tcp_options(xt, info);
	xtcp_info_tcp_times(sk, info);
	xtcp_info_tcp_counts(sk, info);
	info->tcpi_pacing_rate = xtcp_info_rate(xtcp_pacer_rate(sk));
	unlock_sock_fast(sk, slow);
}

static void xtcp_info_own_knobs(const struct sock *sk, struct xtcp_info *info)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(sk))->knobs;
	const struct xtcp_tunables *tune = xtcp_tune(sk);

	info->msl_ms = xtcp_knob_msl_ms(sk);
	info->syn_budget_ms = tune->syn_budget_ms;
	info->rto_min_ms = xtcp_knob_u(sk, rto_min_ms, rto_min_ms);
	info->rto_max_ms = xtcp_knob_u(sk, rto_max_ms, rto_max_ms);
	info->dead_peer_ms = xtcp_knob_dead_peer_ms(sk);
	info->user_timeout_ms = tune->user_timeout_ms;
	info->keepalive_time_s = xtcp_knob_keepalive_time_s(sk);
	info->keepalive_intvl_s = xtcp_knob_keepalive_intvl_s(sk);
	info->keepalive_probes = xtcp_knob_keepalive_probes(sk);
	info->syn_retries = xtcp_knob_syn_retries(sk);
	info->synack_retries = xtcp_knob_synack_retries(sk);
	info->orphan_retries = xtcp_knob_orphan_retries(sk);
	info->fin_wait2_ms = tune->linger2_ms > 0 ? tune->linger2_ms :
		READ_ONCE(knobs->fin_wait2_ms);
	info->delack_ms = READ_ONCE(knobs->delack_ms);
}

static void xtcp_info_own_timers(const struct sock *sk, struct xtcp_info *info)
{
	int i;

	BUILD_BUG_ON((int)XTCP_INFO_TIMER_CONNECT != (int)XTCP_TIMER_CONNECT);
	for (i = 0; i < XTCP_INFO_TIMERS; i++)
		info->timer_ms[i] = i < XTCP_TIMER_MAX ? xtcp_timer_left_ms(sk, i) : -1;
}

/*
 * A number of the initial pid namespace, as the reader's has it. There it stays, also if the
 * process has gone; elsewhere it is 0 then, or that of who has the number now, and 0 if the
 * namespace does not see the process.
 */
static u32 xtcp_info_pid(s32 nr)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	u32 seen;

	if (ns == &init_pid_ns)
		return nr;
	rcu_read_lock();
	seen = pid_nr_ns(find_pid_ns(nr, &init_pid_ns), ns);
	rcu_read_unlock();
	return seen;
}

/**
 * xtcp_info_own - fill in struct xtcp_info
 * @sk: the socket
 * @info: where to
 *
 * Context: Process, socket not locked.
 */
void xtcp_info_own(struct sock *sk, struct xtcp_info *info)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	bool slow;

	memset(info, 0, sizeof(*info));
	slow = lock_sock_fast(sk);
	info->state = sk->sk_state;
	info->close_reason = xt->close_reason;
	info->wire_protocol = xt->wire_protocol;
	info->ip_version = inet_sk(sk)->inet_dport ? xt->ip_version : 0;
	info->creator_pid = xtcp_info_pid(xt->creator_pid);
	info->state_ms = div_u64(xtcp_clock_us() - xt->state_since_us, USEC_PER_MSEC);
	xtcp_info_own_knobs(sk, info);
	xtcp_info_own_timers(sk, info);
	info->bytes_in = xt->bytes_in;
	info->bytes_out = xt->bytes_out;
	info->segs_in = xt->segs_in;
	info->segs_out = xt->segs_out;
	info->retransmissions = xt->total_retrans;
	info->rto_us = xtcp_rtt_rto_us(&xt->rtt, xtcp_knob_rto_min_us(sk),
				       xtcp_knob_rto_max_us(sk));
	info->srtt_us = xtcp_rtt_srtt_us(&xt->rtt);
	info->cwnd = xt->cc.cwnd;
	info->ssthresh = xt->cc.ssthresh;
	info->mss = xt->mss_cache;
	unlock_sock_fast(sk, slow);
}
