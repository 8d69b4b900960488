// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments that were merged on their way in (GRO, or a virtual machine's TSO): one skb stands for
 * several. A packet socket hands them to the loopback device, with what virtio_net_hdr says. That
 * device counts the segments in gso_segs; one that does not, as virtio_net, is a second tun device.
 */
#define _GNU_SOURCE
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>

#include "wire.h"

#define TOPIC "gro"

#define FULL	1400

static int packet_socket(void)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(is_v6() ? ETH_P_IPV6 : ETH_P_IP),
		.sll_ifindex = if_nametoindex("lo"),
	};
	static int fd = -1;

	if (fd >= 0)
		return fd;
	fd = sys(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
	set_int(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	sys(bind(fd, (void *)&ll, sizeof(ll)));
	return fd;
}

/* The sum of the pseudo header, as who computes the rest wants it. */
static void half_checksum(const struct conn *c, uint8_t *tcp, int len)
{
	int al = is_v6() ? 16 : 4;
	uint16_t sum;

	sum = ~csum_fold(csum_add(csum_add(IPPROTO_TCP + len, c->paddr, al), c->laddr, al));
	tcp[16] = sum >> 8;
	tcp[17] = sum;
}

/* The segment behind @l2 bytes of link header in @buf, and what comes before. Return: all of it. */
static int unit_build(struct conn *c, uint32_t seq, int len, int l2, uint8_t *buf)
{
	struct inj i = { .flags = ACK, .seq = seq, .ack = 1, .len = len };
	struct virtio_net_hdr *v = (void *)buf;
	uint8_t *ip = (uint8_t *)(v + 1) + l2;
	int ihl = is_v6() ? 40 : 20;

	memset(buf, 0, sizeof(*v) + l2);
	len = pkt_build(c, &i, ip);
	half_checksum(c, ip + ihl, len - ihl);
	v->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	v->gso_type = is_v6() ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	v->gso_size = FULL;
	v->hdr_len = l2 + ihl + (ip[ihl + 12] >> 4) * 4;
	v->csum_start = l2 + ihl;
	v->csum_offset = 16;
	if (seq == c->snd)
		c->snd += i.len;
	return sizeof(*v) + l2 + len;
}

static uint8_t unit_buf[sizeof(struct virtio_net_hdr) + ETH_HLEN + 65536];

/* One unit of @n full segments, two or more. */
static void unit(struct conn *c, uint32_t seq, int n)
{
	struct ethhdr *e = (void *)(unit_buf + sizeof(struct virtio_net_hdr));
	int len = unit_build(c, seq, n * FULL, ETH_HLEN, unit_buf);

	e->h_proto = htons(is_v6() ? ETH_P_IPV6 : ETH_P_IP);
	check_eq(sys(send(packet_socket(), unit_buf, len, 0)), len);
}

/* One of @len bytes in segments of FULL, the last of which may be shorter: nobody counts them. */
static void unit_uncounted(struct conn *c, int tun, int len)
{
	len = unit_build(c, c->snd, len, 0, unit_buf);
	check_eq(sys(write(tun, unit_buf, len)), len);
}

/* What is not read does not make the window smaller: no ACK waits for the reader. */
static void tune(int fd)
{
	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20);
	set_int(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, 30000);
}

static struct conn *plain(void)
{
	return in_established(.tune = tune);
}

/* At once, and no other. */
static struct seg *one_ack(struct conn *c, uint32_t ack)
{
	struct seg *s = expect(c, ACK, 1, ack, .any = NO_WAIT);

	fence();
	check(!next_pending(c), "another ACK");
	return s;
}

/* RFC 5681 4.2: one ACK for all that came together. */
static void one_for_all(void)
{
	struct conn *c = plain();
	int i;

	for (i = 2; i <= 12; i++) {
		unit(c, c->snd, i);
		one_ack(c, c->snd);
		read_stream(c, i * FULL);
	}
}

/* Lone segments until one waits, which it does not at the start. */
static void past_quick(struct conn *c)
{
	int i;

	for (i = 0; i < 1000; i++) {
		inject(c, ACK, c->snd, 1, .len = FULL);
		read_stream(c, FULL);
		fence();
		if (!next_pending(c))
			return;
	}
	fail("no ACK waits");
}

