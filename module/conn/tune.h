/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program wishes for one socket. Most wish for nothing and share one object that
 * says so; the first setsockopt() makes a copy of its own, which children inherit.
 *
 * xtcp_sock.tune is never NULL and what it points to is not freed before the socket's
 * destructor runs, so that who has a reference, or found a listener under RCU, may read it
 * without the lock.
 */
#ifndef _XTCP_CONN_TUNE_H
#define _XTCP_CONN_TUNE_H

#include "../xtcp.h"

extern const struct xtcp_tunables xtcp_tune_none;

static inline bool xtcp_tune_shared(const struct xtcp_sock *xt)
{
	return xt->tune == &xtcp_tune_none;
}

/* For writing. Return: NULL without memory. Context: process, socket lock. */
struct xtcp_tunables *xtcp_tune_own(struct sock *sk);

/* A child gets its listener's wishes. Return: 0 or -ENOMEM. Context: softirq. */
int xtcp_tune_inherit(struct sock *child, const struct sock *listener);

/* Keep @syn, or none, for TCP_SAVED_SYN; takes it over. Context: socket lock. */
void xtcp_tune_save_syn(struct sock *sk, struct saved_syn *syn);

/* The destructor's. */
void xtcp_tune_free(struct sock *sk);

#endif /* _XTCP_CONN_TUNE_H */
