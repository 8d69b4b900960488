// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers of connections and minisocks; the only file that arms them.
 *
 * Each: armed by; stopped by; what expiry does; bounds, sysctl, RFC.
 *
 * REXMIT     data, SYN or FIN sent, an ACK with more in flight; all acknowledged; back off
 *            and send the oldest again, at R2 ETIMEDOUT; rto_min_ms to rto_max_ms, retries2,
 *            syn_retries; RFC 6298
 * PROBE      tail loss probe; ACK; send the tail again; RFC 8985 7.2
 * REORDER    RACK; ACK; mark lost; RFC 8985 6.2
 * PERSIST    zero window and data waiting, no memory; window opens; probe, for ever if
 *            answered; the RTO, backed off; RFC 9293 3.8.6.1
 * DELACK     data received; any ACK sent; ACK; delack_ms, under 0.5 s; MUST-40
 * KEEPALIVE  ESTABLISHED with SO_KEEPALIVE; none; idle: probe or give up; keepalive_*;
 *            RFC 9293 3.8.4
 * FINWAIT2   an orphan enters FIN_WAIT_2; none; CLOSE, silently; fin_wait2_ms
 * DEADPEER   ESTABLISHED with dead_peer_ms; none; probe in time or give up; dead_peer_ms
 * CONNECT    connect() with a budget; ESTABLISHED; ETIMEDOUT; XTCP_SYN_BUDGET_MS
 * pace       data before their time; none, it sends what may be sent; 1 s, then again;
 *            conn/pacer.c; an hrtimer of its own
 * sacks      data out of order, after three duplicate ACKs; any ACK sent; ACK; comp_sack_*;
 *            conn/disorder.h; an hrtimer of its own
 * request    SYN-ACK sent; child made, dropped; SYN-ACK again or drop; synack_retries
 * timewait   TIME_WAIT, repeated FIN; recycled, killed; gone; twice msl_ms
 *
 * A deadline is the low half of jiffies: good for 2^31 ticks, 24 days at
 * HZ 1000; longer waits are cut to XTCP_TIMERS_LONGEST and checked again.
 * A pending timer_list holds one reference to its socket.
 */
#include "timers.h"

#include "../trace.h"
#include "pacer.h"
#include "state.h"

#define XTCP_TIMERS_LONGEST	((u32)BIT(30))

/*
 * The timer wheel rounds up by as much as an eighth. Slots that people see are
 * therefore armed short of the deadline first, and again for the rest.
 */
#define XTCP_TIMERS_EXACT_MAX	63U
#define XTCP_TIMERS_SEEN	(BIT(XTCP_TIMER_KEEPALIVE) | BIT(XTCP_TIMER_FINWAIT2) | \
				 BIT(XTCP_TIMER_PERSIST) | BIT(XTCP_TIMER_DEADPEER) | \
				 BIT(XTCP_TIMER_CONNECT) | BIT(XTCP_TIMER_REXMIT))

static struct xtcp_timer_handlers xtcp_timers_handlers __read_mostly;

static const char * const xtcp_timers_names[XTCP_TIMER_MAX + 1] = {
	[XTCP_TIMER_REXMIT]	= "rexmit",
	[XTCP_TIMER_PROBE]	= "probe",
	[XTCP_TIMER_REORDER]	= "reorder",
	[XTCP_TIMER_PERSIST]	= "persist",
	[XTCP_TIMER_DELACK]	= "delack",
	[XTCP_TIMER_KEEPALIVE]	= "keepalive",
	[XTCP_TIMER_FINWAIT2]	= "finwait2",
	[XTCP_TIMER_DEADPEER]	= "deadpeer",
	[XTCP_TIMER_CONNECT]	= "connect",
	[XTCP_TIMER_MAX]	= "-",
};

static const char * const xtcp_timers_hr_names[XTCP_HRTIMER_MAX] = {
	[XTCP_HRTIMER_PACE]	= "pace",
	[XTCP_HRTIMER_SACKS]	= "sacks",
};

/**
 * xtcp_timer_name - a slot's name for /proc and traces
 * @which: the slot
 *
 * Return: A constant string, "-" for XTCP_TIMER_MAX.
 */
const char *xtcp_timer_name(enum xtcp_timer which)
{
	return xtcp_timers_names[min_t(u32, which, XTCP_TIMER_MAX)];
}

/**
 * xtcp_timers_register - name the functions that run at expiry
 * @handlers: copied
 *
 * They take socket locks and send, so they belong to a higher layer.
 * Context: Module init, before the first socket.
 */
