// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll(), select(), epoll and the ioctls that ask how much there is. Mostly
 * without lock: whoever changes something wakes the poller afterwards.
 */
#include "socket.h"

#include <asm/ioctls.h>
#include <linux/sockios.h>

#include "../conn/acceptq.h"
#include "../conn/rcvq.h"
#include "../conn/urg.h"

/**
 * struct xtcp_poll_view - a socket at one moment
 * @state: TCP_ESTABLISHED ...
 * @shutdown: RCV_SHUTDOWN, SEND_SHUTDOWN
 * @error: sk_err
 */
struct xtcp_poll_view {
	int state;
	u8 shutdown;
	int error;
};

/*
 * A connection that is being reset has its error first and its new state a moment
 * later; a poller who comes in between would report the one without the other.
 * He waits for the lock then.
 */
static void xtcp_poll_look(struct sock *sk, struct xtcp_poll_view *v)
{
	bool slow;

	v->state = inet_sk_state_load(sk);
	v->shutdown = READ_ONCE(sk->sk_shutdown);
	/* Pairs with the barrier of xtcp_life_abort() */
	smp_rmb();
	v->error = READ_ONCE(sk->sk_err);
	if (!v->error || v->state == TCP_CLOSE)
		return;
	slow = lock_sock_fast(sk);
	v->state = sk->sk_state;
	v->shutdown = sk->sk_shutdown;
	unlock_sock_fast(sk, slow);
}

static __poll_t xtcp_poll_read(struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 target = sock_rcvlowat(sk, 0, INT_MAX);
	u32 unread = xtcp_rcvq_unread(sk);
	u16 urgent = READ_ONCE(xt->urg_data);
	__poll_t mask = 0;

	if (unlikely(urgent)) {
		mask = urgent & XTCP_URG_VALID ? EPOLLPRI : 0;
		/* A byte that a read will skip is none to be read */
		target += xtcp_urg_skips(sk, READ_ONCE(xt->copied_seq));
	}
	/* With the window shut, more than this will not come: SO_RCVLOWAT must not deadlock */
	if (unread && (unread >= target || xtcp_receive_window(xt) <= READ_ONCE(xt->rcv_mss)))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
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
	 * woke nobody: test again. Pairs with xtcp_receive_wake().
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
 * Context: Process; may sleep for the socket lock.
 * Return: EPOLL* bits.
 */
__poll_t xtcp_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct sock *sk = sock->sk;
	struct xtcp_poll_view v;
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	xtcp_poll_look(sk, &v);
	if (v.state == TCP_LISTEN)
		return xtcp_acceptq_empty(sk) ? 0 : EPOLLIN | EPOLLRDNORM;

	if (v.shutdown == SHUTDOWN_MASK || v.state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (v.shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;

	if (v.state != TCP_SYN_SENT && v.state != TCP_SYN_RECV)
		mask |= xtcp_poll_read(sk) | xtcp_poll_write(sk, v.shutdown);

	if (v.error || !skb_queue_empty_lockless(&sk->sk_error_queue))
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
		*karg = xtcp_urg_at_mark(xtcp_sk(sk));
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
			0 : xtcp_urg_inq(sk, xtcp_rcvq_unread(sk));
	else
		*karg = xtcp_poll_unsent(sk, cmd == SIOCOUTQ);
	unlock_sock_fast(sk, slow);
	return 0;
}
