// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll(), select(), epoll and the ioctls that ask how much there is. No lock:
 * whoever changes something wakes the poller afterwards.
 */
#include "socket.h"

#include <asm/ioctls.h>
#include <linux/sockios.h>

#include "../conn/acceptq.h"
#include "../conn/rcvq.h"

static __poll_t xtcp_poll_read(struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 target = sock_rcvlowat(sk, 0, INT_MAX);
	u32 unread = xtcp_rcvq_unread(sk);

	/* With the window shut, more than this will not come: SO_RCVLOWAT must not deadlock */
	if (unread && (unread >= target || xtcp_receive_window(xt) <= READ_ONCE(xt->rcv_mss)))
		return EPOLLIN | EPOLLRDNORM;
	return 0;
}

static __poll_t xtcp_poll_write(struct sock *sk, u8 shutdown)
{
	const __poll_t writable = EPOLLOUT | EPOLLWRNORM;

	if ((shutdown & SEND_SHUTDOWN) || __sk_stream_is_writeable(sk, 1))
		return writable;

	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/*
	 * Space that came after the test above and before the bits were set
	 * woke nobody: test again. Pairs with xtcp_data_write_space().
	 */
	smp_mb__after_atomic();
	return __sk_stream_is_writeable(sk, 1) ? writable : 0;
}

/**
 * xtcp_poll - proto_ops.poll
 * @file: of the socket
 * @sock: the socket
 * @wait: where to be woken
 *
 * EPOLLHUP means both directions are down, or that there never was a connection;
 * EPOLLRDHUP that the peer will send no more.
 *
 * Context: Process, no lock.
 * Return: EPOLL* bits.
 */
__poll_t xtcp_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	u8 shutdown;
	int state;

	sock_poll_wait(file, sock, wait);
	state = inet_sk_state_load(sk);
	if (state == TCP_LISTEN)
		return xtcp_acceptq_empty(sk) ? 0 : EPOLLIN | EPOLLRDNORM;

	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;

	if (state != TCP_SYN_SENT && state != TCP_SYN_RECV)
		mask |= xtcp_poll_read(sk) | xtcp_poll_write(sk, shutdown);

	/* Pairs with the barrier before sk_error_report() */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

/* Numbers written and not yet acknowledged, or not yet sent; a FIN counts. */
static int xtcp_poll_unsent(struct sock *sk, bool sent_too)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 from = sent_too ? READ_ONCE(xt->snd_una) : READ_ONCE(xt->snd_nxt);

	if (xtcp_state_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV))
		return 0;
	return READ_ONCE(xt->write_seq) - from;
}

/**
 * xtcp_ioctl - proto.ioctl
 * @sk: the socket
 * @cmd: SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK
 * @karg: the answer
 *
 * Context: Process.
 * Return: 0, -EINVAL for a listener, -ENOIOCTLCMD.
 */
int xtcp_ioctl(struct sock *sk, int cmd, int *karg)
{
	bool slow;

	switch (cmd) {
	case SIOCATMARK:
		*karg = 0;	/* there is no urgent data */
		return 0;
	case SIOCINQ:
	case SIOCOUTQ:
	case SIOCOUTQNSD:
		break;
	default:
		return -ENOIOCTLCMD;
	}

	if (sk->sk_state == TCP_LISTEN)
		return -EINVAL;
	slow = lock_sock_fast(sk);
	if (cmd == SIOCINQ)
		*karg = xtcp_state_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV) ?
			0 : xtcp_rcvq_unread(sk);
	else
		*karg = xtcp_poll_unsent(sk, cmd == SIOCOUTQ);
	unlock_sock_fast(sk, slow);
	return 0;
}
