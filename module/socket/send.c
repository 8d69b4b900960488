// SPDX-License-Identifier: GPL-2.0-only
/*
 * send(): RFC 9293 3.10.2.
 */
#include "socket.h"

#include <linux/sched/signal.h>
#include <net/tcp.h>

#include "../conn/sndq.h"
#include "../output/output.h"

/* Let segments that arrived meanwhile in after so many pieces */
#define XTCP_SEND_BACKLOG_EVERY	16

/**
 * struct xtcp_send - one sendmsg() under way
 * @msg: what the program wants sent
 * @timeo: how long it may still wait, jiffies
 * @copied: bytes in the send queue
 * @pieces: since the backlog was last looked at
 * @starved: space was free and yet nothing could be queued: wait for memory
 */
struct xtcp_send {
	struct msghdr *msg;
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
	u32 lowat = READ_ONCE(xt->notsent_lowat);
	u32 notsent = READ_ONCE(xt->write_seq) - READ_ONCE(xt->snd_nxt);

	return !lowat || ((u64)notsent << wake) < lowat;
}

/**
 * xtcp_send_expand - send buffer autotuning
 * @sk: the connection
 *
 * Room for two congestion windows, one in flight and one to follow, and at least
 * for ten segments (RFC 6928), up to wmem. A buffer that the program has set stays.
 *
 * Context: Process, socket lock.
 */
void xtcp_send_expand(struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u64 want;

	if ((sk->sk_userlocks & SOCK_SNDBUF_LOCK) || sk_under_memory_pressure(sk))
		return;
	want = (u64)SKB_TRUESIZE(max_t(u32, xt->mss_cache, TCP_MSS_DEFAULT) + MAX_TCP_HEADER) *
	       max_t(u32, xt->cc.cwnd, TCP_INIT_CWND) * 2;
	want = min_t(u64, want, READ_ONCE(xtcp_net(sock_net(sk))->knobs.wmem[2]));
	if (want > READ_ONCE(sk->sk_sndbuf))
		WRITE_ONCE(sk->sk_sndbuf, want);
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

/* No room: what is there goes out, then wait. Return: 0 or why to stop. */
static int xtcp_send_wait_space(struct sock *sk, struct xtcp_send *s)
{
	xtcp_send_expand(sk);
	if (sk_stream_memory_free(sk) && !s->starved) {
		s->starved = true;	/* the buffer was what lacked, not memory */
		return 0;
	}
	s->starved = false;
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (s->copied)
		xtcp_data_push_user(sk, s->msg->msg_flags & ~MSG_MORE);
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

	taken = xtcp_sndq_append(sk, s->msg, msg_data_left(s->msg));
	if (taken == -EAGAIN)
		return xtcp_send_wait_space(sk, s);
	if (taken < 0)
		return taken;

	s->starved = false;
	s->copied += taken;
	s->pieces++;
	if (msg_data_left(s->msg))
		xtcp_send_push_some(sk);
	return 0;
}

static int xtcp_send_check(struct sock *sk, struct xtcp_send *s)
{
	struct msghdr *msg = s->msg;
	struct sockcm_cookie sockc;

	/* Urgent data and Fast Open are not there; say so */
	if (msg->msg_flags & (MSG_OOB | MSG_FASTOPEN))
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

static int xtcp_send_locked(struct sock *sk, struct msghdr *msg)
{
	struct xtcp_send s = {
		.msg = msg,
		.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT),
	};
	int err = xtcp_send_check(sk, &s);

	while (!err && msg_data_left(msg)) {
		err = xtcp_send_piece(sk, &s);
		/* Slept: the connection may have ended */
		if (!err && (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN)))
			err = -EPIPE;
	}

	if (s.copied) {
		xtcp_data_push_user(sk, msg->msg_flags);
		return s.copied;
	}
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
 * @msg: data; MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL count. MSG_ZEROCOPY is
 *       ignored, as by every socket without SO_ZEROCOPY. MSG_EOR: the data are
 *       pushed anyway
 * @len: bytes
 *
 * Context: Process.
 * Return: Bytes queued, or -EAGAIN, -EPIPE (with SIGPIPE), -ENOTCONN, -EFAULT,
 * -EOPNOTSUPP, -EINTR, -ERESTARTSYS, or the connection's pending error.
 */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	int err;

	lock_sock(sk);
	err = xtcp_send_locked(sk, msg);
	release_sock(sk);
	return err;
}
