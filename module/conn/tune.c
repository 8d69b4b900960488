// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket's own wishes: made, inherited, freed.
 */
#include "tune.h"

#include <linux/slab.h>

/* Nothing is wished for: what all sockets have until their programs set something. */
const struct xtcp_tunables xtcp_tune_none = {
	.synack_retries = -1,
	.orphan_retries = -1,
};

static struct xtcp_tunables *xtcp_tune_copy(struct sock *sk, const struct xtcp_tunables *from,
					    gfp_t gfp)
{
	struct xtcp_tunables *own = kmemdup(from, sizeof(*own), gfp);

	if (!own)
		return NULL;
	own->saved_syn = NULL;
	/* Pairs with xtcp_tune(): what is seen is complete */
	smp_store_release(&xtcp_sk(sk)->tune, own);
	return own;
}

/**
 * xtcp_tune_own - the socket's wishes, to be changed
 * @sk: the socket
 *
 * Context: Process, socket lock.
 * Return: Its own copy, or NULL without memory.
 */
struct xtcp_tunables *xtcp_tune_own(struct sock *sk)
{
	if (xtcp_tune_shared(xtcp_sk(sk)))
		return xtcp_tune_copy(sk, &xtcp_tune_none, GFP_KERNEL_ACCOUNT);
	/* Its own copy is not const, only the shared one is */
	return (struct xtcp_tunables *)xtcp_sk(sk)->tune;
}

/**
 * xtcp_tune_inherit - a child's wishes are its listener's
 * @child: a clone; its copy of the pointer is not to be freed and is replaced
 * @listener: read without its lock
 *
 * Context: Softirq, RCU.
 * Return: 0; -ENOMEM: @child has none, and may be freed.
 */
int xtcp_tune_inherit(struct sock *child, const struct sock *listener)
{
	const struct xtcp_tunables *tune = xtcp_tune(listener);

	xtcp_sk(child)->tune = &xtcp_tune_none;
	if (tune == &xtcp_tune_none)
		return 0;
	return xtcp_tune_copy(child, tune, GFP_ATOMIC | __GFP_NOWARN) ? 0 : -ENOMEM;
}

/**
 * xtcp_tune_save_syn - keep a SYN for TCP_SAVED_SYN, or forget the one that is kept
 * @sk: a child whose listener wished for it (TCP_SAVE_SYN): so it has a copy of its own
 * @syn: from kmalloc(), given to us; or NULL
 *
 * Context: Socket lock, or @sk is private.
 */
void xtcp_tune_save_syn(struct sock *sk, struct saved_syn *syn)
{
	struct xtcp_tunables *own;

	if (xtcp_tune_shared(xtcp_sk(sk))) {
		kfree(syn);
		return;
	}
	own = (struct xtcp_tunables *)xtcp_sk(sk)->tune;
	kfree(own->saved_syn);
	own->saved_syn = syn;
}

/**
 * xtcp_tune_free - the socket is destroyed
 * @sk: its destructor runs
 */
void xtcp_tune_free(struct sock *sk)
{
	if (xtcp_tune_shared(xtcp_sk(sk)))
		return;
	kfree(xtcp_sk(sk)->tune->saved_syn);
	kfree(xtcp_sk(sk)->tune);
	xtcp_sk(sk)->tune = &xtcp_tune_none;
}
