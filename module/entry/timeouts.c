// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers run out: the socket is locked, or the work waits for its owner; what is due
 * is done in an order that lets a later one find the connection gone.
 */
#include "entry.h"

#include "../conn/flows.h"
#include "../conn/life.h"
#include "../conn/mem.h"
#include "../conn/minis.h"
#include "../conn/pacer.h"
#include "../conn/sndq.h"
#include "../conn/timers.h"
#include "../output/output.h"

static void xtcp_timeouts_abort(struct sock *sk, enum xtcp_reason reason)
{
	int err = READ_ONCE(sk->sk_err_soft);

	xtcp_control_rst(sk);
	xtcp_life_abort(sk, err ? err : ETIMEDOUT, reason);
}

/* Time since anything was heard; ms. */
static u32 xtcp_timeouts_silence_ms(const struct xtcp_sock *xt)
{
	return xtcp_clock_ms() - xt->last_rcv_ms;
}

static bool xtcp_timeouts_keepalive_over(const struct sock *sk, u32 silence_ms)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	/* RFC 5482: the user timeout decides, where there is one */
	u32 user_ms = xtcp_tune(sk)->user_timeout_ms;

	if (user_ms)
		return xt->probes_out && silence_ms >= user_ms;
	return xt->probes_out >= xtcp_knob_keepalive_probes(sk);
}

/*
 * KEEPALIVE: RFC 9293 3.8.4. Only on an idle connection (MUST-26): with data
 * in flight or waiting, other timers find a dead peer. One lost answer does not
 * kill (MUST-29): probes_out is reset by any segment.
 */
static void xtcp_timeouts_keepalive(struct sock *sk)
{
	u32 intvl_ms = xtcp_knob_keepalive_intvl_s(sk) * MSEC_PER_SEC;
	u32 idle_ms = xtcp_knob_keepalive_time_s(sk) * MSEC_PER_SEC;
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 silence_ms = xtcp_timeouts_silence_ms(xt);

	if (!sock_flag(sk, SOCK_KEEPOPEN) || !xtcp_state_in(sk, XTCP_STATES_SYNCHRONIZED))
		return;
	if (xt->packets_out || xtcp_sndq_head(sk)) {
		xtcp_timer_arm_ms(sk, XTCP_TIMER_KEEPALIVE, idle_ms);
		return;
	}
	if (silence_ms < idle_ms) {
		xt->probes_out = 0;
		xtcp_timer_arm_ms(sk, XTCP_TIMER_KEEPALIVE, idle_ms - silence_ms);
		return;
	}
	if (xtcp_timeouts_keepalive_over(sk, silence_ms)) {
		XTCP_SK_ADD(sk, KeepaliveDrops, 1);
		xtcp_timeouts_abort(sk, XTCP_REASON_KEEPALIVE);
		return;
	}
	XTCP_SK_ADD(sk, KeepaliveProbes, 1);
	xtcp_control_probe(sk, false);
	xt->probes_out++;
	xtcp_timer_arm_again(sk, XTCP_TIMER_KEEPALIVE, intvl_ms);
}

/*
 * DEADPEER: one deadline, whatever the connection is doing. Probes go out at half
 * and at three quarters of it, so that a living peer has answered in time.
 */
static void xtcp_timeouts_deadpeer(struct sock *sk)
{
	u32 limit_ms = xtcp_knob_dead_peer_ms(sk);
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 silence_ms = xtcp_timeouts_silence_ms(xt);
	u32 next_ms;

	if (!limit_ms || !xtcp_state_in(sk, XTCP_STATES_SYNCHRONIZED))
		return;
	if (silence_ms >= limit_ms) {
		XTCP_SK_ADD(sk, DeadPeerDrops, 1);
		xtcp_timeouts_abort(sk, XTCP_REASON_DEAD_PEER);
		return;
	}
	if (silence_ms < limit_ms / 2) {
		next_ms = limit_ms / 2 - silence_ms;
	} else {
		/* Data in flight are probe enough */
		if (!xt->packets_out)
			xtcp_control_probe(sk, false);
		next_ms = limit_ms - silence_ms;
		if (silence_ms < limit_ms - limit_ms / 4)
			next_ms = limit_ms - limit_ms / 4 - silence_ms;
	}
	xtcp_timer_arm_ms(sk, XTCP_TIMER_DEADPEER, max(next_ms, 1U));
}

