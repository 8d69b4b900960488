// SPDX-License-Identifier: GPL-2.0-only
/*
 * send(): RFC 9293 3.10.2.
 */
#include "socket.h"

#include <linux/sched/signal.h>
#include <net/tcp.h>

#include "../conn/mem.h"
#include "../conn/sndq.h"
#include "../conn/urg.h"
#include "../output/output.h"

/* Let segments that arrived meanwhile in after so many pieces */
#define XTCP_SEND_BACKLOG_EVERY	16

/**
 * struct xtcp_send - one sendmsg() under way
 * @msg: what the program wants sent
 * @src: the same, and how it is to be taken
 * @timeo: how long it may still wait, jiffies
 * @copied: bytes in the send queue
 * @pieces: since the backlog was last looked at
 * @starved: space was free and yet nothing could be queued: wait for memory
 */
struct xtcp_send {
	struct msghdr *msg;
	struct xtcp_source src;
	long timeo;
	int copied;
	int pieces;
	bool starved;
};

/**
 * xtcp_stream_memory_free - proto.stream_memory_free: TCP_NOTSENT_LOWAT
 * @sk: the connection
 * @wake: 1: for waking a writer, which is done at half the mark
 *
 * Context: Any; racy without the lock.
 * Return: false if enough unsent data are waiting.
 */
bool xtcp_stream_memory_free(const struct sock *sk, int wake)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 lowat = READ_ONCE(xtcp_tune(sk)->notsent_lowat);
	u32 notsent = READ_ONCE(xt->write_seq) - READ_ONCE(xt->snd_nxt);

	return !lowat || ((u64)notsent << wake) < lowat;
}

/*
 * So much is waiting that the window could take: send, without the last piece
 * that more data may still fill up. Half the largest window, since a peer that
 * never gets a full window must not wait for one (MUST-38).
 */
static void xtcp_send_push_some(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *head = xtcp_sndq_head(sk);
	u32 unsent = xt->write_seq - xt->snd_nxt;

	/* More than one skb: the first is full */
	if ((head && !xtcp_sndq_is_last(sk, head)) || unsent > xt->snd_max_wnd / 2)
		xtcp_data_push_user(sk, MSG_MORE);
}

/* The end of what the program gives us now; with MSG_OOB the end of urgent data. */
static void xtcp_send_push(struct sock *sk, int flags)
{
	if (unlikely(flags & MSG_OOB))
		xtcp_urg_mark(sk);
	xtcp_data_push_user(sk, flags);
}

/* No room: what is there goes out, then wait. Return: 0 or why to stop. */
static int xtcp_send_wait_space(struct sock *sk, struct xtcp_send *s)
{
	xtcp_mem_expand_snd(sk);
	if (sk_stream_memory_free(sk) && !s->starved) {
		s->starved = true;	/* the buffer was what lacked, not memory */
		return 0;
	}
	s->starved = false;
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (s->copied)
		xtcp_send_push(sk, s->msg->msg_flags & ~MSG_MORE);
	return sk_stream_wait_memory(sk, &s->timeo);
}

static int xtcp_send_piece(struct sock *sk, struct xtcp_send *s)
{
	int taken;

	if (s->pieces >= XTCP_SEND_BACKLOG_EVERY) {
		s->pieces = 0;
		sk_flush_backlog(sk);
		if (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN))
			return -EPIPE;
	}
	if (!sk_stream_memory_free(sk))
		return xtcp_send_wait_space(sk, s);

	taken = xtcp_sndq_append(sk, &s->src, msg_data_left(s->msg));
	if (taken == -EAGAIN)
		return xtcp_send_wait_space(sk, s);
	if (taken < 0)
		return taken;

	s->starved = false;
	s->copied += taken;
	s->pieces++;
	/* Where urgent data ends is known only when the call is done, or has to wait */
	if (msg_data_left(s->msg) && !(s->msg->msg_flags & MSG_OOB))
		xtcp_send_push_some(sk);
	return 0;
}

static int xtcp_send_check(struct sock *sk, struct xtcp_send *s)
{
	struct msghdr *msg = s->msg;
	struct sockcm_cookie sockc;

	/* Fast Open is not there; say so */
	if (msg->msg_flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;

	if (!xtcp_state_in(sk, XTCP_STATES_MAY_SEND)) {
		int err = sk_stream_wait_connect(sk, &s->timeo);

		if (err)
			return err;
	}
	if (msg->msg_controllen) {
		sockcm_init(&sockc, sk);
		if (sock_cmsg_send(sk, msg, &sockc))
			return -EINVAL;
	}
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	if (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN))
		return -EPIPE;
	return 0;
}

static int xtcp_send_locked(struct sock *sk, struct msghdr *msg, bool splice)
{
	struct xtcp_send s = {
		.msg = msg,
		.src.msg = msg,
		.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT),
	};
	int err = 0;

	if (unlikely(splice || (msg->msg_flags & MSG_ZEROCOPY)))
		err = xtcp_lend_begin(sk, &s.src, splice);
	if (!err)
		err = xtcp_send_check(sk, &s);
	while (!err && msg_data_left(msg)) {
		err = xtcp_send_piece(sk, &s);
		/* Slept: the connection may have ended */
		if (!err && (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN)))
			err = -EPIPE;
	}

	if (s.copied)
		xtcp_send_push(sk, msg->msg_flags);
	if (unlikely(s.src.uarg))
		xtcp_lend_end(&s.src, s.copied || !err);
	if (s.copied)
		return s.copied;
	if (!err)
		return 0;
	err = sk_stream_error(sk, msg->msg_flags, err);
	/* Nothing is in flight that could wake an edge-triggered poller later */
	if (err == -EAGAIN && !xtcp_sndq_head(sk) && xtcp_sndq_rtx_empty(sk))
		sk->sk_write_space(sk);
	return err;
}

/**
 * xtcp_sendmsg - proto.sendmsg
 * @sk: the connection
 * @msg: data; MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL, MSG_OOB count, MSG_ZEROCOPY with
 *       SO_ZEROCOPY; so does MSG_SPLICE_PAGES, where the core has it. MSG_EOR: the data
 *       are pushed anyway
 * @len: bytes
 *
 * Context: Process.
 * Return: Bytes queued, or -EAGAIN, -EPIPE (with SIGPIPE), -ENOTCONN, -EFAULT,
 * -EOPNOTSUPP, -EINTR, -ERESTARTSYS, -ENOBUFS (MSG_ZEROCOPY), or the connection's
 * pending error.
 */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	int err;

	lock_sock(sk);
	err = xtcp_send_locked(sk, msg, XTCP_MSG_SPLICE(msg));
	release_sock(sk);
	return err;
}

/**
 * xtcp_send_pages - as xtcp_sendmsg(), and the pages may be kept
 * @sk: the connection
 * @msg: its data are a bio_vec
 * @len: bytes
 *
 * What .sendpage of older kernels becomes.
 *
 * Context: Process.
 * Return: As xtcp_sendmsg().
 */
int xtcp_send_pages(struct sock *sk, struct msghdr *msg, size_t len)
{
	int err;

	lock_sock(sk);
	err = xtcp_send_locked(sk, msg, true);
	release_sock(sk);
	return err;
}
