// SPDX-License-Identifier: GPL-2.0-only
/*
 * The accept queue: softirq adds, accept() takes, close() empties it.
 */
#include "acceptq.h"

/**
 * xtcp_acceptq_open - a socket begins to listen
 * @listener: the socket
 *
 * The queue is made once and opened again if the socket listens anew.
 *
 * Context: Process, socket lock.
 * Return: 0 or -ENOMEM.
 */
int xtcp_acceptq_open(struct sock *listener)
{
	struct xtcp_sock *xt = xtcp_sk(listener);
	struct xtcp_accept_queue *q = xt->acceptq;

	if (!q) {
		q = kzalloc(sizeof(*q), GFP_KERNEL);
		if (!q)
			return -ENOMEM;
		spin_lock_init(&q->lock);
		INIT_LIST_HEAD(&q->children);
		atomic_set(&q->requests, 0);
		/* Readers come by the listener table, after this */
		smp_store_release(&xt->acceptq, q);
	}
	spin_lock_bh(&q->lock);
	WRITE_ONCE(listener->sk_ack_backlog, 0);
	q->open = true;
	spin_unlock_bh(&q->lock);
	return 0;
}

/**
 * xtcp_acceptq_add - a child is ready for accept()
 * @listener: its listener
 * @child: established; one reference goes to the queue
 *
 * Context: Softirq, or process with BHs off.
 * Return: false if the listener closed meanwhile; nothing was taken then.
 */
bool xtcp_acceptq_add(struct sock *listener, struct sock *child)
{
	struct xtcp_accept_queue *q = xtcp_sk(listener)->acceptq;
	bool added = false;

	spin_lock_bh(&q->lock);
	if (q->open) {
		list_add_tail(&xtcp_sk(child)->accept_node, &q->children);
		sk_acceptq_added(listener);
		added = true;
	}
	spin_unlock_bh(&q->lock);
	return added;
}

/**
 * xtcp_acceptq_take - the oldest child, for accept()
 * @listener: the listener
 *
 * Context: Process.
 * Return: The child with the queue's reference, or NULL.
 */
struct sock *xtcp_acceptq_take(struct sock *listener)
{
	struct xtcp_accept_queue *q = xtcp_sk(listener)->acceptq;
	struct xtcp_sock *child;

	spin_lock_bh(&q->lock);
	child = list_first_entry_or_null(&q->children, struct xtcp_sock, accept_node);
	if (child) {
		list_del(&child->accept_node);
		sk_acceptq_removed(listener);
	}
	spin_unlock_bh(&q->lock);
	return (struct sock *)child;
}

/**
 * xtcp_acceptq_empty - is nobody waiting?
 * @listener: the listener, or a socket that never listened
 *
 * Context: Any; racy without the queue's lock, as poll() is.
 * Return: true if accept() would wait.
 */
bool xtcp_acceptq_empty(const struct sock *listener)
{
	const struct xtcp_accept_queue *q;

	/* Pairs with xtcp_acceptq_open(): what is seen is initialised */
	q = smp_load_acquire(&xtcp_sk(listener)->acceptq);
	return !q || list_empty_careful(&q->children);
}

/**
 * xtcp_acceptq_close - the listener closes
 * @listener: the listener
 * @children: gets all waiting children, with the queue's references
 *
 * Context: Process, socket lock.
 */
void xtcp_acceptq_close(struct sock *listener, struct list_head *children)
{
	struct xtcp_accept_queue *q = xtcp_sk(listener)->acceptq;

	if (!q)
		return;
	spin_lock_bh(&q->lock);
	q->open = false;
	list_splice_init(&q->children, children);
	WRITE_ONCE(listener->sk_ack_backlog, 0);
	spin_unlock_bh(&q->lock);
}

/**
 * xtcp_acceptq_free - the listener is destroyed
 * @listener: its destructor runs; RCU readers are gone (SOCK_RCU_FREE)
 */
void xtcp_acceptq_free(struct sock *listener)
{
	kfree(xtcp_sk(listener)->acceptq);
	xtcp_sk(listener)->acceptq = NULL;
}
