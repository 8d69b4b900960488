// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may bind and listen beside whom. Every case is played four times: by two
 * sockets of the kernel's TCP, one and one in both orders, and two of XTCP. What
 * TCP answers to itself is what the other three must give.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest.h"
#include "xtcp.h"

#define STACKS		4	/* bit 0: the first socket is XTCP's, bit 1: the second */
#define REPORTS		20	/* differences told in full */

static const struct {
	const char *text;
	int family;
	bool v6only;
} addrs[] = {
	{ "0.0.0.0", AF_INET, false },
	{ "127.0.0.1", AF_INET, false },
	{ "127.0.0.2", AF_INET, false },
	{ "::", AF_INET6, false },
	{ "::1", AF_INET6, false },
	{ "::ffff:127.0.0.1", AF_INET6, false },
	{ "::", AF_INET6, true },
};

#define ADDRS ((int)ARRAY_SIZE(addrs))

static unsigned int compared, differ;

static void die(const char *what)
{
	ksft_print_msg("%s: %s\n", what, strerror(errno));
	ksft_exit_fail();
}

/* A namespace of our own: no TIME_WAIT of an earlier case is in the way */
static void fresh_netns(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		die("unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		die("lo");
	close(fd);
	compared = 0;
	differ = 0;
}

static void set(int fd, int level, int name, const void *val, socklen_t len)
{
	if (setsockopt(fd, level, name, val, len))
		die("setsockopt");
}

static int make(bool xtcp, int family, bool reuse, bool reuseport)
{
	int fd = socket(family, SOCK_STREAM, xtcp ? IPPROTO_XTCP : 0);
	int one = 1;

	if (fd < 0)
		die(xtcp ? "XTCP socket" : "TCP socket");
	if (reuse)
		set(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (reuseport)
		set(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	return fd;
}

static int try_bind(int fd, int addr, int port)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (addrs[addr].family == AF_INET) {
		inet_pton(AF_INET, addrs[addr].text, &sin.sin_addr);
		return bind(fd, (struct sockaddr *)&sin, sizeof(sin)) ? errno : 0;
	}
	inet_pton(AF_INET6, addrs[addr].text, &sin6.sin6_addr);
	return bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) ? errno : 0;
}

static int try_listen(int fd)
{
	return listen(fd, 5) ? errno : 0;
}

/* Compare what XTCP and mixed pairs gave with TCP's own answers. */
static void compare(const char *what, int answers[STACKS][4])
{
	int st;

	for (st = 1; st < STACKS; st++) {
		compared++;
		if (!memcmp(answers[st], answers[0], sizeof(answers[0])))
			continue;
		if (differ++ < REPORTS)
			ksft_print_msg("%s, %s then %s: %d %d %d %d; TCP: %d %d %d %d\n", what,
				       st & 1 ? "XTCP" : "TCP", st & 2 ? "XTCP" : "TCP",
				       answers[st][0], answers[st][1], answers[st][2],
				       answers[st][3], answers[0][0], answers[0][1],
				       answers[0][2], answers[0][3]);
	}
}

static int pair_socket(bool xtcp, int addr, int options, bool device)
{
	int fd = make(xtcp, addrs[addr].family, options & 1, options & 2);
	int one = 1;

	if (addrs[addr].v6only)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (device)
		set(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo"));
	return fd;
}

/* @opt: SO_REUSEADDR and SO_REUSEPORT of the first (bits 0, 1) and second (2, 3) */
static void pair(int a, int b, int opt, int dev, bool first_listens)
{
	static int port = 20000;
	int answers[STACKS][4];
	char what[128];
	int st;

	for (st = 0; st < STACKS; st++) {
		int *r = answers[st];
		int fa, fb;

		port++;
		memset(r, -1, sizeof(answers[0]));
		fa = pair_socket(st & 1, a, opt & 3, dev & 1);
		r[0] = try_bind(fa, a, port);
		if (!r[0] && first_listens)
			r[1] = try_listen(fa);
		fb = pair_socket(st & 2, b, opt >> 2, dev & 2);
		r[2] = try_bind(fb, b, port);
		if (!r[2])
			r[3] = try_listen(fb);
		close(fa);
		close(fb);
	}
	snprintf(what, sizeof(what), "%s%s and %s%s, options %x, devices %d%s", addrs[a].text,
		 addrs[a].v6only ? " v6only" : "", addrs[b].text,
		 addrs[b].v6only ? " v6only" : "", opt, dev, first_listens ? ", listens" : "");
	compare(what, answers);
}

static void test_pairs(void)
{
	int a, b, dev, opt;

	fresh_netns();
	for (a = 0; a < ADDRS; a++) {
		for (b = 0; b < ADDRS; b++) {
			for (opt = 0; opt < 16; opt++) {
				pair(a, b, opt, 0, false);
				pair(a, b, opt, 0, true);
			}
			/* devices change nothing about the options */
			for (dev = 1; dev < 4; dev++) {
				pair(a, b, 0, dev, false);
				pair(a, b, 5, dev, true);
			}
		}
	}
	ksft_test_result(compared && !differ, "pairs of binds: %u compared, %u differ\n", compared,
			 differ);
}

enum held { CHILD_LIVES, CHILD_TIMEWAIT, CLIENT_TIMEWAIT, CLIENT_LIVES, HELD_MAX };

/* A connection over loopback: @a bound to @port by us, @c the other end, by TCP. */
static void connection(enum held how, bool xtcp, int opt, int port, int *a, int *c)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool passive = how == CHILD_LIVES || how == CHILD_TIMEWAIT;
	int listener = passive ? make(xtcp, AF_INET, opt & 1, opt & 2) :
				 make(false, AF_INET, true, false);

	sin.sin_port = htons(passive ? port : port + 1);
	if (try_bind(listener, 0, passive ? port : port + 1) || listen(listener, 5))
		die("listener");
	*a = passive ? make(false, AF_INET, false, false) : make(xtcp, AF_INET, opt & 1, opt & 2);
	if (!passive && try_bind(*a, 0, port))
		die("bind");
	if (connect(*a, (struct sockaddr *)&sin, sizeof(sin)))
		die("connect");
	*c = accept(listener, NULL, NULL);
	if (*c < 0)
		die("accept");
	close(listener);
	if (passive) {
		int swap = *a;

		*a = *c;
		*c = swap;
	}
}

/* @a closes first and so is the one in TIME_WAIT */
static void close_first(int a, int c)
{
	char byte;

	shutdown(a, SHUT_WR);
	if (read(c, &byte, 1))
		die("no FIN at the peer");
	close(c);
	if (read(a, &byte, 1))
		die("no FIN here");
	close(a);
}

static void held(enum held how, int opt, int addr)
{
	static int port = 10000;
	int answers[STACKS][4];
	char what[64];
	int st;

	for (st = 0; st < STACKS; st++) {
		int *r = answers[st];
		int a, c, fd;

		port += 2;
		memset(r, -1, sizeof(answers[0]));
		connection(how, st & 1, opt & 3, port, &a, &c);
		if (how == CHILD_TIMEWAIT || how == CLIENT_TIMEWAIT)
			close_first(a, c);
		fd = make(st & 2, AF_INET, opt & 4, opt & 8);
		r[0] = try_bind(fd, addr, port);
		if (!r[0])
			r[1] = try_listen(fd);
		close(fd);
		if (how == CHILD_LIVES || how == CLIENT_LIVES) {
			close(a);
			close(c);
		}
	}
	snprintf(what, sizeof(what), "port still in use %d, options %x, %s", how, opt,
		 addrs[addr].text);
	compare(what, answers);
}

static void test_held(void)
{
	int how, opt;

	fresh_netns();
	for (how = 0; how < HELD_MAX; how++) {
		for (opt = 0; opt < 16; opt++) {
			held(how, opt, 0);
			held(how, opt, 1);
		}
	}
	ksft_test_result(compared && !differ,
			 "ports held by children and TIME_WAIT: %u compared, %u differ\n", compared,
			 differ);
}

/* close() gives the port back at once, to whichever stack comes next */
static void test_free_at_once(void)
{
	int bad = 0;
	int i;

	fresh_netns();
	for (i = 0; i < 200; i++) {
		int fd = make(i & 1, AF_INET, false, false);
		int err = try_bind(fd, 0, 12345);

		if (err) {
			ksft_print_msg("round %d: %s\n", i, strerror(err));
			bad++;
		}
		if (i & 2)
			bad += !!try_listen(fd);
		close(fd);
	}
	ksft_test_result(!bad, "a closed socket's port is free at once\n");
}

static int compare_ports(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Port 0: XTCP's own range, all different while they are held */
static void test_any_port(void)
{
	enum { SOCKETS = 300 };
	static int fds[SOCKETS], ports[SOCKETS];
	int bad = 0;
	int i;

	fresh_netns();
	for (i = 0; i < SOCKETS; i++) {
		struct sockaddr_in sin;
		socklen_t len = sizeof(sin);

		fds[i] = make(true, AF_INET, false, false);
		bad += !!try_bind(fds[i], 0, 0);
		if (getsockname(fds[i], (struct sockaddr *)&sin, &len))
			die("getsockname");
		ports[i] = ntohs(sin.sin_port);
		bad += ports[i] < 61000;
	}
	qsort(ports, SOCKETS, sizeof(ports[0]), compare_ports);
	for (i = 1; i < SOCKETS; i++)
		bad += ports[i] == ports[i - 1];
	for (i = 0; i < SOCKETS; i++)
		close(fds[i]);
	ksft_test_result(!bad, "port 0 chooses a free one of XTCP's range\n");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	ksft_set_plan(4);
	test_pairs();
	test_held();
	test_free_at_once();
	test_any_port();
	ksft_finished();
}
