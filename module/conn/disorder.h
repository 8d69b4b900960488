/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a connection keeps only once something was lost, came out of order or came twice,
 * in either direction. Most never need it: made at the first need, freed with the socket.
 *
 * It is made in softirq, so there may be no memory for it. Each user has an answer to that
 * which is right, if not the best: what came out of order is dropped as if it had been lost,
 * a duplicate is not reported, SACK blocks are read in full, the window goes to ssthresh at
 * once, and a reduction cannot be undone.
 */
#ifndef _XTCP_CONN_DISORDER_H
#define _XTCP_CONN_DISORDER_H

#include "../xtcp.h"
#include "timers.h"

struct xtcp_disorder *xtcp_disorder_make(struct sock *sk);
void xtcp_disorder_forget(struct sock *sk);
void xtcp_disorder_free(struct sock *sk);

/* For writing. Return: NULL without memory. Context: socket lock. */
static inline struct xtcp_disorder *xtcp_disorder_get(struct sock *sk)
{
	struct xtcp_disorder *d = xtcp_sk(sk)->disorder;

	return likely(d) ? d : xtcp_disorder_make(sk);
}

/* Does nothing wait out of order? */
static inline bool xtcp_ooo_empty(const struct xtcp_sock *xt)
{
	return likely(!xt->disorder) || RB_EMPTY_ROOT(&xt->disorder->ooo_queue);
}

static inline struct sk_buff *xtcp_ooo_first(const struct xtcp_sock *xt)
{
	return likely(!xt->disorder) ? NULL : skb_rb_first(&xt->disorder->ooo_queue);
}

/* Is there a duplicate to report? */
static inline bool xtcp_dsack_due(const struct xtcp_sock *xt)
{
	return unlikely(xt->disorder) && xt->disorder->dsack_start != xt->disorder->dsack_end;
}

/* [@start, @end) came twice: the next ACK says so. Context: socket lock. */
void xtcp_dsack_note(struct sock *sk, u32 start, u32 end);

static inline void xtcp_dsack_done(struct xtcp_sock *xt)
{
	if (unlikely(xt->disorder))
		xt->disorder->dsack_end = xt->disorder->dsack_start;
}

/* [@seq, @end) came out of order: the next ACK's SACK blocks begin with its block. */
void xtcp_sack_note(struct xtcp_disorder *d, u32 seq, u32 end);

/*
 * Will the next ACK, whenever it is, have room for all that came since the last one? There may be
 * one block more then.
 */
static inline bool xtcp_sack_has_room(const struct xtcp_sock *xt)
{
	return xt->disorder->sacks_untold + xtcp_dsack_due(xt) < XTCP_SACKS_MAX - 1;
}

/* An ACK goes out, with SACK blocks of all that came: none waits any more. */
static inline void xtcp_acks_held_sent(struct sock *sk)
{
	struct xtcp_disorder *d = xtcp_sk(sk)->disorder;

	if (likely(!d))
		return;
	d->sacks_untold = 0;
	if (!d->acks_held)
		return;
	d->acks_held = 0;
	xtcp_timer_stop_hr(sk, &d->sack_timer);
}

/* What the last ACK's blocks were is forgotten: the next ones are read in full. */
static inline void xtcp_sack_forget(struct xtcp_sock *xt)
{
	if (unlikely(xt->disorder))
		memset(xt->disorder->sack_seen, 0, sizeof(xt->disorder->sack_seen));
}

/* This episode's PRR; NULL: none is under way, or there was no memory for it. */
static inline struct xtcp_prr *xtcp_disorder_prr(const struct xtcp_sock *xt)
{
	return xt->disorder && xt->disorder->prr.recover_fs ? &xt->disorder->prr : NULL;
}

#endif /* _XTCP_CONN_DISORDER_H */
