// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a connection that comes with the first disorder.
 */
#include "disorder.h"

#include <linux/slab.h>

#include "timers.h"

/**
 * xtcp_disorder_make - the first disorder of a connection
 * @sk: the connection, without one
 *
 * Context: Socket lock, any.
 * Return: All zero but for the timer, which is what each field starts with; NULL without memory.
 */
struct xtcp_disorder *xtcp_disorder_make(struct sock *sk)
{
	struct xtcp_disorder *d = kzalloc(sizeof(*d), GFP_ATOMIC | __GFP_NOWARN);

	if (d) {
		d->sk = sk;
		xtcp_timer_setup_hr(&d->sack_timer, XTCP_HRTIMER_SACKS);
	}
	xtcp_sk(sk)->disorder = d;
	return d;
}

/**
 * xtcp_disorder_forget - what comes now is another connection's
 * @sk: its queues are empty, timers stopped
 *
 * It is not freed: the timer may run at this moment.
 *
 * Context: Socket lock.
 */
void xtcp_disorder_forget(struct sock *sk)
{
	if (xtcp_sk(sk)->disorder)
		memset_startat(xtcp_sk(sk)->disorder, 0, ooo_queue);
}

/**
 * xtcp_disorder_free - the end of a socket
 * @sk: nobody has a reference, its queues are empty
 *
 * Context: Destructor.
 */
void xtcp_disorder_free(struct sock *sk)
{
	if (likely(!xtcp_sk(sk)->disorder))
		return;
	kfree(xtcp_sk(sk)->disorder);
	xtcp_sk(sk)->disorder = NULL;
}

/**
 * xtcp_dsack_note - something came twice: the next ACK says so
 * @sk: the connection
 * @start: first number of what came again
 * @end: one past the last
 *
 * RFC 2883 4: reported once, in the first block of the next ACK.
 *
 * Context: Socket lock.
 */
void xtcp_dsack_note(struct sock *sk, u32 start, u32 end)
{
	struct xtcp_disorder *d = xtcp_sk(sk)->sack_ok ? xtcp_disorder_get(sk) : NULL;

	if (!d)
		return;
	/* One that is not told yet, and ends here, is told with it */
	if (d->dsack_start != d->dsack_end && start == d->dsack_end) {
		d->dsack_end = end;
		return;
	}
	d->dsack_start = start;
	d->dsack_end = end;
}

/**
 * xtcp_sack_note - something came out of order
 * @d: the connection's disorder
 * @seq: first number
 * @end: one past the last
 *
 * RFC 2018 4: its block is told first, then those that were before it.
 *
 * Context: Socket lock.
 */
void xtcp_sack_note(struct xtcp_disorder *d, u32 seq, u32 end)
{
	struct xtcp_sack_recent r = { .seq = seq, .start = seq, .end = end };
	u32 i;

	for (i = 0; i < d->sack_recents; i++) {
		const struct xtcp_sack_recent *old = &d->sack_recent[i];

		if (xtcp_seq_after(seq, old->end) || xtcp_seq_before(end, old->start))
			continue;
		r.start = xtcp_seq_min(seq, old->start);
		r.end = xtcp_seq_max(end, old->end);
		break;
	}
	if (i >= d->sacks_untold && d->sacks_untold < ARRAY_SIZE(d->sack_recent))
		d->sacks_untold++;
	if (i == d->sack_recents) {
		if (d->sack_recents < ARRAY_SIZE(d->sack_recent))
			d->sack_recents++;
		i = d->sack_recents - 1;
	}
	memmove(&d->sack_recent[1], &d->sack_recent[0], i * sizeof(r));
	d->sack_recent[0] = r;
}
