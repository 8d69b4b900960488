// SPDX-License-Identifier: GPL-2.0-only
/* Bytes: what connections, half-open entries and TIME_WAIT entries cost in slab caches. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum { CACHES = 400, PORT = 7002 };

struct cache {
	char name[64];
	long objects;
	long size;
};

struct slabs {
	int n;
	struct cache cache[CACHES];
};

/* Give back what is free but still counted as in use: per-CPU slabs and sheaves. */
static void shrink_all(void)
{
	DIR *d = opendir("/sys/kernel/slab");
	struct dirent *e;
	char path[320];

	check(d, "/sys/kernel/slab");
	while ((e = readdir(d))) {
		int fd;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", e->d_name);
		fd = open(path, O_WRONLY);
		if (fd < 0)
			continue;
		check(write(fd, "1", 1) == 1, path);
		close(fd);
	}
	closedir(d);
}

static void read_slabs(struct slabs *s)
{
	char line[512];
	FILE *f;

	shrink_all();
	s->n = 0;
	f = fopen("/proc/slabinfo", "r");
	check(f, "/proc/slabinfo");
	while (fgets(line, sizeof(line), f)) {
		struct cache *c = &s->cache[s->n];

		if (sscanf(line, "%63s %ld %*d %ld", c->name, &c->objects, &c->size) == 3 &&
		    ++s->n == CACHES)
			die("more than %d slab caches", CACHES);
	}
	fclose(f);
}

static const struct cache *find(const struct slabs *s, const char *name)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->cache[i].name, name))
			return &s->cache[i];
	return NULL;
}

/* The growth of all caches, divided by @n; caches that grew by a fifth object and more by name */
static void growth(const struct options *o, const char *suffix, enum stack s, int rep, long n,
		   const struct slabs *before, const struct slabs *after)
{
	double sum = 0;
	int i;

	for (i = 0; i < after->n; i++) {
		const struct cache *c = &after->cache[i], *old = find(before, c->name);
		long more = c->objects - (old ? old->objects : 0);

		sum += (double)more * c->size;
		if (more * 5 >= n || more * 5 <= -n)
			printf("M %s%s %s %s %.3f %ld\n", o->figure, suffix, stack_name[s],
			       c->name, (double)more / n, c->size);
	}
	result(o, suffix, s, rep, sum / n);
}

static void idle_one(const struct options *o, enum stack s, int rep)
{
	static struct slabs before, after;
	struct others warm, others;
	union address a;
	pid_t pid = child();

	if (pid) {
		reap(pid);
		return;
	}
	enter_ns(o, s, o->client_ns);
	parse_address(&a, o->addr, 0);
	want_files(2 * o->count + 300);
	/* the table of file descriptors has its size before the first reading */
	check(dup2(0, 2 * o->count + 290) >= 0, "dup2");
	warm = open_others(s, a.any.sa_family, 100);
	close_others(&warm);
	pause_s(70);
	read_slabs(&before);
	others = open_others(s, a.any.sa_family, o->count);
	pause_s(2);
	read_slabs(&after);
	growth(o, "", s, rep, o->count, &before, &after);
	close_others(&others);
	pause_s(70);
	_exit(0);
}

/* Connections to one listener, both ends, with their files and inodes. */
void bench_idle(const struct options *o)
{
	enum stack s;
	int rep;

	for (rep = 0; rep < o->reps; rep++)
		for (s = 0; s < STACKS; s++)
			if (o->stack[s])
				idle_one(o, s, rep);
}

static void timewait_one(const struct options *o, enum stack s, int rep)
{
	static struct slabs before, after;
	long i;
	int lis = listen_on(s, o->addr, PORT, 128);

	read_slabs(&before);
	for (i = 0; i < o->count; i++) {
		int c = connect_to(s, o->addr, PORT), d = accept_one(lis);

		close(c);
		close(d);
	}
	pause_s(2);
	read_slabs(&after);
	growth(o, "", s, rep, o->count, &before, &after);
	close(lis);
	pause_s(70);
}

