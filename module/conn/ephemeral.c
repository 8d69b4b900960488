// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a new connection picks for itself: its port, its initial sequence number
 * and the offset of its timestamps. None may be guessable from outside.
 */
#include <linux/random.h>
#include <linux/siphash.h>
#include <net/inet_hashtables.h>
#include <net/inet6_hashtables.h>
#include <net/ip.h>
#include <net/netns/hash.h>

#include "flows.h"
#include "minis.h"
#include "ports.h"
#include "../pure/isn.h"

/*
 * RFC 6056 3.3.4, double-hash port selection: one hash of the destination gives
 * the place to begin at, another one of these counters to step on, so that
 * connections to one peer take ports that follow each other while others tell nothing
 * about it. A peer that opens many connections to itself must not find out which of its
 * names share a counter, nor count what others take from it: there are many counters, and
 * a step is of a random length.
 */
#define XTCP_EPHEMERAL_COUNTERS	65536U
#define XTCP_EPHEMERAL_STEP	8U	/* ports passed over by one connection: at most */
#define XTCP_EPHEMERAL_BREATH	256	/* ports tried between two cond_resched() */

static u32 xtcp_ephemeral_counter[XTCP_EPHEMERAL_COUNTERS];
static siphash_aligned_key_t xtcp_ephemeral_key __ro_after_init;

/**
 * xtcp_ephemeral_init() - draw the secrets
 *
 * Context: module init.
 */
void xtcp_ephemeral_init(void)
{
	get_random_bytes(&xtcp_ephemeral_key, sizeof(xtcp_ephemeral_key));
	get_random_bytes(xtcp_ephemeral_counter, sizeof(xtcp_ephemeral_counter));
}

/*
 * What the hashes of this file run over: the addresses, IPv4 ones being not the same as
 * IPv6 ones that look alike, @ports, and @salt to tell one use from another.
 */
static u64 xtcp_ephemeral_hash(const struct xtcp_tuple *t, u32 ports, u32 salt,
			       const siphash_key_t *key)
{
	struct {
		struct in6_addr laddr;
		struct in6_addr raddr;
		u32 ports;
		u32 mix;
	} __aligned(SIPHASH_ALIGNMENT) six;
	u32 mix = salt ^ (t->family << 8 | t->wire_protocol);

	if (t->family == AF_INET)
		return siphash_4u32((__force u32)t->laddr.ip, (__force u32)t->raddr.ip, ports,
				    mix, key);
	six.laddr = t->laddr.in6;
	six.raddr = t->raddr.in6;
	six.ports = ports;
	six.mix = mix;
	return siphash(&six, sizeof(six), key);
}

static u64 xtcp_ephemeral_numbers(const struct xtcp_tuple *t)
{
	u32 ports = (__force u32)t->lport << 16 | (__force u16)t->rport;

	return xtcp_ephemeral_hash(t, ports, 0, &xtcp_net(t->net)->isn_key);
}

/**
 * xtcp_flow_isn() - initial sequence number of a tuple now, RFC 6528 (MUST-8, MUST-9)
 * @t: the tuple, ports included
 * @ts_offset: set to what xtcp_flow_ts_offset() gives, by the other half of one hash
 *
 * Return: the number the SYN will carry.
 */
u32 xtcp_flow_isn(const struct xtcp_tuple *t, u32 *ts_offset)
{
	u64 hash = xtcp_ephemeral_numbers(t);

	*ts_offset = hash >> 32;
	return xtcp_isn_combine((u32)hash, ktime_get_ns());
}

/**
 * xtcp_flow_ts_offset() - timestamp offset of a tuple, RFC 7323 7.1
 * @t: the tuple, ports included
 *
 * The same each time: a peer that remembers an earlier connection of this tuple
 * (RFC 6191, PAWS) sees one clock that only goes forward.
 *
 * Return: what is added to the clock, ms.
 */
u32 xtcp_flow_ts_offset(const struct xtcp_tuple *t)
{
	return xtcp_ephemeral_numbers(t) >> 32;
}

/* Does the host's TCP use this tuple, in whatever state? */
static bool xtcp_ephemeral_host_uses(const struct xtcp_tuple *t)
{
	struct sock *sk;

	if (t->wire_protocol != IPPROTO_TCP)
		return false;
	rcu_read_lock();
	if (t->family == AF_INET)
		sk = __inet_lookup_established(t->net, t->raddr.ip, t->rport, t->laddr.ip,
					       ntohs(t->lport), t->dif, 0);
	else
		sk = __inet6_lookup_established(t->net, &t->raddr.in6, t->rport,
						&t->laddr.in6, ntohs(t->lport), t->dif, 0);
	rcu_read_unlock();
	if (!sk)
		return false;
	sock_gen_put(sk);
	return true;
}

