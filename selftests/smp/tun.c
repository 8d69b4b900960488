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
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smp.h"

#define TUN_HERE	0xc0000201	/* 192.0.2.1 */
#define TUN_PEER	0xc0000202

struct tun_segment {
	struct iphdr ip;
	struct tcphdr tcp;
};

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

static void tun_configure(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct ifreq ifr = { .ifr_name = "tun0" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	sin.sin_addr.s_addr = htonl(TUN_HERE);
	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	if (ioctl(fd, SIOCSIFADDR, &ifr))
		smp_fail("address of tun0");
	sin.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&ifr.ifr_netmask, &sin, sizeof(sin));
	if (ioctl(fd, SIOCSIFNETMASK, &ifr))
		smp_fail("netmask of tun0");
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		smp_fail("tun0 up");
	close(fd);
}

void smp_tun_open(void)
{
	int i;

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

void smp_tun_send(int queue, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack,
		  uint8_t flags)
{
	struct tun_segment s = {
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
			.tot_len = htons(sizeof(s)), .saddr = htonl(TUN_PEER),
			.daddr = htonl(TUN_HERE) },
		.tcp = { .source = htons(sport), .dest = htons(dport), .seq = htonl(seq),
			 .ack_seq = htonl(ack), .doff = 5, .window = htons(65535) },
	};
	uint32_t sum;

	((uint8_t *)&s.tcp)[13] = flags;
	s.ip.check = tun_fold(tun_sum(&s.ip, sizeof(s.ip), 0));
	sum = tun_sum(&s.ip.saddr, 8, IPPROTO_TCP + sizeof(s.tcp));
	s.tcp.check = tun_fold(tun_sum(&s.tcp, sizeof(s.tcp), sum));
	if (write(tun_fd[queue], &s, sizeof(s)) != sizeof(s))
		smp_fail("write to tun0");
}

/* Reads one segment; false if there is none within the time. */
static bool tun_read(struct tun_segment *s, int ms)
{
	struct pollfd p[SMP_QUEUES];
	uint8_t buf[2048];
	int i;

	for (i = 0; i < SMP_QUEUES; i++)
		p[i] = (struct pollfd){ .fd = tun_fd[i], .events = POLLIN };
	if (poll(p, SMP_QUEUES, ms) <= 0)
		return false;
	for (i = 0; i < SMP_QUEUES; i++) {
		ssize_t n;

		if (!(p[i].revents & POLLIN))
			continue;
		n = read(tun_fd[i], buf, sizeof(buf));
		memset(s, 0, sizeof(*s));
		if (n >= (ssize_t)sizeof(*s) && buf[0] == 0x45)
			memcpy(s, buf, sizeof(*s));
		return true;
	}
	return false;
}

/* Wait for the SYN-ACK to a port of ours. */
bool smp_tun_synack(uint16_t port, uint32_t *seq)
{
	double end = smp_seconds() + 10;
	struct tun_segment s;

	while (smp_seconds() < end) {
		if (!tun_read(&s, 1000))
			continue;
		if (s.ip.protocol != IPPROTO_TCP || ntohs(s.tcp.dest) != port)
			continue;
		if (!s.tcp.syn || !s.tcp.ack)
			continue;
		*seq = ntohl(s.tcp.seq);
		return true;
	}
	return false;
}

void smp_tun_drain(void)
{
	struct tun_segment s;

	while (tun_read(&s, 0))
		;
}