/* Run what is due. Socket lock, BHs off. */
static void xtcp_timeouts_run(struct sock *sk)
{
	u16 due = xtcp_timers_due(sk);

	xtcp_now_take(sk);
	if (due & BIT(XTCP_TIMER_DELACK))
		xtcp_control_delack(sk);
	if (due & BIT(XTCP_TIMER_REORDER))
		xtcp_retransmit_reorder(sk);
	/* A probe starts the retransmission timer anew */
	if ((due & BIT(XTCP_TIMER_PROBE)) && xtcp_retransmit_tail(sk))
		due &= ~BIT(XTCP_TIMER_REXMIT);
	if (due & BIT(XTCP_TIMER_REXMIT))
		xtcp_retransmit_timeout(sk);
	if ((due & BIT(XTCP_TIMER_PERSIST)) && sk->sk_state != TCP_CLOSE)
		xtcp_retransmit_persist(sk);
	if ((due & BIT(XTCP_TIMER_KEEPALIVE)) && sk->sk_state != TCP_CLOSE)
		xtcp_timeouts_keepalive(sk);
	if ((due & BIT(XTCP_TIMER_DEADPEER)) && sk->sk_state != TCP_CLOSE)
		xtcp_timeouts_deadpeer(sk);
	if ((due & BIT(XTCP_TIMER_CONNECT)) && xtcp_state_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV))
		xtcp_life_abort(sk, ETIMEDOUT, XTCP_REASON_TIMEOUT);
	if ((due & BIT(XTCP_TIMER_FINWAIT2)) && sk->sk_state == TCP_FIN_WAIT2 &&
	    sock_flag(sk, SOCK_DEAD)) {
		XTCP_SK_ADD(sk, OrphanFinWait2Timeouts, 1);
		xtcp_life_done(sk, XTCP_REASON_TIMEOUT);
	}
	xtcp_mem_trim(sk);
}

/**
 * xtcp_timeouts_fire - sk_timer of a full socket
 * @t: the timer; its reference to the socket is ours
 *
 * Context: Softirq.
 */
void xtcp_timeouts_fire(struct timer_list *t)
{
	struct sock *sk = timer_container_of(sk, t, sk_timer);

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk)) {
		if (sk->sk_state != TCP_CLOSE)
			xtcp_timeouts_run(sk);
	} else {
		/* The owner does it in release_sock(): it holds a reference */
		XTCP_SK_ADD(sk, TimersDeferred, 1);
		set_bit(XTCP_DEFER_TIMER, &sk->sk_tsq_flags);
	}
	bh_unlock_sock(sk);
	sock_put(sk);
}

/* What the pacer held back: lost data first, as always. Socket lock, BHs off. */
static void xtcp_timeouts_go_on(struct sock *sk)
{
	if (!xtcp_state_in(sk, XTCP_STATES_SYNCHRONIZED))
		return;
	xtcp_now_take(sk);
	if (xtcp_sk(sk)->lost_out)
		xtcp_retransmit_lost(sk);
	xtcp_data_push(sk, false);
}

/**
 * xtcp_timeouts_resume - data that were held back may go
 * @sk: full socket; the caller has a reference
 *
 * Context: Softirq.
 */
void xtcp_timeouts_resume(struct sock *sk)
{
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		xtcp_timeouts_go_on(sk);
	else
		set_bit(XTCP_DEFER_PACE, &sk->sk_tsq_flags);
	bh_unlock_sock(sk);
}

