/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The accept queue of a listener, with its own leaf lock: softirq appends
 * without the listener's socket lock.
 */
#ifndef _XTCP_CONN_ACCEPTQ_H
#define _XTCP_CONN_ACCEPTQ_H

#include "../xtcp.h"

/**
 * struct xtcp_accept_queue - children that wait for accept()
 * @lock: leaf lock, BH-safe
 * @children: xtcp_sock.accept_node, oldest first; each holds a reference
 * @open: false once the listener closed; nothing is added then
 * @requests: half-open requests of this listener
 *
 * The length is sk_ack_backlog against sk_max_ack_backlog, as in the kernel's TCP.
 */
struct xtcp_accept_queue {
	spinlock_t lock;	/* leaf */
	struct list_head children;
	bool open;
	atomic_t requests;
};

/* listen(): make or reopen. Return: 0 or -ENOMEM. Context: process, socket lock. */
int xtcp_acceptq_open(struct sock *listener);

/*
 * Append @child; the queue takes over the caller's reference, increments
 * sk_ack_backlog. Return: false if the listener has closed (nothing taken).
 * Context: softirq or BHs off. The caller wakes the listener.
 */
bool xtcp_acceptq_add(struct sock *listener, struct sock *child);

/* Oldest child, the reference goes to the caller; NULL if empty. */
struct sock *xtcp_acceptq_take(struct sock *listener);

bool xtcp_acceptq_empty(const struct sock *listener);

/* Close: marks closed, moves all children to @children (references with them). */
void xtcp_acceptq_close(struct sock *listener, struct list_head *children);

/* Destructor of the listener: frees the queue. */
void xtcp_acceptq_free(struct sock *listener);

#endif /* _XTCP_CONN_ACCEPTQ_H */
