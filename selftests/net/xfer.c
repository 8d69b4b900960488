// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checked transfers between two machines or namespaces, over either stack.
 *
 *	xfer serve STACK ADDRESS PORT COUNT READY
 *		accepts COUNT connections one after the other; of each it reads a
 *		header and as many bytes as that says, checks them, and answers with
 *		as many of its own. READY is made once it listens.
 *	xfer fetch STACK ADDRESS PORT LENGTH SEED [MS]
 *		the other side; MS bounds the connect
 *	xfer echo STACK ADDRESS PORT LENGTH SEED
 *		against a peer that sends back what it gets
 *	xfer hold STACK ADDRESS PORT
 *		connects, says "connected", waits for the peer to close
 *	xfer zerocopy STACK ADDRESS
 *		a MSG_ZEROCOPY sender of the kernel's TCP and a receiver over STACK
 *
 * STACK: tcp, xtcp (IPPROTO_XTCP), fam (AF_XTCP), lab (IPPROTO_XTCP, wire 253).
 * Exit status 0; 1 with a reason; 3 if the connect failed (its errno is printed).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/types.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "xtcp.h"

struct header {
	__u64 length;
	__u64 seed;
};

struct stream {
	__u64 state;
	unsigned int left;	/* bytes of state not used yet */
};

static _Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	fputs("xfer: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* xorshift64: eight bytes of the stream for each step */
static __u8 stream_next(struct stream *s)
{
	if (!s->left) {
		s->state ^= s->state << 13;
		s->state ^= s->state >> 7;
		s->state ^= s->state << 17;
		s->left = 8;
	}
	return s->state >> (8 * --s->left);
}

static struct stream stream_of(__u64 seed)
{
	return (struct stream){ .state = seed * 0x9e3779b97f4a7c15ULL | 1 };
}

static int open_socket(const char *stack, int family)
{
	int proto = !strcmp(stack, "tcp") ? 0 : IPPROTO_XTCP;
	int fd, one = 1, lab = IPPROTO_XTCP;

	fd = socket(!strcmp(stack, "fam") ? AF_XTCP : family, SOCK_STREAM, proto);
	if (fd < 0)
		die("socket(%s): %s", stack, strerror(errno));
	if (!strcmp(stack, "lab") &&
	    setsockopt(fd, SOL_XTCP, XTCP_WIRE_PROTOCOL, &lab, sizeof(lab)))
		die("XTCP_WIRE_PROTOCOL: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return fd;
}

static socklen_t parse_addr(struct sockaddr_storage *ss, const char *text, const char *port)
{
	struct sockaddr_in *in = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(atoi(port));
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		die("no address: %s", text);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(atoi(port));
	return sizeof(*in6);
}

static void send_bytes(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, (const char *)buf + done, len - done, MSG_NOSIGNAL);

		if (n < 0)
			die("send after %zu bytes: %s", done, strerror(errno));
		done += n;
	}
}

static void send_stream(int fd, __u64 length, __u64 seed)
{
	struct stream s = stream_of(seed);
	static __u8 buf[1 << 16];

	while (length) {
		size_t n = length < sizeof(buf) ? length : sizeof(buf), i;

		for (i = 0; i < n; i++)
			buf[i] = stream_next(&s);
		send_bytes(fd, buf, n);
		length -= n;
	}
}

static void check_stream(int fd, __u64 length, __u64 seed, const char *who)
{
	struct stream s = stream_of(seed);
	static __u8 buf[1 << 16];
	__u64 pos = 0;

	while (pos < length) {
		size_t want = length - pos < sizeof(buf) ? length - pos : sizeof(buf);
		ssize_t n = recv(fd, buf, want, 0), i;

		if (n < 0)
			die("%s: recv at %llu: %s", who, (unsigned long long)pos, strerror(errno));
		if (!n)
			die("%s: the stream ends at %llu of %llu", who, (unsigned long long)pos,
			    (unsigned long long)length);
		for (i = 0; i < n; i++)
			if (buf[i] != stream_next(&s))
				die("%s: wrong byte at %llu", who, (unsigned long long)pos + i);
		pos += n;
	}
}

static void expect_end(int fd, const char *who)
{
	char b;
	ssize_t n = recv(fd, &b, 1, 0);

	if (n)
		die("%s: %s instead of the end of the stream", who,
		    n > 0 ? "data" : strerror(errno));
}

static void serve_one(int fd)
{
	struct header h;

	if (recv(fd, &h, sizeof(h), MSG_WAITALL) != sizeof(h))
		die("serve: no header: %s", strerror(errno));
	check_stream(fd, h.length, h.seed, "serve");
	expect_end(fd, "serve");
	send_stream(fd, h.length, h.seed + 1);
	close(fd);
}

