// SPDX-License-Identifier: GPL-2.0-only
/*
 * listen() and accept(): RFC 9293 3.10.1, OPEN, passive.
 */
#include "socket.h"

#include <linux/sched/signal.h>

#include "../conn/acceptq.h"
#include "../conn/flows.h"
#include "../conn/ports.h"
#include "../conn/state.h"

/* A listener that was never bound, or was reset by disconnect(), gets a reservation now. */
static int xtcp_accept_autobind(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	if (!xtcp_sk(sk)->port && xtcp_port_get(sk, inet->inet_num))
		return -EADDRINUSE;
	inet->inet_sport = htons(inet->inet_num);
	return 0;
}

/*
 * In the table first, so that the host's counterpart, which listens next, is never
 * given a SYN. The port's rules are stricter for listeners (two sockets with
 * SO_REUSEADDR may be bound to one port but only one may listen), hence the second
 * check; what came in until then is reset.
 */
static int xtcp_accept_start(struct sock *sk)
{
	LIST_HEAD(none);
	int err;

	err = xtcp_acceptq_open(sk);
	if (err)
		return err;
	err = xtcp_accept_autobind(sk);
	if (err) {
		xtcp_acceptq_close(sk, &none);
		return err;
	}

	sk_dst_reset(sk);
	xtcp_state_set(sk, TCP_LISTEN, XTCP_REASON_USER);
	err = xtcp_flow_listen(sk);
	if (!err)
		err = xtcp_port_listen(sk, false);
	if (err)
		xtcp_close_listener_again(sk);
	return err;
}

/**
 * xtcp_listen - proto_ops.listen
 * @sock: the socket
 * @backlog: how many established connections may wait for accept()
 *
 * A second call changes the backlog and nothing else.
 *
 * Context: Process.
 * Return: 0, -EINVAL if connected, -EADDRINUSE, -ENOMEM.
 */
int xtcp_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	u32 limit = READ_ONCE(xtcp_net(sock_net(sk))->knobs.somaxconn);
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED || sock->type != SOCK_STREAM ||
	    !xtcp_state_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		goto out;

	WRITE_ONCE(sk->sk_max_ack_backlog, min_t(u32, backlog, limit));
	err = 0;
	if (sk->sk_state == TCP_LISTEN)
		xtcp_port_listen(sk, true);
	else
		err = xtcp_accept_start(sk);
out:
	release_sock(sk);
	return err;
}

/*
 * Wait for a child. Exclusive: one connection wakes one of the tasks that wait.
 * The lock is given up while sleeping, so everything is looked at again.
 */
static int xtcp_accept_wait(struct sock *sk, long *timeo)
{
	DEFINE_WAIT(wait);
	int err;

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (xtcp_acceptq_empty(sk))
			*timeo = schedule_timeout(*timeo);
		sched_annotate_sleep();
		lock_sock(sk);

		err = 0;
		if (!xtcp_acceptq_empty(sk))
			break;
		err = -EINVAL;
		if (sk->sk_state != TCP_LISTEN)
			break;
		err = sock_intr_errno(*timeo);
		if (signal_pending(current))
			break;
		err = -EAGAIN;
		if (!*timeo)
			break;
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

static struct sock *xtcp_accept_locked(struct sock *sk, struct proto_accept_arg *arg)
{
	long timeo = sock_rcvtimeo(sk, arg->flags & O_NONBLOCK);
	struct sock *child;

	arg->err = -EINVAL;
	if (sk->sk_state != TCP_LISTEN)
		return NULL;

	arg->err = 0;
	/* Who has no lock may take it before us, then the next one is waited for */
	while (!(child = xtcp_acceptq_take(sk))) {
		arg->err = timeo ? xtcp_accept_wait(sk, &timeo) : -EAGAIN;
		if (arg->err)
			return NULL;
	}
	return child;
}

/**
 * xtcp_accept - proto.accept: the oldest child
 * @sk: the listener
 * @arg: flags in, error out
 *
 * A child that was reset meanwhile is handed out as well, as the kernel's TCP does:
 * the program learns of it by its first read.
 *
 * Context: Process.
 * Return: The child with the queue's reference, or NULL and @arg->err: -EAGAIN,
 * -EINVAL (not listening any more), -EINTR, -ERESTARTSYS.
 */
struct sock *xtcp_accept(struct sock *sk, struct proto_accept_arg *arg)
{
	struct sock *child = NULL;

	arg->err = 0;
	/* The queue has a lock of its own; the listener's is for who has to wait */
	if (likely(!xtcp_acceptq_empty(sk)))
		child = xtcp_acceptq_take(sk);
	if (unlikely(!child)) {
		lock_sock(sk);
		child = xtcp_accept_locked(sk, arg);
		release_sock(sk);
	}
	arg->is_empty = xtcp_acceptq_empty(sk);
	return child;
}
