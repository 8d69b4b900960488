// SPDX-License-Identifier: GPL-2.0-only
/*
 * recv(): RFC 9293 3.10.3.
 */
#include "socket.h"

#include <linux/sched/signal.h>
#include <net/inet_common.h>

#include "../conn/mem.h"
#include "../conn/rcvq.h"
#include "../conn/rcvtune.h"
#include "../conn/urg.h"
#include "../output/output.h"

/**
 * struct xtcp_recv - one recvmsg() under way
 * @msg: where to
 * @len: bytes still wanted
 * @flags: MSG_*
 * @timeo: how long it may still wait, jiffies
 * @target: with so many bytes it need not wait any more
 * @copied: bytes so far, or an error
 * @seq: next byte to be read; ahead of copied_seq with MSG_PEEK
 * @at: with MSG_PEEK: skb that was looked at last, while the lock is held; or NULL
 * @tstamp: when the last segment read came in
 * @hwtstamp: the same by the NIC's clock
 */
struct xtcp_recv {
	struct msghdr *msg;
	size_t len;
	int flags;
	long timeo;
	int target;
	int copied;
	u32 seq;
	struct sk_buff *at;
	ktime_t tstamp;
	ktime_t hwtstamp;
};

/*
 * Has the reader drained more than a segment that was not acknowledged yet? Or all there is,
 * where the peer may wait for nothing but the ACK: by Nagle's rule its next short
 * segment needs that of the last, and its window may be full. Where answers are sent they carry it;
 * who waits for more has none.
 */
static bool xtcp_recv_ack_due(struct sock *sk, int copied, bool more)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!(xt->ack_pending & XTCP_ACK_SCHED))
		return false;
	if (xt->rcv_nxt - xt->rcv_wup > xt->rcv_mss)
		return true;
	if (atomic_read(&sk->sk_rmem_alloc))
		return false;
	if (xtcp_control_ack_rides(sk)) {
		xt->ack_patient = !more;
		return more;
	}
	if (copied <= 0)
		return false;
	return (xt->ack_pending & XTCP_ACK_NOW) ||
	       ((xt->ack_pending & XTCP_ACK_PUSHED) && !xt->pingpong);
}

/*
 * Window updates are for windows that opened a lot: at least to the double of what
 * the peer knows of. All others would be silly (RFC 9293 3.8.6.2.2).
 */
static bool xtcp_recv_window_opened(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 told = xtcp_receive_window(xt);
	u32 now;

	if (told > xt->window_clamp / 2)
		return false;
	now = xtcp_rcvq_window(sk);
	return now && now >= 2 * told;
}

/**
 * xtcp_recv_cleanup - the program has read: send an ACK if that is of use
 * @sk: the connection
 * @copied: bytes it read, or an error
 * @more: it is about to wait for more
 *
 * Context: Process, socket lock.
 */
void xtcp_recv_cleanup(struct sock *sk, int copied, bool more)
{
	if (!xtcp_state_in(sk, XTCP_STATES_SYNCHRONIZED))
		return;
	if (xtcp_recv_ack_due(sk, copied, more) ||
	    (copied > 0 && !(sk->sk_shutdown & RCV_SHUTDOWN) && xtcp_recv_window_opened(sk)))
		xtcp_control_ack(sk);
	xtcp_mem_trim(sk);
}

/**
 * xtcp_set_rcvlowat - proto_ops.set_rcvlowat: SO_RCVLOWAT
 * @sk: the socket
 * @val: bytes that make it readable
 *
 * Half the buffer at most, since the other half is overhead; the buffer
 * grows for it unless the program has set its size.
 *
 * Context: Process, socket lock.
 * Return: 0.
 */
int xtcp_set_rcvlowat(struct sock *sk, int val)
{
	bool locked = sk->sk_userlocks & SOCK_RCVBUF_LOCK;
	int max = READ_ONCE(xtcp_net(sock_net(sk))->knobs.rmem[2]);

	val = min(val, (locked ? READ_ONCE(sk->sk_rcvbuf) : max) / 2);
	WRITE_ONCE(sk->sk_rcvlowat, val ? val : 1);
	if (!locked && val > READ_ONCE(sk->sk_rcvbuf) / 2)
		WRITE_ONCE(sk->sk_rcvbuf, 2 * val);
	/* It may be readable now */
	if (xtcp_rcvq_unread(sk))
		sk->sk_data_ready(sk);
	return 0;
}

