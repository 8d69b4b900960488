// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive buffer autotuning. A receiver must offer what its peer can send in one
 * round trip while the program reads what came in the last one: twice what it
 * reads in an RTT (Fisk and Feng's dynamic right-sizing). A program that reads slowly is
 * not given more, and one that has set SO_RCVBUF keeps what it has set.
 *
 * The receiver measures the RTT itself, for it may never send data: with
 * timestamps by the echo on data segments (RFC 7323 4.1), which is too large while
 * the peer has nothing to send, else by the time a whole window takes to arrive,
 * which is too large while the peer does not fill it. Hence the smallest counts.
 */
#include <net/tcp.h>

#include "rcvtune.h"

#include "../pure/rtt.h"

#define XTCP_RCVTUNE_GAIN	8	/* a larger sample weighs an eighth */

/* @sample_us replaces the estimate if it is smaller, else draws it up slowly. */
static void xtcp_rcvtune_rtt(struct xtcp_sock *xt, u32 sample_us, bool exact)
{
	u32 rtt_us = xt->rcv_rtt_us;

	sample_us = clamp_t(u32, sample_us, 1, XTCP_RTT_MAX_US);
	if (!rtt_us || sample_us < rtt_us)
		rtt_us = sample_us;
	else if (exact)
		rtt_us += (sample_us - rtt_us) / XTCP_RCVTUNE_GAIN;
	xt->rcv_rtt_us = rtt_us;
}

/* Not with timestamps, which measure better: these share the place of ts_recent. */
static void xtcp_rcvtune_mark(struct xtcp_sock *xt, u32 now_us)
{
	if (xt->ts_ok)
		return;
	xt->rcv_rtt_seq = xt->rcv_nxt + xt->rcv_wnd;
	xt->rcv_rtt_since_us = now_us;
}

/**
 * xtcp_rcvtune_init - start measuring
 * @sk: becomes ESTABLISHED
 *
 * Context: Socket lock.
 */
void xtcp_rcvtune_init(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 now_us = (u32)xt->now_us;

	xt->rcv_rtt_us = 0;
	xt->rcv_space = min_t(u32, xt->rcv_wnd, TCP_INIT_CWND * xt->advmss);
	xt->rcv_space_seq = xt->copied_seq;
	xt->rcv_space_us = now_us;
	xtcp_rcvtune_mark(xt, now_us);
}

/**
 * xtcp_rcvtune_data - a data segment came
 * @sk: the connection; rcv_nxt may or may not have moved
 * @tsecr_ms: age of the timestamp that a full segment echoes, ms; -1: none
 *
 * Context: Socket lock.
 */
void xtcp_rcvtune_data(struct sock *sk, s32 tsecr_ms)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 now_us;

	if (tsecr_ms >= 0) {
		tsecr_ms = clamp_t(s32, tsecr_ms, 1, XTCP_RTT_MAX_US / USEC_PER_MSEC);
		xtcp_rcvtune_rtt(xt, tsecr_ms * USEC_PER_MSEC, true);
		return;
	}
	if (xt->ts_ok || xtcp_seq_before(xt->rcv_nxt, xt->rcv_rtt_seq))
		return;
	now_us = (u32)xt->now_us;
	xtcp_rcvtune_rtt(xt, now_us - xt->rcv_rtt_since_us, false);
	xtcp_rcvtune_mark(xt, now_us);
}

/* The buffer for a window of @window bytes: as much again for what carries them. */
static void xtcp_rcvtune_grow(struct sock *sk, u64 window)
{
	u64 buffer = min_t(u64, 2 * window, READ_ONCE(xtcp_net(sock_net(sk))->knobs.rmem[2]));

	if (sk_under_memory_pressure(sk) || buffer <= READ_ONCE(sk->sk_rcvbuf))
		return;
	/* The peer learns of it as segments arrive: rcv_ssthresh grows by two for each */
	WRITE_ONCE(sk->sk_rcvbuf, (int)buffer);
	XTCP_SK_ADD(sk, RcvBufGrown, 1);
}

/**
 * xtcp_rcvtune_read - the program has read
 * @sk: the connection; copied_seq has moved
 *
 * Once in a round trip: what was read in it, and how fast that grows.
 *
 * Context: Process, socket lock.
 */
void xtcp_rcvtune_read(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 now_us, copied;

	if (!xt->rcv_rtt_us)
		return;
	/* When the last segment came, or was sent: what is read came before */
	now_us = (u32)xt->now_us;
	if (now_us - xt->rcv_space_us < xt->rcv_rtt_us)
		return;
	copied = xt->copied_seq - xt->rcv_space_seq;
	if (copied > xt->rcv_space) {
		/*
		 * Slow start doubles: what was read is an RTT old when the window
		 * is told, and what the window allows comes an RTT later.
		 */
		u64 window = 2ULL * copied + 16 * xt->advmss;

		window += 2 * div_u64(window * (copied - xt->rcv_space), max(xt->rcv_space, 1U));
		if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK))
			xtcp_rcvtune_grow(sk, window);
		xt->rcv_space = copied;
	}
	xt->rcv_space_seq = xt->copied_seq;
	xt->rcv_space_us = now_us;
}