/* The tuple is taken: if by a TIME_WAIT entry that gives way (RFC 6191), remove that. */
static bool xtcp_ephemeral_recycle(struct sock *sk, struct xtcp_tuple *t)
{
	struct sock_common *skc;
	bool gone = false;

	rcu_read_lock();
	skc = xtcp_flow_lookup(t);
	rcu_read_unlock();
	if (!skc)
		return false;
	if (skc->skc_state == TCP_TIME_WAIT &&
	    xtcp_minis_timewait_reusable(sk, xtcp_tw(skc)))
		gone = xtcp_minis_timewait_kill(xtcp_tw(skc), XTCP_REASON_RECYCLED);
	xtcp_flow_put(skc);
	return gone;
}

/* Try to enter the flow with local port @port. Return: 0 or -EADDRNOTAVAIL. */
static int xtcp_ephemeral_try(struct sock *sk, u16 port)
{
	struct inet_sock *inet = inet_sk(sk);
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 seq = xt->write_seq, ts = xt->ts_recent, age_s = xt->ts_recent_age_s;
	struct xtcp_tuple t;
	int err;

	inet->inet_num = port;
	inet->inet_sport = htons(port);
	xtcp_flow_tuple(&sk->__sk_common, &t);
	if (xtcp_ephemeral_host_uses(&t))
		return -EADDRNOTAVAIL;
	err = xtcp_flow_insert(sk);
	if (err && xtcp_ephemeral_recycle(sk, &t))
		err = xtcp_flow_insert(sk);
	if (err) {	/* another was quicker: the entry's numbers are not for the next port */
		xt->write_seq = seq;
		xt->ts_recent = ts;
		xt->ts_recent_age_s = age_s;
	}
	return err;
}

/* Where to begin, and which counter to step on. */
static u32 *xtcp_ephemeral_start(const struct sock *sk, u32 *offset)
{
	struct xtcp_tuple t;
	u64 hash;

	xtcp_flow_tuple(&sk->__sk_common, &t);
	hash = xtcp_ephemeral_hash(&t, (__force u16)t.rport, net_hash_mix(t.net),
				   &xtcp_ephemeral_key);
	*offset = (u32)hash;
	return &xtcp_ephemeral_counter[(hash >> 32) % XTCP_EPHEMERAL_COUNTERS];
}

/**
 * xtcp_flow_connect() - choose a port for connect() and enter the flow
 * @sk: its addresses and inet_dport set; inet_num too if it is bound
 *
 * RFC 6056 algorithm 4 over ip_local_port_range. Ports that are reserved
 * (ip_local_reserved_ports, a bound XTCP socket) or that the host's TCP
 * uses towards the same peer are passed over.
 *
 * Context: process, socket lock.
 * Return: 0 with inet_num and inet_sport set, or -EADDRNOTAVAIL.
 */
int xtcp_flow_connect(struct sock *sk)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(sk))->knobs;
	u32 low = READ_ONCE(knobs->ip_local_port_range[0]);
	u32 high = READ_ONCE(knobs->ip_local_port_range[1]);
	struct inet_sock *inet = inet_sk(sk);
	u32 *counter, offset, start, n, i;
	u16 port;

	if (inet->inet_num)
		return xtcp_ephemeral_try(sk, inet->inet_num);
	if (high < low)		/* both are being written */
		swap(low, high);
	n = high - low + 1;
	counter = xtcp_ephemeral_start(sk, &offset);
	start = READ_ONCE(*counter);
	for (i = 0; i < n; i++) {
		port = low + (offset + start + i) % n;
		if (i % XTCP_EPHEMERAL_BREATH == XTCP_EPHEMERAL_BREATH - 1)
			cond_resched();
		if (inet_is_local_reserved_port(sock_net(sk), port) ||
		    xtcp_port_in_use(sock_net(sk), port))
			continue;
		if (!xtcp_ephemeral_try(sk, port)) {
			WRITE_ONCE(*counter,
				   start + i + 1 + get_random_u32_below(XTCP_EPHEMERAL_STEP));
			return 0;
		}
	}
	inet->inet_num = 0;
	inet->inet_sport = 0;
	return -EADDRNOTAVAIL;
}
