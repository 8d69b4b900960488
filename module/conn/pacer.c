// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pacing, and a bound to what waits below.
 *
 * Paced is who is under fq (which sets SK_PACING_FQ at a socket's first packet) or has set
 * SO_MAX_PACING_RATE (SK_PACING_NEEDED, set by the core). Every skb gets a departure time;
 * fq keeps it until then. Without fq we keep it ourselves, by one hrtimer. The sysctl pacing
 * does that for all who are not under fq.
 *
 * Everybody is bounded in what waits in qdiscs and devices: a millisecond of data, at
 * least two skbs. Our skbs are charged to sk_wmem_alloc, and when the core frees one it
 * calls sk_write_space: that is the signal to go on. It comes in any context, with or
 * without the socket lock, at times on a socket that is all but freed; so it only puts
 * the socket into a list of its CPU, and a tasklet does the rest.
 */
#include "pacer.h"

#include <linux/interrupt.h>
#include <linux/slab.h>

#include "sndq.h"
#include "timers.h"

#define XTCP_PACER_AHEAD_NS	(XTCP_PACER_AHEAD_MS * NSEC_PER_MSEC)
/* A path as short as this has no queue that a single buffer could fill. */
#define XTCP_PACER_NEAR_US	500
/* Sleep no longer: the program may raise its rate. */
#define XTCP_PACER_SLEEP_NS	NSEC_PER_SEC

/**
 * struct xtcp_pacer_list - sockets of one CPU that may send again
 * @tasklet: resumes them
 * @pacers: theirs, struct xtcp_pacer::node; each with a reference to its socket
 */
struct xtcp_pacer_list {
	struct tasklet_struct tasklet;
	struct llist_head pacers;
};

static DEFINE_PER_CPU(struct xtcp_pacer_list, xtcp_pacer_lists);
static void (*xtcp_pacer_resume)(struct sock *sk) __read_mostly;

static void xtcp_pacer_drained(struct tasklet_struct *t)
{
	struct xtcp_pacer_list *list = from_tasklet(list, t, tasklet);
	struct llist_node *all = llist_del_all(&list->pacers);
	struct xtcp_pacer *p, *next;

	llist_for_each_entry_safe(p, next, all, node) {
		struct sock *sk = p->sk;

		/* From here on it may be put into a list again */
		clear_bit(XTCP_PACER_QUEUED, &p->flags);
		xtcp_pacer_resume(sk);
		sock_put(sk);
	}
}

/**
 * xtcp_pacers_init - prepare what wakes sockets
 * @resume: sends what may be sent; softirq, takes the socket lock
 *
 * Context: Module init.
 * Return: 0.
 */
int xtcp_pacers_init(void (*resume)(struct sock *sk))
{
	int cpu;

	xtcp_pacer_resume = resume;
	for_each_possible_cpu(cpu) {
		struct xtcp_pacer_list *list = per_cpu_ptr(&xtcp_pacer_lists, cpu);

		init_llist_head(&list->pacers);
		tasklet_setup(&list->tasklet, xtcp_pacer_drained);
	}
	return 0;
}

/**
 * xtcp_pacers_exit - no tasklet runs any more
 *
 * Context: Module exit, process; no socket is left that could be put into a list.
 */
void xtcp_pacers_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu_ptr(&xtcp_pacer_lists, cpu)->tasklet);
}

/* The pacer of @sk; NULL without memory: not paced then, and not held back. */
static struct xtcp_pacer *xtcp_pacer_get(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_pacer *p = xt->pacer;

	if (likely(p))
		return p;
	p = kzalloc(sizeof(*p), GFP_ATOMIC | __GFP_NOWARN);
	if (!p)
		return NULL;
	p->sk = sk;
	p->next_ns = ktime_get_ns();
	xtcp_timer_setup_hr(&p->timer, XTCP_HRTIMER_PACE);
	/* xtcp_pacer_freed() looks without a lock */
	smp_store_release(&xt->pacer, p);
	return p;
}

/**
 * xtcp_pacer_begin - is this connection to be paced though it has not asked?
 * @sk: begins
 *
 * Context: Socket lock.
 */
void xtcp_pacer_begin(struct sock *sk)
{
	if (READ_ONCE(xtcp_sk(sk)->xn->knobs.pacing))
		cmpxchg(&sk->sk_pacing_status, SK_PACING_NONE, SK_PACING_NEEDED);
}

/**
 * xtcp_pacer_free - the end of a socket
 * @sk: nobody has a reference, nothing of it waits below
 *
 * Context: Destructor.
 */
void xtcp_pacer_free(struct sock *sk)
{
	if (likely(!xtcp_sk(sk)->pacer))
		return;
	kfree(xtcp_sk(sk)->pacer);
	xtcp_sk(sk)->pacer = NULL;
}

/**
 * xtcp_pacer_forget - what comes now is another connection's
 * @sk: in TCP_CLOSE, timers stopped
 *
 * Context: Socket lock.
 */