/* MUST-58: a unit counts as many segments as it has. */
static void counts(void)
{
	struct conn *c = plain();
	int i;

	past_quick(c);
	/* Three, one of which waits already; then two, which are enough. */
	for (i = 0; i < 3; i++) {
		unit(c, c->snd, 2);
		one_ack(c, c->snd);
		read_stream(c, 2 * FULL);
	}
	/* And one is one, still. */
	inject(c, ACK, c->snd, 1, .len = FULL);
	fence();
	check(!next_pending(c), "an ACK for one segment");
}

static void is_block(const struct conn *c, const struct seg *s, uint32_t from, uint32_t to)
{
	check_eq(s->o.nsack, 1);
	check_eq(s->o.sack[0][0] - c->irs, from);
	check_eq(s->o.sack[0][1] - c->irs, to);
}

/* RFC 2018 4: with something missing before it, it is one block, told once. */
static void one_block(void)
{
	struct conn *c = plain();
	struct seg *s;

	unit(c, 1 + FULL, 4);
	s = one_ack(c, 1);
	is_block(c, s, 1 + FULL, 1 + 5 * FULL);
	unit(c, 1 + 5 * FULL, 3);
	s = one_ack(c, 1);
	is_block(c, s, 1 + FULL, 1 + 8 * FULL);
	inject(c, ACK, 1, 1, .len = FULL);
	s = one_ack(c, 1 + 8 * FULL);
	check_eq(s->o.nsack, 0);
	read_stream(c, 8 * FULL);
}

/* 3.10.7.4: what is old in it is left out. */
static void partly_old(void)
{
	struct conn *c = plain();

	inject(c, ACK, 1, 1, .len = FULL / 2);
	one_ack(c, c->snd);
	unit(c, 1, 4);
	one_ack(c, 1 + 4 * FULL);
	read_stream(c, 4 * FULL);
}

/* tcpi_segs_in, which <netinet/tcp.h> has not heard of. */
static uint32_t segs_in(const struct conn *c)
{
	uint32_t info[64] = { 0 };
	socklen_t len = sizeof(info);

	sys(getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, info, &len));
	return info[140 / sizeof(*info)];
}

/* RFC 4898 tcpEStatsPerfSegsIn: segments, not what became of them. */
static void statistics(void)
{
	struct conn *c = plain();
	uint32_t before = segs_in(c);
	long all = xtcp_counter("InSegs");

	unit(c, c->snd, 5);
	one_ack(c, c->snd);
	check_eq(segs_in(c), before + 5);
	if (is_xtcp())
		check_eq(xtcp_counter("InSegs"), all + 5);
}

/* Where the device leaves gso_segs to us they are counted by their size. */
static void statistics_by_size(void)
{
	static const struct {
		int len, segs;
	} units[] = {
		{ 5 * FULL, 5 }, { 4 * FULL + 1, 5 }, { 5 * FULL - 1, 5 }, { 2 * FULL, 2 },
		{ FULL + 1, 2 },
	};
	struct conn *c = plain();
	uint32_t one = segs_in(c);
	long all = xtcp_counter("InSegs");
	int tun = net_merging_tun();
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		unit_uncounted(c, tun, units[i].len);
		one_ack(c, c->snd);
		read_stream(c, units[i].len);
		one += units[i].segs;
		all += units[i].segs;
		check_eq(segs_in(c), one);
		check_eq(xtcp_counter("InSegs"), all);
	}
	/* And one is one, still. */
	inject(c, ACK, c->snd, 1, .len = FULL);
	fence();
	check_eq(segs_in(c), one + 1);
	check_eq(xtcp_counter("InSegs"), all + 1);
	close(tun);
}

const struct row gro_rows[] = {
	ROW(ROW_TCP | ROW_CORE, "RFC 5681 4.2 merged segments: one ACK", one_for_all),
	ROW(ROW_TCP | ROW_CORE, "MUST-58 merged segments count one by one", counts),
	ROW(ROW_TCP | ROW_CORE, "RFC 2018 4 merged segments are one block", one_block),
	ROW(ROW_TCP, "RFC 9293 3.10.7.4 merged segments that are partly old", partly_old),
	ROW(ROW_TCP, "tcpi_segs_in counts merged segments one by one", statistics),
	/* The kernel's TCP counts such a unit as one. */
	ROW(ROW_TCP | ROW_XTCP, "tcpi_segs_in counts what the device did not count",
	    statistics_by_size),
	{ NULL }
};