/*
 * The skb that has r->seq. They may overlap. Only MSG_PEEK looks beyond the first, and it
 * goes on where it was: the smallest segments must not make this a square of their number.
 */
static struct sk_buff *xtcp_recv_find(struct sock *sk, struct xtcp_recv *r, u32 *offset)
{
	struct sk_buff *skb = r->at ? r->at : skb_peek(&sk->sk_receive_queue);

	for (; skb; skb = skb_peek_next(skb, &sk->sk_receive_queue)) {
		*offset = r->seq - xtcp_cb(skb)->seq;
		if (*offset < skb->len)
			return skb;
	}
	return NULL;
}

/*
 * How much of @len bytes at r->seq one copy may take: up to the mark. At the mark,
 * unless it is in line, the urgent byte is stepped over: MSG_OOB has it.
 */
static size_t xtcp_recv_heed_mark(const struct sock *sk, struct xtcp_recv *r, u32 *offset,
				  size_t len)
{
	u32 ahead = xtcp_sk(sk)->urg_seq - r->seq;

	if (ahead >= len)
		return len;
	if (ahead)
		return ahead;
	if (!xtcp_urg_skips(sk, r->seq))
		return len;
	r->seq++;
	(*offset)++;
	return len - 1;
}

static int xtcp_recv_copy(struct sock *sk, struct xtcp_recv *r, struct sk_buff *skb, u32 offset)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	size_t used = min_t(size_t, skb->len - offset, r->len);
	u32 from = r->seq;

	if (unlikely(xt->urg_data))
		used = xtcp_recv_heed_mark(sk, r, &offset, used);
	/* MSG_TRUNC throws the bytes away */
	if (!(r->flags & MSG_TRUNC) && skb_copy_datagram_msg(skb, offset, r->msg, used))
		return -EFAULT;

	r->tstamp = skb->tstamp;
	r->hwtstamp = skb_hwtstamps(skb)->hwtstamp;
	r->seq += used;
	r->copied += used;
	r->len -= used;
	if (r->flags & MSG_PEEK) {
		r->at = skb;
		sk_peek_offset_fwd(sk, r->seq - from);
		return 0;
	}
	sk_peek_offset_bwd(sk, r->seq - from);
	WRITE_ONCE(xt->copied_seq, r->seq);
	if (unlikely(xt->urg_data))
		xtcp_urg_passed(xt);
	xtcp_rcvq_eat(sk);
	xtcp_rcvtune_read(sk);
	return 0;
}

/*
 * Nothing to read: is there a reason not to wait for more? An error is
 * reported once, and only when no byte would be lost by it.
 */
static bool xtcp_recv_must_stop(struct sock *sk, struct xtcp_recv *r)
{
	if (r->copied)
		return !r->timeo || sk->sk_err || sk->sk_state == TCP_CLOSE ||
		       (sk->sk_shutdown & RCV_SHUTDOWN) || signal_pending(current);

	if (sock_flag(sk, SOCK_DONE))
		return true;
	if (sk->sk_err) {
		r->copied = sock_error(sk);
		return true;
	}
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return true;
	if (sk->sk_state == TCP_CLOSE)
		r->copied = -ENOTCONN;	/* never connected */
	else if (!r->timeo)
		r->copied = -EAGAIN;
	else if (signal_pending(current))
		r->copied = sock_intr_errno(r->timeo);
	return r->copied;
}

/* Wait for data, or take in what waits in the backlog. Return: 0 or negative. */
static int xtcp_recv_wait(struct sock *sk, struct xtcp_recv *r)
{
	int err = 0;

	r->at = NULL;
	if (r->copied >= r->target) {
		sk_flush_backlog(sk);
	} else {
		xtcp_recv_cleanup(sk, r->copied, true);
		err = sk_wait_data(sk, &r->timeo, skb_peek_tail(&sk->sk_receive_queue));
	}
	/* Somebody else read what we were peeking at */
	if ((r->flags & MSG_PEEK) && xtcp_seq_before(r->seq, xtcp_sk(sk)->copied_seq))
		r->seq = xtcp_sk(sk)->copied_seq;
	else if (!(r->flags & MSG_PEEK))
		r->seq = xtcp_sk(sk)->copied_seq;
	return err < 0 ? err : 0;
}

