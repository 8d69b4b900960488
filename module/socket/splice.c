// SPDX-License-Identifier: GPL-2.0-only
/*
 * splice() out of a socket: the pipe gets references to the pages that the segments
 * came in; only what lies in an skb's head is copied.
 */
#include "socket.h"

#include <linux/pipe_fs_i.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>

#include "../conn/rcvq.h"
#include "../conn/rcvtune.h"

/**
 * struct xtcp_splice - one splice() under way
 * @pipe: where to
 * @len: bytes still wanted
 * @flags: SPLICE_F_*, about the pipe
 * @timeo: how long it may still wait for data, jiffies
 * @spliced: bytes in the pipe
 */
struct xtcp_splice {
	struct pipe_inode_info *pipe;
	size_t len;
	unsigned int flags;
	long timeo;
	ssize_t spliced;
};

/* What a splice may take of @len bytes: nothing at the mark of urgent data, nor beyond. */
static size_t xtcp_splice_heed_mark(const struct xtcp_sock *xt, size_t len)
{
	return min_t(size_t, len, xt->urg_seq - xt->copied_seq);
}

/* Move what has been received. Return: bytes; 0: there is nothing; negative. */
static ssize_t xtcp_splice_queued(struct sock *sk, struct xtcp_splice *s)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb;
	ssize_t moved = 0;

	while (s->len && (skb = skb_peek(&sk->sk_receive_queue))) {
		u32 offset = xt->copied_seq - xtcp_cb(skb)->seq;
		size_t len;
		int n;

		if (WARN_ON_ONCE(offset >= skb->len))
			break;
		len = min_t(size_t, s->len, skb->len - offset);
		if (unlikely(xt->urg_data))
			len = xtcp_splice_heed_mark(xt, len);
		if (!len)
			break;
		n = skb_splice_bits(skb, sk, offset, s->pipe, len, s->flags);
		if (n <= 0) {		/* -EAGAIN: the pipe is full */
			if (!moved)
				moved = n;
			break;
		}
		moved += n;
		s->len -= n;
		sk_peek_offset_bwd(sk, n);
		WRITE_ONCE(xt->copied_seq, xt->copied_seq + n);
		xtcp_rcvq_eat(sk);
	}
	if (moved > 0) {
		s->spliced += moved;
		xtcp_rcvtune_read(sk);
		xtcp_recv_cleanup(sk, moved, false);
	}
	return moved;
}

/* Nothing was received. Return: true: stop, with *@err. */
static bool xtcp_splice_must_stop(struct sock *sk, const struct xtcp_splice *s, int *err)
{
	*err = 0;
	if (s->spliced || sock_flag(sk, SOCK_DONE))
		return true;
	if (sk->sk_err)
		*err = sock_error(sk);
	else if (sk->sk_shutdown & RCV_SHUTDOWN)
		return true;
	else if (sk->sk_state == TCP_CLOSE)
		*err = -ENOTCONN;	/* never connected */
	else if (!s->timeo)
		*err = -EAGAIN;
	return *err;
}

static int xtcp_splice_wait(struct sock *sk, struct xtcp_splice *s)
{
	int err;

	xtcp_recv_cleanup(sk, 0, true);
	err = sk_wait_data(sk, &s->timeo, NULL);
	if (err < 0)
		return err;
	return signal_pending(current) ? sock_intr_errno(s->timeo) : 0;
}

static int xtcp_splice_locked(struct sock *sk, struct xtcp_splice *s)
{
	ssize_t n;
	int err;

	if (sk->sk_state == TCP_LISTEN)
		return -ENOTCONN;
	while (s->len) {
		n = xtcp_splice_queued(sk, s);
		if (n < 0)
			return n;
		if (!n) {
			if (xtcp_splice_must_stop(sk, s, &err))
				return err;
			/* The mark is in the way: only recv() gets past it */
			if (!skb_queue_empty(&sk->sk_receive_queue))
				return 0;
			err = xtcp_splice_wait(sk, s);
			if (err)
				return err;
			continue;
		}
		if (!s->timeo)
			break;
		/* What came in meanwhile belongs to it as well */
		sk_flush_backlog(sk);
		if (sk->sk_err || sk->sk_state == TCP_CLOSE || signal_pending(current))
			break;
	}
	return 0;
}

/**
 * xtcp_splice_read - proto_ops.splice_read
 * @sock: the socket
 * @ppos: no socket has a position
 * @pipe: where to
 * @len: at most this many bytes
 * @flags: SPLICE_F_*; SPLICE_F_NONBLOCK is about the pipe, the socket's own O_NONBLOCK
 *         about data
 *
 * As with recv(), the window opens as the program takes data away.
 *
 * Context: Process.
 * Return: Bytes; 0: the peer has closed; -EAGAIN, -ENOTCONN, -ESPIPE, -EINTR,
 * -ERESTARTSYS, or the connection's pending error, once.
 */
ssize_t xtcp_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			 size_t len, unsigned int flags)
{
	struct xtcp_splice s = { .pipe = pipe, .len = len, .flags = flags };
	struct sock *sk = sock->sk;
	int err;

	if (*ppos)
		return -ESPIPE;
	sock_rps_record_flow(sk);
	lock_sock(sk);
	s.timeo = sock_rcvtimeo(sk, sock->file->f_flags & O_NONBLOCK);
	err = xtcp_splice_locked(sk, &s);
	release_sock(sk);
	return s.spliced ? s.spliced : err;
}