void xtcp_timers_register(const struct xtcp_timer_handlers *handlers)
{
	xtcp_timers_handlers = *handlers;
}

/**
 * xtcp_timers_setup - prepare a new socket's timers
 * @sk: new, private to the caller
 */
void xtcp_timers_setup(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	timer_setup(&sk->sk_timer, xtcp_timers_handlers.sock, 0);
	xt->timers_pending = 0;
	memset(xt->timer_deadline, 0, sizeof(xt->timer_deadline));
}

static u32 xtcp_timers_rest(const struct xtcp_sock *xt, u32 which, u32 now)
{
	s32 rest = READ_ONCE(xt->timer_deadline[which]) - now;

	return rest < 0 ? 0 : rest;
}

/* How long to sleep now for a deadline @rest ticks away, allowing for the wheel. */
static u32 xtcp_timers_step(u32 rest, bool seen)
{
	if (rest <= XTCP_TIMERS_EXACT_MAX || !seen)
		return rest;
	return rest - rest / 8;
}

/*
 * The timer_list is to expire in @step ticks, or before. One that is pending for earlier
 * is left alone: it finds nothing due and programs the rest. This spares
 * mod_timer() on every segment.
 */
static void xtcp_timers_wake_by(struct sock *sk, u32 step)
{
	unsigned long expires = jiffies + step;

	if (!timer_pending(&sk->sk_timer) || time_after(sk->sk_timer.expires, expires))
		sk_reset_timer(sk, &sk->sk_timer, expires);
}

/* After an expiry: for the earliest of all slots. */
static void xtcp_timers_program(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 now = (u32)jiffies;
	u32 best = U32_MAX;
	u32 which;

	for (which = 0; which < XTCP_TIMER_MAX; which++) {
		u32 step;

		if (!(xt->timers_pending & BIT(which)))
			continue;
		step = xtcp_timers_step(xtcp_timers_rest(xt, which, now),
					XTCP_TIMERS_SEEN & BIT(which));
		best = min(best, step);
	}
	if (best != U32_MAX)
		xtcp_timers_wake_by(sk, best);
}

static u32 xtcp_timers_ticks(u64 delay_us)
{
	u64 ticks = div_u64(delay_us + TICK_NSEC / NSEC_PER_USEC - 1, TICK_NSEC / NSEC_PER_USEC);

	/* The present tick is partly over: one more, or it would be early */
	return min_t(u64, ticks + !!ticks, XTCP_TIMERS_LONGEST);
}

/* What a trace prints costs nothing while nobody traces. */
static void xtcp_timers_trace(const struct sock_common *skc, const char *name,
			      const char *action, u32 ticks)
{
	if (trace_xtcp_timer_enabled())
		trace_xtcp_timer(skc, name, action, jiffies_to_msecs(ticks));
}

static void xtcp_timers_arm_ticks(struct sock *sk, enum xtcp_timer which, u32 ticks)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	WRITE_ONCE(xt->timer_deadline[which], (u32)jiffies + ticks);
	WRITE_ONCE(xt->timers_pending, xt->timers_pending | BIT(which));
	xtcp_timers_trace(&sk->__sk_common, xtcp_timer_name(which), "armed", ticks);
	xtcp_timers_wake_by(sk, xtcp_timers_step(ticks, XTCP_TIMERS_SEEN & BIT(which)));
}

/**
 * xtcp_timer_arm - arm a slot, or move its deadline
 * @sk: the connection
 * @which: the slot
 * @delay_us: from now, microseconds; rounded up to ticks
 *
 * Context: Socket lock.
 */
void xtcp_timer_arm(struct sock *sk, enum xtcp_timer which, u64 delay_us)
{
	xtcp_timers_arm_ticks(sk, which, xtcp_timers_ticks(delay_us));
}

/**
 * xtcp_timer_arm_ms - xtcp_timer_arm() with a delay in milliseconds
 * @sk: the connection
 * @which: the slot
 * @delay_ms: from now
 *
 * Context: Socket lock.
 */
void xtcp_timer_arm_ms(struct sock *sk, enum xtcp_timer which, u32 delay_ms)
{
	xtcp_timer_arm(sk, which, (u64)delay_ms * USEC_PER_MSEC);
}