void xtcp_pacer_forget(struct sock *sk)
{
	struct xtcp_pacer *p = xtcp_sk(sk)->pacer;

	if (!p)
		return;
	p->next_ns = ktime_get_ns();
	p->left_ns = 0;
}

/**
 * xtcp_pacer_rate - how fast data may leave now
 * @sk: the connection
 *
 * A window in each round trip, and so much more that the window, not this, decides:
 * pacing_ss_ratio percent while slow start may still double it, else pacing_ca_ratio.
 * Never above SO_MAX_PACING_RATE. Kept in sk_pacing_rate, where fq and TCP_INFO look.
 *
 * Context: Socket lock.
 * Return: Bytes of payload a second, ~0UL: not known yet, no bound.
 */
unsigned long xtcp_pacer_rate(struct sock *sk)
{
	const struct xtcp_knobs *knobs = &xtcp_sk(sk)->xn->knobs;
	const struct xtcp_sock *xt = xtcp_sk(sk);
	unsigned long rate = ~0UL;
	u32 srtt_us = xtcp_rtt_srtt_us(&xt->rtt);

	if (xt->rtt.valid && srtt_us) {
		u32 percent = xt->cc.cwnd < xt->cc.ssthresh / 2 ?
			READ_ONCE(knobs->pacing_ss_ratio) : READ_ONCE(knobs->pacing_ca_ratio);
		u64 window = (u64)max(xt->cc.cwnd, xt->packets_out) * xt->mss_cache;

		rate = min_t(u64, div_u64(window * percent * (USEC_PER_SEC / 100), srtt_us),
			     ~0UL - 1);
	}
	rate = min(rate, READ_ONCE(sk->sk_max_pacing_rate));
	WRITE_ONCE(sk->sk_pacing_rate, rate);
	return rate;
}

/* What takes no more than a millisecond to leave; drivers may ask for more. */
static u64 xtcp_pacer_short(const struct sock *sk, unsigned long rate)
{
	return rate >> READ_ONCE(sk->sk_pacing_shift);
}

/**
 * xtcp_pacer_burst - how much may leave in one piece
 * @sk: the connection
 * @mss: payload of a segment, bytes
 *
 * A large buffer is a burst on the wire, which a short queue on the way does not take. So
 * large is what leaves within a millisecond; two segments, which get one ACK, may always
 * unless they are paced. On the shortest paths, with nothing waiting below, all may.
 *
 * Context: Socket lock.
 * Return: Bytes, whole segments, at least one.
 */
u32 xtcp_pacer_burst(struct sock *sk, u32 mss)
{
	const struct xtcp_rtt *rtt = &xtcp_sk(sk)->rtt;
	bool paced = xtcp_pacer_on(sk);
	u64 len;

	if (!paced && rtt->min_rtt_us < XTCP_PACER_NEAR_US && !sk_wmem_alloc_get(sk))
		return U32_MAX;
	len = xtcp_pacer_short(sk, xtcp_pacer_rate(sk));
	if (len > U32_MAX)
		return U32_MAX;
	return max_t(u32, len - (u32)len % mss, paced ? mss : 2 * mss);
}

/*
 * How long @len bytes take. The initial window leaves at once (RFC 6928) unless the program
 * has named a rate. A rate of 0 is none, as with the kernel's TCP.
 */
static u64 xtcp_pacer_interval_ns(struct sock *sk, u32 len)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	unsigned long rate = xtcp_pacer_rate(sk);

	if (!rate || rate == ~0UL)
		return 0;
	if (READ_ONCE(sk->sk_max_pacing_rate) == ~0UL &&
	    xt->bytes_out + len < (u64)xtcp_cc_init_cwnd(xt->mss_cache) * xt->mss_cache)
		return 0;
	return div64_ul((u64)len * NSEC_PER_SEC, rate);
}

/**
 * xtcp_pacer_stamp - when does this leave?
 * @sk: a paced connection
 * @skb: on its way down
 * @len: its payload, bytes
 * @bare_ack: it takes no numbers: it may overtake data that wait in fq
 *
 * A timeout's retransmission, say, does not ask whether it is early: it takes its turn, but fq is
 * given nothing for later than anything else. Who comes late, by up to half the interval, makes up
 * for it: timers have their slack, and the rate is to be reached.
 *
 * Context: Socket lock.
 * Return: The departure, microseconds of CLOCK_MONOTONIC. Of a bare ACK, that of the last data if
 * they still wait: nothing is to look older than what was sent before.
 */