static void xtcp_recv_start(struct sock *sk, struct xtcp_recv *r)
{
	r->timeo = sock_rcvtimeo(sk, r->flags & MSG_DONTWAIT);
	r->target = sock_rcvlowat(sk, r->flags & MSG_WAITALL, r->len);
	r->seq = xtcp_sk(sk)->copied_seq;
	if (r->flags & MSG_PEEK)
		r->seq += max(sk_peek_offset(sk, r->flags), 0);
}

/*
 * A read ends at the mark, and the next one begins there. One that begins there
 * lets the signal that told of it be handled first.
 */
static bool xtcp_recv_at_mark(const struct sock *sk, struct xtcp_recv *r)
{
	if (xtcp_sk(sk)->urg_seq != r->seq)
		return false;
	if (!r->copied && signal_pending(current))
		r->copied = r->timeo ? sock_intr_errno(r->timeo) : -EAGAIN;
	return r->copied;
}

static void xtcp_recv_locked(struct sock *sk, struct xtcp_recv *r)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb;
	u32 offset;
	int err;

	if (sk->sk_state == TCP_LISTEN) {
		r->copied = -ENOTCONN;
		return;
	}
	if (r->flags & MSG_OOB) {
		r->copied = xtcp_oob_recv(sk, r->msg, r->len, r->flags);
		return;
	}
	xtcp_recv_start(sk, r);
	do {
		if (unlikely(xt->urg_data) && xtcp_recv_at_mark(sk, r))
			break;
		skb = xtcp_recv_find(sk, r, &offset);
		if (skb) {
			err = xtcp_recv_copy(sk, r, skb, offset);
			if (!err)
				continue;
		} else {
			if (r->copied >= r->target && !READ_ONCE(sk->sk_backlog.tail))
				break;
			if (xtcp_recv_must_stop(sk, r))
				break;
			err = xtcp_recv_wait(sk, r);
			if (!err)
				continue;
		}
		if (!r->copied)
			r->copied = err;
		break;
	} while (r->len > 0);
	/* -EAGAIN: it goes to poll(), and waits for more there */
	xtcp_recv_cleanup(sk, r->copied, r->copied == -EAGAIN);
}

/*
 * SO_TIMESTAMP, SO_TIMESTAMPING. The skb is gone by now; an empty one that bears
 * its stamps is shown to the core, which knows all formats of the message.
 */
static void xtcp_recv_timestamp(struct sock *sk, const struct xtcp_recv *r)
{
	struct sk_buff *skb;

	if (!sock_flag(sk, SOCK_RCVTSTAMP) && !READ_ONCE(sk->sk_tsflags))
		return;
	if (!r->tstamp && !r->hwtstamp)
		return;
	skb = alloc_skb(0, GFP_KERNEL);
	if (!skb)
		return;
	skb->tstamp = r->tstamp;
	skb_hwtstamps(skb)->hwtstamp = r->hwtstamp;
	sock_recv_timestamp(r->msg, sk, skb);
	kfree_skb(skb);
}

/**
 * xtcp_recvmsg - proto.recvmsg
 * @sk: the connection
 * @msg: where to
 * @len: at most this many bytes
 * @flags: MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_TRUNC (throw away), MSG_ERRQUEUE,
 *         MSG_OOB (oob.c)
 *
 * Context: Process.
 * Return: Bytes; 0: the peer has closed; -EAGAIN, -ENOTCONN, -EINVAL (MSG_OOB, none),
 * -EFAULT, -EINTR, -ERESTARTSYS, or the connection's pending error, once.
 */
int xtcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct xtcp_recv r = { .msg = msg, .len = len, .flags = flags };

	if (unlikely(flags & MSG_ERRQUEUE))
		return XTCP_RECV_ERROR(sk, msg, len);

	lock_sock(sk);
	xtcp_recv_locked(sk, &r);
	release_sock(sk);
	if (r.copied > 0)
		xtcp_recv_timestamp(sk, &r);
	return r.copied;
}