/**
 * xtcp_timer_arm_again - arm a slot that was due, from its last deadline on
 * @sk: the connection
 * @which: the slot; it has just expired
 * @delay_ms: from the deadline that has passed
 *
 * For periodic work: the slack of each expiry does not add up.
 *
 * Context: Socket lock.
 */
void xtcp_timer_arm_again(struct sock *sk, enum xtcp_timer which, u32 delay_ms)
{
	u32 now = (u32)jiffies;
	s32 late = now - xtcp_sk(sk)->timer_deadline[which];
	u32 ticks = xtcp_timers_ticks((u64)delay_ms * USEC_PER_MSEC) - 1;

	if (late > 0 && late < ticks)
		ticks -= late;
	xtcp_timers_arm_ticks(sk, which, ticks);
}

/**
 * xtcp_timer_arm_earlier - arm a slot unless it is pending for earlier
 * @sk: the connection
 * @which: the slot
 * @delay_us: from now
 *
 * Context: Socket lock.
 */
void xtcp_timer_arm_earlier(struct sock *sk, enum xtcp_timer which, u64 delay_us)
{
	u32 ticks = xtcp_timers_ticks(delay_us);

	if (xtcp_timer_pending(sk, which) &&
	    xtcp_timers_rest(xtcp_sk(sk), which, (u32)jiffies) <= ticks)
		return;
	xtcp_timers_arm_ticks(sk, which, ticks);
}

/**
 * xtcp_timer_left_ms - time until a slot is due
 * @sk: the connection
 * @which: the slot
 *
 * Context: Any; without the lock the answer may be a moment old.
 * Return: Milliseconds, 0 if due, -1 if not pending.
 */
s32 xtcp_timer_left_ms(const struct sock *sk, enum xtcp_timer which)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	if (!(READ_ONCE(xt->timers_pending) & BIT(which)))
		return -1;
	return jiffies_to_msecs(xtcp_timers_rest(xt, which, (u32)jiffies));
}

/**
 * xtcp_timer_next - the slot that is due first
 * @sk: the connection
 * @left_ms: set to the time left, -1 if none is pending
 *
 * Context: Any, as xtcp_timer_left_ms().
 * Return: The slot, XTCP_TIMER_MAX if none.
 */
enum xtcp_timer xtcp_timer_next(const struct sock *sk, s32 *left_ms)
{
	enum xtcp_timer best = XTCP_TIMER_MAX;
	u32 which;

	*left_ms = -1;
	for (which = 0; which < XTCP_TIMER_MAX; which++) {
		s32 left = xtcp_timer_left_ms(sk, which);

		if (left >= 0 && (*left_ms < 0 || left < *left_ms)) {
			*left_ms = left;
			best = which;
		}
	}
	return best;
}

/**
 * xtcp_timers_due - take what is due
 * @sk: the connection
 *
 * Slots that are due leave timers_pending; the timer_list is armed for the rest.
 *
 * Context: Socket lock.
 * Return: Bit mask of due slots.
 */
u16 xtcp_timers_due(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 now = (u32)jiffies;
	u16 due = 0;
	u32 which;

	for (which = 0; which < XTCP_TIMER_MAX; which++) {
		if (!(xt->timers_pending & BIT(which)) || xtcp_timers_rest(xt, which, now))
			continue;
		due |= BIT(which);
		xtcp_timers_trace(&sk->__sk_common, xtcp_timer_name(which), "fired", 0);
	}
	WRITE_ONCE(xt->timers_pending, xt->timers_pending & ~due);
	xtcp_timers_program(sk);
	return due;
}

/**
 * xtcp_timer_stop_hr - not wanted any more
 * @sk: the connection
 * @t: one of its hrtimers; fine if it is not armed
 *
 * If it runs at this moment, it holds a reference of its own, and puts it.
 *
 * Context: Socket lock.
 */
void xtcp_timer_stop_hr(struct sock *sk, struct hrtimer *t)
{
	if (hrtimer_try_to_cancel(t) == 1)
		__sock_put(sk);
}

/**
 * xtcp_timers_stop - no timer of this socket any more
 * @sk: the connection
 *
 * A trampoline that runs at this moment on another CPU finds nothing pending;
 * it holds a reference of its own.
 *
 * Context: Socket lock.
 */
void xtcp_timers_stop(struct sock *sk)
{
	struct xtcp_disorder *d = xtcp_sk(sk)->disorder;
	struct xtcp_pacer *p = xtcp_sk(sk)->pacer;

	WRITE_ONCE(xtcp_sk(sk)->timers_pending, 0);
	sk_stop_timer(sk, &sk->sk_timer);
	if (p)
		xtcp_timer_stop_hr(sk, &p->timer);
	if (d)
		xtcp_timer_stop_hr(sk, &d->sack_timer);
}

