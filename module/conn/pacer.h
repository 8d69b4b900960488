/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How fast data leave, and how much of them waits in queues below IP. Decides and keeps
 * time, never sends; Documentation/pacing.rst tells the whole.
 */
#ifndef _XTCP_CONN_PACER_H
#define _XTCP_CONN_PACER_H

#include <linux/hrtimer.h>
#include <linux/llist.h>
#include <net/tcp.h>

#include "../xtcp.h"

/* So far ahead fq may be given data. Slow ones stay here, where a timeout counts right. */
#define XTCP_PACER_AHEAD_MS	10

/* No skb is as small; but one that is being freed counts a byte until it has woken us */
#define XTCP_PACER_NOTHING	(SKB_TRUESIZE(0) - 1)

/* Bits of struct xtcp_pacer::flags */
#define XTCP_PACER_FULL		0	/* enough waits below: what is freed there wakes us */
#define XTCP_PACER_QUEUED	1	/* in a CPU's list of those to wake; a reference */

/**
 * struct xtcp_pacer - what a connection needs once it is paced, or held back
 * @timer: sends when data are due; armed by timers.c, a reference while it is
 * @node: in a CPU's list of sockets to wake, if XTCP_PACER_QUEUED
 * @sk: whose it is
 * @next_ns: when the next data may leave, CLOCK_MONOTONIC
 * @left_ns: when the last have left, or will leave fq
 * @last_len: payload of these, bytes
 * @flags: XTCP_PACER_*; atomic bit ops, any context
 *
 * Made when first needed, so that an idle connection has none, and freed with the socket.
 * Socket lock, but for @flags and @node.
 */
struct xtcp_pacer {
	struct hrtimer timer;
	struct llist_node node;
	struct sock *sk;
	u64 next_ns;
	u64 left_ns;
	u32 last_len;
	unsigned long flags;
};

/* @resume: what to do with a socket whose data below have drained; softirq, no lock. */
int xtcp_pacers_init(void (*resume)(struct sock *sk));
void xtcp_pacers_exit(void);

/* A connection begins: is it to be paced? */
void xtcp_pacer_begin(struct sock *sk);
void xtcp_pacer_free(struct sock *sk);
/* A new connection with the same socket. */
void xtcp_pacer_forget(struct sock *sk);

/* What is allowed now, bytes a second; ~0UL: no bound. Kept in sk_pacing_rate. */
unsigned long xtcp_pacer_rate(struct sock *sk);
/* Payload that may leave in one piece, bytes. */
u32 xtcp_pacer_burst(struct sock *sk, u32 mss);
/* Stamp an skb with its departure, and count it. Return: that time, us. */
u64 xtcp_pacer_stamp(struct sock *sk, struct sk_buff *skb, u32 len, bool bare_ack);

bool xtcp_pacer_early(struct sock *sk);
bool xtcp_pacer_full(struct sock *sk, u32 truesize);
bool xtcp_pacer_await(struct sock *sk, u64 limit);
void xtcp_pacer_wake(struct sock *sk, struct xtcp_pacer *p);

/* Is the connection paced: by fq, which says so itself, or by SO_MAX_PACING_RATE? */
static inline bool xtcp_pacer_on(const struct sock *sk)
{
	return unlikely(READ_ONCE(sk->sk_pacing_status) != SK_PACING_NONE);
}

/**
 * xtcp_pacer_holds - must data wait?
 * @sk: the connection
 * @skb: next to be sent, or sent again
 * @len: so much of its payload
 *
 * If so, it is seen to that sending goes on when it need not.
 *
 * Context: Socket lock.
 * Return: true if it must.
 */
static inline bool xtcp_pacer_holds(struct sock *sk, const struct sk_buff *skb, u32 len)
{
	u32 truesize = min_t(u32, skb->truesize, len + SKB_TRUESIZE(MAX_TCP_HEADER));

	if (xtcp_pacer_on(sk) && xtcp_pacer_early(sk))
		return true;
	/* Two may always wait: one that is being sent, one to follow */
	return unlikely(sk_wmem_alloc_get(sk) > 2 * truesize) && xtcp_pacer_full(sk, truesize);
}

/**
 * xtcp_pacer_waits - are data waiting for their time?
 * @sk: the connection
 *
 * Context: Socket lock.
 * Return: true if the timer will send them.
 */
static inline bool xtcp_pacer_waits(const struct sock *sk)
{
	const struct xtcp_pacer *p = xtcp_sk(sk)->pacer;

	return p && (hrtimer_is_queued((struct hrtimer *)&p->timer) ||
		     test_bit(XTCP_DEFER_PACE, &sk->sk_tsq_flags));
}

/**
 * xtcp_pacer_held - was sending cut short by the pacer, for whatever reason?
 * @sk: the connection
 *
 * Context: Socket lock.
 * Return: true if so.
 */
static inline bool xtcp_pacer_held(const struct sock *sk)
{
	const struct xtcp_pacer *p = xtcp_sk(sk)->pacer;

	return p && (xtcp_pacer_waits(sk) || READ_ONCE(p->flags));
}

/**
 * xtcp_pacer_ahead_us - how far in the future do the last data leave?
 * @sk: the connection
 *
 * Timers that wait for an answer to them start then.
 *
 * Context: Socket lock.
 * Return: Microseconds, 0 if not paced.
 */
static inline u32 xtcp_pacer_ahead_us(const struct sock *sk)
{
	const struct xtcp_pacer *p = xtcp_sk(sk)->pacer;
	s64 ahead_ns;

	if (!xtcp_pacer_on(sk) || !p)
		return 0;
	ahead_ns = p->left_ns - ktime_get_ns();
	return ahead_ns > 0 ? div_u64(ahead_ns, NSEC_PER_USEC) : 0;
}

/**
 * xtcp_pacer_freed - something of ours below was freed
 * @sk: any full socket; kept in memory by sk_wmem_alloc, or by whoever calls
 *
 * Context: Any but hard interrupts; takes no lock.
 */
static inline void xtcp_pacer_freed(struct sock *sk)
{
	struct xtcp_pacer *p;

	/* sk_wmem_alloc was lowered before we look; pairs with xtcp_pacer_full() */
	smp_mb__after_atomic();
	p = READ_ONCE(xtcp_sk(sk)->pacer);
	if (unlikely(p) && test_bit(XTCP_PACER_FULL, &p->flags))
		xtcp_pacer_wake(sk, p);
}

#endif /* _XTCP_CONN_PACER_H */