static int serve(char **arg)
{
	struct sockaddr_storage ss;
	socklen_t len = parse_addr(&ss, arg[1], arg[2]);
	int fd = open_socket(arg[0], ss.ss_family), i, count = atoi(arg[3]);

	if (bind(fd, (void *)&ss, len) || listen(fd, 16))
		die("serve: bind, listen: %s", strerror(errno));
	close(open(arg[4], O_CREAT | O_WRONLY, 0600));
	for (i = 0; i < count; i++) {
		int d = accept(fd, NULL, NULL);

		if (d < 0)
			die("accept: %s", strerror(errno));
		serve_one(d);
	}
	return 0;
}

/* Exits with 3 and errno's name if there is no connection within @ms (0: no bound). */
static int connect_to(char **arg, int ms)
{
	struct sockaddr_storage ss;
	socklen_t len = parse_addr(&ss, arg[1], arg[2]), elen = sizeof(int);
	int fd = open_socket(arg[0], ss.ss_family), err = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (ms)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, (void *)&ss, len))
		err = errno;
	if (err == EINPROGRESS) {
		if (poll(&p, 1, ms) == 1)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &elen);
		else
			err = ETIMEDOUT;
	}
	if (err) {
		printf("%s\n", strerrorname_np(err));
		exit(3);
	}
	fcntl(fd, F_SETFL, 0);
	return fd;
}

static int fetch(char **arg)
{
	struct header h = { strtoull(arg[3], NULL, 0), strtoull(arg[4], NULL, 0) };
	int fd = connect_to(arg, arg[5] ? atoi(arg[5]) : 0);

	send_bytes(fd, &h, sizeof(h));
	send_stream(fd, h.length, h.seed);
	if (shutdown(fd, SHUT_WR))
		die("fetch: shutdown: %s", strerror(errno));
	check_stream(fd, h.length, h.seed + 1, "fetch");
	expect_end(fd, "fetch");
	return 0;
}

/* In pieces that fit into anybody's buffers, so that one loop does for both directions. */
static int echo(char **arg)
{
	__u64 left = strtoull(arg[3], NULL, 0), seed = strtoull(arg[4], NULL, 0);
	int fd = connect_to(arg, 0);

	while (left) {
		__u64 n = left < 8192 ? left : 8192;

		send_stream(fd, n, seed);
		check_stream(fd, n, seed++, "echo");
		left -= n;
	}
	if (shutdown(fd, SHUT_WR))
		die("echo: shutdown: %s", strerror(errno));
	expect_end(fd, "echo");
	return 0;
}

static int hold(char **arg)
{
	int fd = connect_to(arg, 0);
	char b;

	printf("connected\n");
	fflush(stdout);
	return recv(fd, &b, 1, 0) == 0 ? 0 : 1;
}

/* Waits until the kernel gives the pages of the last MSG_ZEROCOPY send back. */
static bool zerocopy_done(int fd)
{
	struct pollfd p = { .fd = fd };
	char ctl[256];
	struct msghdr m = { .msg_control = ctl, .msg_controllen = sizeof(ctl) };

	return poll(&p, 1, 20000) == 1 && recvmsg(fd, &m, MSG_ERRQUEUE) >= 0;
}

/*
 * Once the sender has its pages back it may write into them; what the receiver has
 * queued and not read yet must not change by that.
 */
static int zerocopy(char **arg)
{
	enum { LEN = 32768 };
	struct sockaddr_storage ss;
	socklen_t len = parse_addr(&ss, arg[1], "0");
	int lis = open_socket(arg[0], ss.ss_family), c = open_socket("tcp", ss.ss_family), d;
	struct stream s = stream_of(7);
	__u8 *page;
	int one = 1, i;

	if (posix_memalign((void **)&page, 4096, LEN))
		die("memory");
	for (i = 0; i < LEN; i++)
		page[i] = stream_next(&s);
	if (setsockopt(c, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		die("SO_ZEROCOPY: %s", strerror(errno));
	if (bind(lis, (void *)&ss, len) || listen(lis, 1) ||
	    getsockname(lis, (void *)&ss, &len) || connect(c, (void *)&ss, len))
		die("zerocopy: %s", strerror(errno));
	d = accept(lis, NULL, NULL);
	if (d < 0)
		die("accept: %s", strerror(errno));
	if (send(c, page, LEN, MSG_ZEROCOPY) != LEN)
		die("send: %s", strerror(errno));
	if (!zerocopy_done(c))
		die("the sender does not get its pages back while nobody reads");
	memset(page, 0xee, LEN);
	check_stream(d, LEN, 7, "zerocopy");
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 7 && !strcmp(argv[1], "serve"))
		return serve(argv + 2);
	if ((argc == 7 || argc == 8) && !strcmp(argv[1], "fetch"))
		return fetch(argv + 2);
	if (argc == 7 && !strcmp(argv[1], "echo"))
		return echo(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "hold"))
		return hold(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "zerocopy"))
		return zerocopy(argv + 2);
	fprintf(stderr, "usage: see the head of xfer.c\n");
	return 2;
}