/* Connections that were closed from the connecting side. */
void bench_timewait(const struct options *o)
{
	enum stack s;
	int rep;

	for (rep = 0; rep < o->reps; rep++)
		for (s = 0; s < STACKS; s++)
			if (o->stack[s])
				timewait_one(o, s, rep);
}

struct syn {
	struct iphdr ip;
	struct tcphdr tcp;
	__u8 options[20];
};

static __u32 sum16(const void *data, int len, __u32 sum)
{
	const __u8 *p = data;
	int i;

	for (i = 0; i < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	return sum;
}

static __u16 fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* A SYN as today's stacks send it, from an address behind the tun device. */
static void make_syn(struct syn *p, int port, __u16 source)
{
	static const __u8 options[20] = {
		2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 7
	};

	memset(p, 0, sizeof(*p));
	p->ip.version = 4;
	p->ip.ihl = 5;
	p->ip.tot_len = htons(sizeof(*p));
	p->ip.ttl = 64;
	p->ip.protocol = IPPROTO_TCP;
	p->ip.saddr = inet_addr("10.9.0.2");
	p->ip.daddr = inet_addr("10.9.0.1");
	p->ip.check = fold(sum16(&p->ip, sizeof(p->ip), 0));
	p->tcp.source = htons(source);
	p->tcp.dest = htons(port);
	p->tcp.seq = htonl(1000);
	p->tcp.doff = 10;
	p->tcp.syn = 1;
	p->tcp.window = htons(64240);
	memcpy(p->options, options, sizeof(options));
	p->tcp.check = fold(sum16(&p->ip.saddr, 8, IPPROTO_TCP + sizeof(*p) - sizeof(p->ip)) +
			    sum16(&p->tcp, sizeof(*p) - sizeof(p->ip), 0));
}

static int open_tun(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	check(fd >= 0, "/dev/net/tun");
	strcpy(ifr.ifr_name, "bench");
	check(!ioctl(fd, TUNSETIFF, &ifr), "TUNSETIFF");
	check(!system("ip addr add 10.9.0.1/24 dev bench && ip link set bench up"), "ip");
	return fd;
}

/* Reads what the stack answers, and returns how many SYN-ACKs that was. */
static long drain(int tun)
{
	char buf[2048];
	long n = 0;

	while (read(tun, buf, sizeof(buf)) >= (ssize_t)sizeof(struct iphdr)) {
		struct tcphdr *tcp = (void *)(buf + sizeof(struct iphdr));

		n += (buf[0] >> 4) == 4 && tcp->syn && tcp->ack;
	}
	return n;
}

/* Half-open entries: SYNs whose SYN-ACK nobody answers. */
static void synrecv_one(const struct options *o, enum stack s, int rep, int tun)
{
	static struct slabs before, after;
	int lis = listen_on(s, "10.9.0.1", PORT, 4096);
	long answered = 0, i;
	struct syn syn;

	drain(tun);
	read_slabs(&before);
	for (i = 0; i < o->count; i++) {
		make_syn(&syn, PORT, 10000 + i);
		check(write(tun, &syn, sizeof(syn)) == sizeof(syn), "tun");
		answered += drain(tun);
	}
	read_slabs(&after);
	if (answered < o->count)
		die("%ld SYNs, but %ld SYN-ACKs", o->count, answered);
	growth(o, "", s, rep, o->count, &before, &after);
	close(lis);
	pause_s(70);
}

void bench_synrecv(const struct options *o)
{
	int tun = open_tun(), rep;
	enum stack s;

	pause_s(1);
	for (rep = 0; rep < o->reps; rep++)
		for (s = 0; s < STACKS; s++)
			if (o->stack[s])
				synrecv_one(o, s, rep, tun);
	close(tun);
}