u64 xtcp_pacer_stamp(struct sock *sk, struct sk_buff *skb, u32 len, bool bare_ack)
{
	struct xtcp_pacer *p = len ? xtcp_pacer_get(sk) : xtcp_sk(sk)->pacer;
	u64 now_ns = ktime_get_ns();
	u64 leave_ns = now_ns;

	/* Only fq keeps it; without, its time is now */
	if (p && !bare_ack && READ_ONCE(sk->sk_pacing_status) == SK_PACING_FQ)
		leave_ns = max(min(p->next_ns, now_ns + XTCP_PACER_AHEAD_NS),
			       max(p->left_ns, now_ns));
	if (p && !bare_ack)
		p->left_ns = leave_ns;
	if (p && len) {
		u64 interval_ns = xtcp_pacer_interval_ns(sk, len);

		p->next_ns = max(p->next_ns, now_ns - interval_ns / 2) + interval_ns;
		p->last_len = len;
	}
	skb_set_delivery_time(skb, ns_to_ktime(leave_ns), SKB_CLOCK_MONOTONIC);
	return div_u64(p ? max(leave_ns, p->left_ns) : leave_ns, NSEC_PER_USEC);
}

/**
 * xtcp_pacer_early - is it too early for data?
 * @sk: a paced connection
 *
 * Context: Socket lock.
 * Return: true: the timer is armed for the right moment.
 */
bool xtcp_pacer_early(struct sock *sk)
{
	struct xtcp_pacer *p = xtcp_sk(sk)->pacer;
	u64 now_ns, due_ns;

	if (!p)
		return false;
	now_ns = ktime_get_ns();
	due_ns = now_ns;
	if (READ_ONCE(sk->sk_pacing_status) == SK_PACING_FQ)
		due_ns += XTCP_PACER_AHEAD_NS;
	if (p->next_ns <= due_ns)
		return false;
	if (p->next_ns - now_ns > XTCP_PACER_SLEEP_NS) {
		/* At today's rate it may be sooner */
		p->next_ns = min(p->next_ns, now_ns + xtcp_pacer_interval_ns(sk, p->last_len));
		if (p->next_ns <= due_ns)
			return false;
	}
	XTCP_SK_ADD(sk, PaceWaits, 1);
	xtcp_timer_arm_hr(sk, &p->timer, XTCP_HRTIMER_PACE,
			  now_ns + min_t(u64, p->next_ns - due_ns, XTCP_PACER_SLEEP_NS), 0);
	return true;
}

/* One may always be sent: what waits below may never be freed before another comes. */
static bool xtcp_pacer_one_out(const struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_rtx_head(sk);

	return !skb || !xtcp_sndq_rtx_next(skb);
}

/**
 * xtcp_pacer_await - go on once so much has left
 * @sk: the connection; some of its skbs wait below
 * @limit: no more than this is to wait there, bytes
 *
 * What a qdisc has taken off our account does not count: a timer has to see to that.
 *
 * Context: Socket lock.
 * Return: true: what is freed below will wake it; false: it has left, or there is no memory.
 */
bool xtcp_pacer_await(struct sock *sk, u64 limit)
{
	struct xtcp_pacer *p = xtcp_pacer_get(sk);

	if (!p)
		return false;
	set_bit(XTCP_PACER_FULL, &p->flags);
	/* What was freed before this bit was set woke nobody: look again */
	smp_mb__after_atomic();
	if (sk_wmem_alloc_get(sk) > limit)
		return true;
	clear_bit(XTCP_PACER_FULL, &p->flags);
	return false;
}

/**
 * xtcp_pacer_full - does enough wait below?
 * @sk: the connection; more than two of its skbs do
 * @truesize: memory of what is to be sent next
 *
 * Context: Socket lock.
 * Return: true: what is freed below will wake it.
 */
bool xtcp_pacer_full(struct sock *sk, u32 truesize)
{
	const struct xtcp_knobs *knobs = &xtcp_sk(sk)->xn->knobs;
	u64 limit = xtcp_pacer_short(sk, xtcp_pacer_rate(sk));

	limit = max_t(u64, limit, 2 * truesize);
	/* What is paced is no burst; without pacing the rate is a guess */
	if (!xtcp_pacer_on(sk))
		limit = min_t(u64, limit, READ_ONCE(knobs->limit_output_bytes));
	if (sk_wmem_alloc_get(sk) <= limit || xtcp_pacer_one_out(sk) ||
	    !xtcp_pacer_await(sk, limit))
		return false;
	XTCP_SK_ADD(sk, QueueWaits, 1);
	return true;
}

/**
 * xtcp_pacer_wake - have the tasklet look at a socket
 * @sk: full socket
 * @p: its pacer, XTCP_PACER_FULL
 *
 * A socket without references is being destroyed: nothing of it will be sent.
 *
 * Context: Any but hard interrupts, locks held or not.
 */
void xtcp_pacer_wake(struct sock *sk, struct xtcp_pacer *p)
{
	struct xtcp_pacer_list *list;

	if (!test_and_clear_bit(XTCP_PACER_FULL, &p->flags) ||
	    test_and_set_bit(XTCP_PACER_QUEUED, &p->flags))
		return;
	if (!refcount_inc_not_zero(&sk->sk_refcnt)) {
		clear_bit(XTCP_PACER_QUEUED, &p->flags);
		return;
	}
	list = raw_cpu_ptr(&xtcp_pacer_lists);
	if (llist_add(&p->node, &list->pacers))
		tasklet_schedule(&list->tasklet);
}
