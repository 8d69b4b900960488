// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending without copying.
 *
 * A page that is referred to may change until the peer has acknowledged it: a file
 * can be written to, and nothing stops a program from doing so either. That is safe for
 * TCP only if the checksum is made where the packet leaves, of the very bytes
 * that leave: the buffers are marked (SKBFL_SHARED_FRAG), so that whoever computes it in
 * software below takes a copy first. Hence data are copied after all
 *
 *  - on protocol 253, whose checksum no device knows and output/ip.c computes,
 *  - on a path whose device cannot gather (NETIF_F_SG), where IP would copy anyway,
 *  - from pages of a slab, whose memory is given back by other means than a reference.
 *
 * Retransmissions send what the pages have then.
 */
#include "lend.h"

#include <linux/bvec.h>
#include <net/tcp.h>

static bool xtcp_lend_possible(const struct sock *sk)
{
	return xtcp_sk(sk)->wire_protocol == IPPROTO_TCP && (sk->sk_route_caps & NETIF_F_SG);
}

/*
 * Successive calls share one notice as long as its buffer is the last of the queue: the
 * program gets a range.
 */
static int xtcp_lend_notice(struct sock *sk, struct xtcp_source *src, bool possible)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_write_queue);

	src->uarg = XTCP_ZEROCOPY_REALLOC(sk, msg_data_left(src->msg), skb_zcopy(tail));
	if (!src->uarg)
		return -ENOBUFS;
	if (possible)
		src->how = XTCP_LEND_ZEROCOPY;
	else
		uarg_to_msgzc(src->uarg)->zerocopy = 0;		/* SO_EE_CODE_ZEROCOPY_COPIED */
	return 0;
}

/**
 * xtcp_lend_begin - how shall the data of this call be taken?
 * @sk: the socket
 * @src: with @msg; the rest is filled in
 * @splice: the pages in @msg may be kept: sendfile(), splice()
 *
 * MSG_ZEROCOPY counts only with SO_ZEROCOPY, as everywhere.
 *
 * Context: Process, socket lock.
 * Return: 0, or -ENOBUFS: RLIMIT_MEMLOCK or the memory for notices is used up.
 */
int xtcp_lend_begin(struct sock *sk, struct xtcp_source *src, bool splice)
{
	bool zerocopy = (src->msg->msg_flags & MSG_ZEROCOPY) && sock_flag(sk, SOCK_ZEROCOPY);
	bool possible;

	if ((!zerocopy && !splice) || !msg_data_left(src->msg))
		return 0;
	possible = xtcp_lend_possible(sk);
	if (zerocopy)
		return xtcp_lend_notice(sk, src, possible);
	if (possible)
		src->how = XTCP_LEND_SPLICE;
	return 0;
}

/**
 * xtcp_lend_end - give up what xtcp_lend_begin() took
 * @src: the source, with a notice
 * @queued: data of it are in the queue, or there were none; else no notice is due
 *
 * Context: Process, socket lock.
 */
void xtcp_lend_end(struct xtcp_source *src, bool queued)
{
	if (queued)
		net_zcopy_put(src->uarg);
	else
		net_zcopy_put_abort(src->uarg, true);
	src->uarg = NULL;
}

/* The page of the next byte may be referred to; *@len: bytes in the same piece. */
static bool xtcp_lend_sendable(const struct iov_iter *iter, u32 *len)
{
	const struct bio_vec *bv = iter->bvec;

	*len = min_t(size_t, *len, iov_iter_single_seg_count(iter));
	return iov_iter_is_bvec(iter) &&
	       sendpage_ok(bv->bv_page + (bv->bv_offset + iter->iov_offset) / PAGE_SIZE);
}

/* Piece by piece: a pipe is full of them. */
static int xtcp_lend_splice(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, u32 *len)
{
	u32 left = *len;
	int taken = 0;

	while (left) {
		u32 piece = left;
		ssize_t n;

		if (!xtcp_lend_sendable(&msg->msg_iter, &piece)) {
			*len = piece;
			return taken;
		}
		n = XTCP_SPLICE_FROM_ITER(skb, &msg->msg_iter, piece, sk->sk_allocation);
		if (n <= 0)
			return taken ? taken : n;
		taken += n;
		left -= n;
		sk_wmem_queued_add(sk, n);
		sk_mem_charge(sk, n);
		skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
	}
	return taken;
}

/**
 * xtcp_lend_append - refer to data of the program at the end of a buffer
 * @sk: the connection
 * @skb: the last of the unsent
 * @src: begun, not XTCP_LEND_COPY
 * @len: at most so many bytes, > 0; out, with a result of 0: so many must be copied
 *
 * The buffer is charged for what it refers to, as if it were its own.
 *
 * Context: Process, socket lock.
 * Return: Bytes taken; 0: copy them; -EMSGSIZE: @skb is full, or another notice is to be
 * given for it; -EAGAIN without memory; -EFAULT.
 */
int xtcp_lend_append(struct sock *sk, struct sk_buff *skb, const struct xtcp_source *src,
		     u32 *len)
{
	int taken;

	if (!sk_wmem_schedule(sk, *len))
		return -EAGAIN;
	if (src->how == XTCP_LEND_SPLICE)
		return xtcp_lend_splice(sk, skb, src->msg, len);
	taken = XTCP_ZEROCOPY_ITER(sk, skb, src->msg, *len, src->uarg);
	return taken == -EEXIST ? -EMSGSIZE : taken;
}
