// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory accounting. The core counts pages for all sockets together (sysctl mem) and
 * lets each have a part of a page in advance (sk_forward_alloc). Here is when that is
 * given back, and what a socket may do when there is none: Documentation/memory.rst.
 */
#include "mem.h"

#include <linux/jiffies.h>
#include <net/tcp.h>

int xtcp_mem_least_rcv __read_mostly = PAGE_SIZE;
int xtcp_mem_least_snd __read_mostly = PAGE_SIZE;
unsigned long xtcp_mem_pressure __read_mostly;

/**
 * xtcp_mem_enter_pressure - proto.enter_memory_pressure: memory is short
 * @sk: the socket that wanted more
 *
 * Context: Any.
 */
void xtcp_mem_enter_pressure(struct sock *sk)
{
	if (READ_ONCE(xtcp_mem_pressure))
		return;
	/* Whoever is first counts */
	if (!cmpxchg(&xtcp_mem_pressure, 0, jiffies | 1))
		XTCP_SK_ADD(sk, MemoryPressures, 1);
}

/**
 * xtcp_mem_leave_pressure - proto.leave_memory_pressure: there is enough again
 * @sk: the socket that found it
 *
 * Context: Any.
 */
void xtcp_mem_leave_pressure(struct sock *sk)
{
	unsigned long since;

	if (!READ_ONCE(xtcp_mem_pressure))
		return;
	since = xchg(&xtcp_mem_pressure, 0);
	if (since)
		XTCP_ADD(sock_net(sk), MemoryPressureMs, jiffies_to_msecs(jiffies - since));
}

/**
 * xtcp_mem_credit_snd - there is no memory for payload
 * @sk: the connection
 * @size: bytes wanted
 *
 * A connection with next to nothing queued gets on in any case: sk_forward_alloc goes below
 * zero, and what is freed next pays for it.
 *
 * Context: Process, socket lock.
 * Return: How many bytes may be charged, 0 to @size.
 */
u32 xtcp_mem_credit_snd(const struct sock *sk, u32 size)
{
	int left = READ_ONCE(xtcp_mem_least_snd) - sk->sk_wmem_queued;

	return clamp_t(int, left, 0, size);
}

/**
 * xtcp_mem_expand_snd - send buffer autotuning
 * @sk: the connection: it is established, or the program waits for room
 *
 * Room for two congestion windows, one in flight and one to follow, of at least ten segments
 * each (RFC 6928), up to wmem. A buffer that the program has set stays, and none grows while
 * memory is short.
 *
 * Context: Socket lock.
 */
void xtcp_mem_expand_snd(struct sock *sk)
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

/**
 * xtcp_mem_failed - the allocator has nothing for the send queue
 * @sk: the connection
 *
 * Its buffer shrinks to half of what is queued, unless the program has set it.
 *
 * Context: Process, socket lock.
 */
void xtcp_mem_failed(struct sock *sk)
{
	xtcp_mem_enter_pressure(sk);
	sk_stream_moderate_sndbuf(sk);
}

/**
 * __xtcp_mem_trim - see xtcp_mem_trim()
 * @sk: the connection
 * @surplus: bytes that are not in use, a page or more
 *
 * Context: Socket lock.
 */
void __xtcp_mem_trim(struct sock *sk, int surplus)
{
	if (xtcp_sk(sk)->ack_pending)
		surplus -= PAGE_SIZE;
	if (surplus >= (int)PAGE_SIZE)
		__sk_mem_reclaim(sk, surplus);
}
