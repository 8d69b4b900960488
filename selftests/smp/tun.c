// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer on a tun device with two queues. A segment that is written is taken in on the CPU that
 * writes it, so two threads are two CPUs of the machine that receives.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <linux/ipv6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smp.h"

/* What the two families have in common is the end of it */
struct tun_segment {
	union {
		struct {
			uint8_t unused[sizeof(struct ip6_hdr) - sizeof(struct iphdr)];
			struct iphdr ip;
		};
		struct ip6_hdr ip6;
	};
	struct tcphdr tcp;
};

/* Ours, and the peer's: one more */
static union smp_sockaddr tun_here, tun_peer;
static int tun_fd[SMP_QUEUES];

static uint32_t tun_sum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i < len; i += 2)
		sum += p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
	return sum;
}

static uint16_t tun_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static bool tun_is_ipv6(void)
{
	return tun_here.any.sa_family == AF_INET6;
}

static void tun_configure(void)
{
	struct ifreq ifr = { .ifr_name = "tun0" };
	int fd = socket(tun_here.any.sa_family, SOCK_DGRAM, 0);

	if (tun_is_ipv6()) {
		struct in6_ifreq six = { .ifr6_addr = tun_here.v6.sin6_addr, .ifr6_prefixlen = 64 };

		six.ifr6_ifindex = (int)if_nametoindex("tun0");
		if (ioctl(fd, SIOCSIFADDR, &six))
			smp_fail("address of tun0");
	} else {
		memcpy(&ifr.ifr_addr, &tun_here.v4, sizeof(tun_here.v4));
		if (ioctl(fd, SIOCSIFADDR, &ifr))
			smp_fail("address of tun0");
		((struct sockaddr_in *)&ifr.ifr_netmask)->sin_addr.s_addr = htonl(0xffffff00);
		if (ioctl(fd, SIOCSIFNETMASK, &ifr))
			smp_fail("netmask of tun0");
	}
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		smp_fail("tun0 up");
	close(fd);
}

void smp_tun_open(const char *here)
{
	int i;

	smp_address(here, 0, &tun_here);
	tun_peer = tun_here;
	if (tun_is_ipv6())
		tun_peer.v6.sin6_addr.s6_addr[15]++;
	else
		tun_peer.v4.sin_addr.s_addr += htonl(1);
	for (i = 0; i < SMP_QUEUES; i++) {
		struct ifreq ifr = { .ifr_name = "tun0" };

		ifr.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE;
		tun_fd[i] = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
		if (tun_fd[i] < 0 || ioctl(tun_fd[i], TUNSETIFF, &ifr))
			smp_fail("/dev/net/tun");
	}
	tun_configure();
}

void smp_tun_close(void)
{
	int i;

	for (i = 0; i < SMP_QUEUES; i++)
		close(tun_fd[i]);
}

/* Fills in the IP header; returns where the packet begins, and the sum of its pseudo header. */
static void *tun_ip_header(struct tun_segment *s, uint32_t *pseudo)
{
	if (tun_is_ipv6()) {
		s->ip6.ip6_flow = htonl(6U << 28);
		s->ip6.ip6_plen = htons(sizeof(s->tcp));
		s->ip6.ip6_nxt = IPPROTO_TCP;
		s->ip6.ip6_hlim = 64;
		s->ip6.ip6_src = tun_peer.v6.sin6_addr;
		s->ip6.ip6_dst = tun_here.v6.sin6_addr;
		*pseudo = tun_sum(&s->ip6.ip6_src, 32, IPPROTO_TCP + sizeof(s->tcp));
		return s;
	}
	s->ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
				.tot_len = htons(sizeof(s->ip) + sizeof(s->tcp)),
				.saddr = tun_peer.v4.sin_addr.s_addr,
				.daddr = tun_here.v4.sin_addr.s_addr };
	s->ip.check = tun_fold(tun_sum(&s->ip, sizeof(s->ip), 0));
	*pseudo = tun_sum(&s->ip.saddr, 8, IPPROTO_TCP + sizeof(s->tcp));
	return &s->ip;
}

void smp_tun_send(int queue, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack,
		  uint8_t flags)
{
	struct tun_segment s = {
		.tcp = { .source = htons(sport), .dest = htons(dport), .seq = htonl(seq),
			 .ack_seq = htonl(ack), .doff = 5, .window = htons(65535) },
	};
	uint32_t pseudo;
	void *packet = tun_ip_header(&s, &pseudo);
	ssize_t len = (char *)(&s + 1) - (char *)packet;

	((uint8_t *)&s.tcp)[13] = flags;
	s.tcp.check = tun_fold(tun_sum(&s.tcp, sizeof(s.tcp), pseudo));
	if (write(tun_fd[queue], packet, len) != len)
		smp_fail("write to tun0");
}

/* Is this a segment of TCP? Its header. */
static bool tun_parse(const uint8_t *packet, ssize_t n, struct tcphdr *tcp)
{
	size_t ip = tun_is_ipv6() ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);

	if (n < (ssize_t)(ip + sizeof(*tcp)))
		return false;
	/* without options and extension headers: nothing else sends any */
	if (packet[0] >> 4 != (tun_is_ipv6() ? 6 : 4) ||
	    packet[tun_is_ipv6() ? 6 : 9] != IPPROTO_TCP)
		return false;
	memcpy(tcp, packet + ip, sizeof(*tcp));
	return true;
}

/* Reads one packet; false if there is none within the time. What is no segment is all zeroes. */
static bool tun_read(struct tcphdr *tcp, int ms)
{
	struct pollfd p[SMP_QUEUES];
	uint8_t buf[2048];
	int i;

	for (i = 0; i < SMP_QUEUES; i++)
		p[i] = (struct pollfd){ .fd = tun_fd[i], .events = POLLIN };
	if (poll(p, SMP_QUEUES, ms) <= 0)
		return false;
	for (i = 0; i < SMP_QUEUES; i++) {
		if (!(p[i].revents & POLLIN))
			continue;
		if (!tun_parse(buf, read(tun_fd[i], buf, sizeof(buf)), tcp))
			memset(tcp, 0, sizeof(*tcp));
		return true;
	}
	return false;
}

/* Wait for the SYN-ACK to a port of ours. */
bool smp_tun_synack(uint16_t port, uint32_t *seq)
{
	double end = smp_seconds() + 10;
	struct tcphdr tcp;

	while (smp_seconds() < end) {
		if (!tun_read(&tcp, 1000))
			continue;
		if (ntohs(tcp.dest) != port || !tcp.syn || !tcp.ack)
			continue;
		*seq = ntohl(tcp.seq);
		return true;
	}
	return false;
}

void smp_tun_drain(void)
{
	struct tcphdr tcp;

	while (tun_read(&tcp, 0))
		;
}