/**
 * xtcp_timeouts_pace - the time of data has come
 * @t: timer of a pacer; its reference to the socket is ours
 *
 * Context: Softirq.
 * Return: HRTIMER_NORESTART.
 */
enum hrtimer_restart xtcp_timeouts_pace(struct hrtimer *t)
{
	struct sock *sk = container_of(t, struct xtcp_pacer, timer)->sk;

	xtcp_timer_hr_due(sk, XTCP_HRTIMER_PACE);
	xtcp_timeouts_resume(sk);
	sock_put(sk);
	return HRTIMER_NORESTART;
}

/* ACKs waited for each other: one tells of all. Socket lock, BHs off. */
static void xtcp_timeouts_tell(struct sock *sk)
{
	const struct xtcp_disorder *d = xtcp_sk(sk)->disorder;

	/* Another may have told it meanwhile */
	if (!d || !d->acks_held)
		return;
	xtcp_now_take(sk);
	xtcp_control_ack(sk);
}

/**
 * xtcp_timeouts_sacks - ACKs have waited for each other
 * @t: timer of a connection's disorder; its reference to the socket is ours
 *
 * Context: Softirq.
 * Return: HRTIMER_NORESTART.
 */
enum hrtimer_restart xtcp_timeouts_sacks(struct hrtimer *t)
{
	struct sock *sk = container_of(t, struct xtcp_disorder, sack_timer)->sk;

	xtcp_timer_hr_due(sk, XTCP_HRTIMER_SACKS);
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		xtcp_timeouts_tell(sk);
	else
		set_bit(XTCP_DEFER_ACK, &sk->sk_tsq_flags);
	bh_unlock_sock(sk);
	sock_put(sk);
	return HRTIMER_NORESTART;
}

/**
 * xtcp_timeouts_release - work that waited for the socket's owner
 * @sk: the connection
 *
 * Context: release_sock(), slock held, BHs off.
 */
void xtcp_timeouts_release(struct sock *sk)
{
	if (likely(!READ_ONCE(sk->sk_tsq_flags)))
		return;
	xtcp_now_take(sk);
	if (test_and_clear_bit(XTCP_DEFER_MTU, &sk->sk_tsq_flags) && sk->sk_state != TCP_CLOSE)
		xtcp_icmp_mtu_reduced(sk);
	if (test_and_clear_bit(XTCP_DEFER_PACE, &sk->sk_tsq_flags))
		xtcp_timeouts_go_on(sk);
	if (test_and_clear_bit(XTCP_DEFER_ACK, &sk->sk_tsq_flags))
		xtcp_timeouts_tell(sk);
	if (test_and_clear_bit(XTCP_DEFER_TIMER, &sk->sk_tsq_flags) && sk->sk_state != TCP_CLOSE)
		xtcp_timeouts_run(sk);
}

/**
 * xtcp_timeouts_request - SYN-ACK timer of a request
 * @t: rsk_timer; its reference is ours
 *
 * Context: Softirq.
 */
void xtcp_timeouts_request(struct timer_list *t)
{
	struct request_sock *rsk = timer_container_of(rsk, t, rsk_timer);
	struct xtcp_request *req = container_of(rsk, struct xtcp_request, ireq.req);

	/* It may have been a step on the way only */
	if (xtcp_timer_request_due(req))
		xtcp_listen_timeout(req);
	xtcp_flow_put((struct sock_common *)req);
}

/**
 * xtcp_timeouts_timewait - 2MSL timer of a TIME_WAIT entry
 * @t: its timer; the reference is ours
 *
 * Context: Softirq.
 */
void xtcp_timeouts_timewait(struct timer_list *t)
{
	struct xtcp_timewait *tw = timer_container_of(tw, t, timer);

	/* It may have been a step on the way only */
	if (xtcp_timer_timewait_due(tw))
		xtcp_minis_timewait_kill(tw, XTCP_REASON_2MSL);
	xtcp_flow_put(&tw->common);
}