/**
 * xtcp_timer_setup_hr - prepare an hrtimer
 * @t: new, private to the caller
 * @which: what it is for
 */
void xtcp_timer_setup_hr(struct hrtimer *t, enum xtcp_hrtimer which)
{
	hrtimer_setup(t, xtcp_timers_handlers.hr[which], CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_PINNED_SOFT);
}

/* Of a moment that may have passed: rounded up, so that 0 is now. */
static u32 xtcp_timers_ms_until(u64 at_ns)
{
	s64 left_ns = at_ns - ktime_get_ns();

	return left_ns > 0 ? div_u64(left_ns + NSEC_PER_MSEC - 1, NSEC_PER_MSEC) : 0;
}

/**
 * xtcp_timer_arm_hr - something is due soon
 * @sk: the connection
 * @t: one of its hrtimers; if it is armed, it stays so
 * @which: what it is for
 * @at_ns: CLOCK_MONOTONIC
 * @slack_ns: that much later will do
 *
 * An armed timer holds a reference.
 *
 * Context: Socket lock.
 */
void xtcp_timer_arm_hr(struct sock *sk, struct hrtimer *t, enum xtcp_hrtimer which, u64 at_ns,
		       u64 slack_ns)
{
	if (hrtimer_is_queued(t))
		return;
	if (trace_xtcp_timer_enabled())
		trace_xtcp_timer(&sk->__sk_common, xtcp_timers_hr_names[which], "armed",
				 xtcp_timers_ms_until(at_ns));
	sock_hold(sk);
	hrtimer_start_range_ns(t, ns_to_ktime(at_ns), slack_ns, HRTIMER_MODE_ABS_PINNED_SOFT);
}

/**
 * xtcp_timer_hr_due - its time has come
 * @sk: the connection; the caller owns the timer's reference and keeps it
 * @which: what it is for
 *
 * Context: The timer's.
 */
void xtcp_timer_hr_due(const struct sock *sk, enum xtcp_hrtimer which)
{
	xtcp_timers_trace(&sk->__sk_common, xtcp_timers_hr_names[which], "fired", 0);
}

/*
 * Who takes a minisock out of the table stops its timer then, but not one that is
 * armed a moment later: that would keep it beyond the end of its listener or namespace.
 */
static bool xtcp_timers_mini_gone(const struct sock_common *skc)
{
	/* The timer is pending before the table is asked; pairs with the one in cancel */
	smp_mb();
	return hlist_nulls_unhashed_lockless(&skc->skc_nulls_node);
}

/*
 * The timer of a minisock: @skc's caller has a reference of his own. The timer's is taken
 * before it is pending: whoever stops it a moment later puts that one. Return: false: the
 * minisock has left the table, the timer is not to run.
 */
static bool xtcp_timers_start_mini(struct sock_common *skc, struct timer_list *t, u32 ticks)
{
	refcount_inc(&skc->skc_refcnt);
	if (mod_timer(t, jiffies + xtcp_timers_step(ticks, true)))
		refcount_dec(&skc->skc_refcnt);
	return !xtcp_timers_mini_gone(skc);
}

/**
 * xtcp_timer_arm_request - arm a request's SYN-ACK timer
 * @req: the request, in the table; a pending timer holds a reference, the caller another
 * @delay_ms: from now
 *
 * Context: Any.
 */
void xtcp_timer_arm_request(struct xtcp_request *req, u32 delay_ms)
{
	u32 ticks = xtcp_timers_ticks((u64)delay_ms * USEC_PER_MSEC);

	WRITE_ONCE(req->deadline, (u32)jiffies + ticks);
	xtcp_timers_trace(&req->ireq.req.__req_common, "synack", "armed", ticks);
	if (!xtcp_timers_start_mini(&req->ireq.req.__req_common, &req->ireq.req.rsk_timer, ticks))
		xtcp_timer_cancel_request(req);
}

/**
 * xtcp_timer_request_due - is the SYN-ACK due, or was this a step on the way?
 * @req: the request whose timer fired; the caller owns that timer's reference and keeps it
 *
 * Context: The timer's.
 * Return: true: it is due. false: armed again, with a new reference.
 */
