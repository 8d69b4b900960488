// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only writer of sk_state. What may follow what stands in
 * pure/states.c, drawn from RFC 9293 figure 5.
 */
#include "state.h"

#include "../trace.h"

static const char * const xtcp_state_reasons[XTCP_REASON_MAX] = {
	[XTCP_REASON_NONE]		= "none",
	[XTCP_REASON_USER]		= "user",
	[XTCP_REASON_SEGMENT]		= "segment",
	[XTCP_REASON_RESET_IN]		= "reset",
	[XTCP_REASON_TIMEOUT]		= "timeout",
	[XTCP_REASON_KEEPALIVE]		= "keepalive",
	[XTCP_REASON_DEAD_PEER]		= "dead-peer",
	[XTCP_REASON_ICMP]		= "icmp",
	[XTCP_REASON_UNREAD_DATA]	= "unread-data",
	[XTCP_REASON_LINGER]		= "linger",
	[XTCP_REASON_DATA_AFTER_CLOSE]	= "data-after-close",
	[XTCP_REASON_MEMORY]		= "memory",
	[XTCP_REASON_2MSL]		= "2msl",
	[XTCP_REASON_RECYCLED]		= "recycled",
	[XTCP_REASON_NETNS]		= "netns-exit",
	[XTCP_REASON_UNLOAD]		= "unload",
};

/**
 * xtcp_state_reason_name - a reason in words, for traces and /proc
 * @reason: the reason
 *
 * Context: Any.
 * Return: A constant string.
 */
const char *xtcp_state_reason_name(enum xtcp_reason reason)
{
	return reason < XTCP_REASON_MAX ? xtcp_state_reasons[reason] : "?";
}

static u32 xtcp_state_elapsed_ms(u64 since_us, u64 now_us)
{
	return div_u64(now_us - since_us, USEC_PER_MSEC);
}

/* Tell that @xt leaves @old, and when its next state begins. */
static void xtcp_state_trace(const struct sock_common *skc, int old, int state,
			     enum xtcp_reason reason, struct xtcp_sock *xt)
{
	/* A segment's time was taken as it came */
	u64 now_us = reason == XTCP_REASON_SEGMENT ? xt->now_us : xtcp_clock_us();

	trace_xtcp_state(skc, old, state, reason,
			 xtcp_state_elapsed_ms(xt->state_since_us, now_us), xt->creator_pid);
	WRITE_ONCE(xt->state_since_us, now_us);
}

/**
 * xtcp_state_set - move a connection to another state
 * @sk: the connection
 * @state: TCP_ESTABLISHED ... as the kernel numbers them; never TCP_TIME_WAIT
 *         or TCP_NEW_SYN_RECV, which only minisocks have
 * @reason: why, for the trace
 *
 * Checks the successor against the figure of RFC 9293 3.3.2, counts and traces.
 * Waking the program is the caller's: which of its wait queues depends on the event.
 *
 * Context: Socket lock held.
 */
void xtcp_state_set(struct sock *sk, int state, enum xtcp_reason reason)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	int old = sk->sk_state;

	sock_owned_by_me(sk);
	if (old == state)
		return;

	WARN_ONCE(!xtcp_state_may(old, state), "xtcp: %s -> %s is no transition of RFC 9293\n",
		  xtcp_state_name(old), xtcp_state_name(state));

	xtcp_mib_move(xtcp_sk(sk)->xn, old, state);
	xtcp_state_trace((struct sock_common *)sk, old, state, reason, xt);
	inet_sk_set_state(sk, state);
}

/**
 * xtcp_state_born - a full socket begins
 * @sk: new, still private to the caller
 * @state: TCP_CLOSE for socket(), TCP_SYN_RECV for a listener's child
 *
 * Context: @sk is not yet visible to anybody else.
 */
void xtcp_state_born(struct sock *sk, int state)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->state_since_us = xtcp_clock_us();
	xtcp_mib_move(xtcp_sk(sk)->xn, 0, state);
	sk->sk_state = state;
}

/**
 * xtcp_state_dead - a full socket is about to be freed
 * @sk: in TCP_CLOSE, nobody else sees it
 *
 * Context: The destructor.
 */
void xtcp_state_dead(struct sock *sk)
{
	xtcp_mib_move(xtcp_sk(sk)->xn, sk->sk_state, 0);
}

/**
 * xtcp_state_close_failed - forget a state that never took effect
 * @sk: private to the caller, a child that could not be finished
 *
 * The destructor wants TCP_CLOSE and no trace of a connection nobody saw.
 *
 * Context: @sk is not visible to anybody else.
 */
void xtcp_state_close_failed(struct sock *sk)
{
	xtcp_mib_move(xtcp_sk(sk)->xn, sk->sk_state, TCP_CLOSE);
	sk->sk_state = TCP_CLOSE;
}

/**
 * xtcp_state_mini - a minisock moves
 * @skc: request or TIME_WAIT entry; its skc_state never changes
 * @old: state left; 0: it did not exist
 * @new: state entered; 0: it exists no longer
 * @reason: why
 *
 * Context: Any; the caller made sure that it alone reports this move.
 */
void xtcp_state_mini(const struct sock_common *skc, int old, int new,
		     enum xtcp_reason reason)
{
	struct xtcp_net *xn = xtcp_net(read_pnet(&skc->skc_net));
	u64 since_us;
	s32 pid;

	if (skc->skc_state == TCP_TIME_WAIT) {
		since_us = xtcp_tw(skc)->since_us;
		pid = xtcp_tw(skc)->pid;
	} else {
		since_us = xtcp_req(skc)->since_us;
		pid = 0;
	}
	/* The listener stays where it is: a request comes beside it */
	if (old == TCP_LISTEN)
		xtcp_mib_seen(xn, old, new);
	else
		xtcp_mib_move(xn, old, new);
	if (old && new && trace_xtcp_state_enabled())
		trace_xtcp_state(skc, old, new, reason,
				 xtcp_state_elapsed_ms(since_us, xtcp_clock_us()), pid);
}

/**
 * xtcp_state_hand_over - a connection goes on as a TIME_WAIT entry
 * @sk: the connection; closed from here on
 * @tw: the entry that has taken its place in the table
 *
 * The connection's own last transition is that of the entry; the full socket
 * is merely what is left over.
 *
 * Context: Socket lock held.
 */
void xtcp_state_hand_over(struct sock *sk, struct xtcp_timewait *tw)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	int old = sk->sk_state;

	xtcp_mib_move(xtcp_sk(sk)->xn, old, TCP_TIME_WAIT);
	xtcp_state_trace(&tw->common, old, TCP_TIME_WAIT, XTCP_REASON_SEGMENT, xt);
	xtcp_mib_move(xtcp_sk(sk)->xn, 0, TCP_CLOSE);
	inet_sk_set_state(sk, TCP_CLOSE);
}
