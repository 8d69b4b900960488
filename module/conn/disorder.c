// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a connection that comes with the first disorder.
 */
#include "disorder.h"

#include <linux/slab.h>

/**
 * xtcp_disorder_make - the first disorder of a connection
 * @sk: the connection, without one
 *
 * Context: Socket lock, any.
 * Return: All zero, which is what each field starts with; NULL without memory.
 */
struct xtcp_disorder *xtcp_disorder_make(struct sock *sk)
{
	struct xtcp_disorder *d = kzalloc(sizeof(*d), GFP_ATOMIC | __GFP_NOWARN);

	xtcp_sk(sk)->disorder = d;
	return d;
}

/**
 * xtcp_disorder_free - the connection is over
 * @sk: its queues are empty
 *
 * Context: Socket lock, or the destructor.
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
	d->dsack_start = start;
	d->dsack_end = end;
}