bool xtcp_timer_request_due(struct xtcp_request *req)
{
	s32 rest = READ_ONCE(req->deadline) - (u32)jiffies;

	if (rest <= 0) {
		xtcp_timers_trace(&req->ireq.req.__req_common, "synack", "fired", 0);
		return true;
	}
	if (!xtcp_timers_start_mini(&req->ireq.req.__req_common, &req->ireq.req.rsk_timer, rest))
		xtcp_timer_cancel_request(req);
	return false;
}

/**
 * xtcp_timer_setup_request - prepare a new request's timer
 * @req: private to the caller
 */
void xtcp_timer_setup_request(struct xtcp_request *req)
{
	timer_setup(&req->ireq.req.rsk_timer, xtcp_timers_handlers.request, TIMER_PINNED);
}

/**
 * xtcp_timer_cancel_request - stop a request's timer
 * @req: the request; the caller holds a reference of its own
 *
 * Context: Any.
 */
void xtcp_timer_cancel_request(struct xtcp_request *req)
{
	/* The entry is out of the table before the timer is looked at */
	smp_mb();
	if (timer_delete(&req->ireq.req.rsk_timer))
		refcount_dec(&req->ireq.req.rsk_refcnt);
}

/**
 * xtcp_timer_setup_timewait - prepare a new TIME_WAIT entry's timer
 * @tw: private to the caller
 */
void xtcp_timer_setup_timewait(struct xtcp_timewait *tw)
{
	timer_setup(&tw->timer, xtcp_timers_handlers.timewait, 0);
}

/**
 * xtcp_timer_arm_timewait - 2MSL from now
 * @tw: the entry, in the table; a pending timer holds a reference
 * @delay_ms: from now
 *
 * The deadline is kept in the entry, the timer steps towards it, so that
 * 2MSL is exact and never short.
 *
 * Context: Any.
 */
void xtcp_timer_arm_timewait(struct xtcp_timewait *tw, u32 delay_ms)
{
	u32 ticks = xtcp_timers_ticks((u64)delay_ms * USEC_PER_MSEC);

	WRITE_ONCE(tw->deadline, (u32)jiffies + ticks);
	xtcp_timers_trace(&tw->common, "timewait", "armed", ticks);
	if (!xtcp_timers_start_mini(&tw->common, &tw->timer, ticks))
		xtcp_timer_cancel_timewait(tw);
}

/**
 * xtcp_timer_timewait_due - has 2MSL passed, or was this a step on the way?
 * @tw: the entry whose timer fired; the caller owns that timer's reference and keeps it
 *
 * Context: The timer's.
 * Return: true: it is over. false: armed again, with a new reference.
 */
bool xtcp_timer_timewait_due(struct xtcp_timewait *tw)
{
	s32 rest = READ_ONCE(tw->deadline) - (u32)jiffies;

	if (rest <= 0) {
		xtcp_timers_trace(&tw->common, "timewait", "fired", 0);
		return true;
	}
	if (!xtcp_timers_start_mini(&tw->common, &tw->timer, rest))
		xtcp_timer_cancel_timewait(tw);
	return false;
}

/**
 * xtcp_timer_cancel_timewait - stop the 2MSL timer
 * @tw: the entry; the caller holds a reference of its own
 *
 * Context: Any.
 */
void xtcp_timer_cancel_timewait(struct xtcp_timewait *tw)
{
	/* The entry is out of the table before the timer is looked at */
	smp_mb();
	if (timer_delete(&tw->timer))
		refcount_dec(&tw->common.skc_refcnt);
}

static s32 xtcp_timers_left_ms(u32 deadline)
{
	s32 rest = deadline - (u32)jiffies;

	return rest < 0 ? 0 : jiffies_to_msecs(rest);
}

/**
 * xtcp_timer_left_timewait_ms - what is left of 2MSL
 * @tw: the entry
 *
 * Return: Milliseconds, never negative.
 */
s32 xtcp_timer_left_timewait_ms(const struct xtcp_timewait *tw)
{
	return xtcp_timers_left_ms(READ_ONCE(tw->deadline));
}

/**
 * xtcp_timer_left_request_ms - what is left until the SYN-ACK is sent again
 * @req: the entry; its timer steps towards that
 *
 * Context: Any.
 * Return: Milliseconds, -1 if its timer is not pending.
 */
s32 xtcp_timer_left_request_ms(const struct xtcp_request *req)
{
	if (!timer_pending(&req->ireq.req.rsk_timer))
		return -1;
	return xtcp_timers_left_ms(READ_ONCE(req->deadline));
}
