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
 *	xfer zerocopy STACK ADDRESS [SENDER]
 *		a MSG_ZEROCOPY sender over SENDER (tcp), and a receiver over STACK
 *
 * XFER_HOW: how serve and fetch send: "copy"; "whole": everything in one call; "file":
 * sendfile(); "lend": MSG_ZEROCOPY, and each piece is overwritten once it was given back.
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
#include <sys/mman.h>
#include <sys/sendfile.h>
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

/* ---- sending without copying ---- */

/* The whole stream, in memory that sendfile() can send as well; its file goes to @file. */
static __u8 *stream_in_memory(__u64 length, __u64 seed, int *file)
{
	struct stream s = stream_of(seed);
	__u64 i;
	__u8 *p;

	*file = memfd_create("stream", 0);
	if (*file < 0 || ftruncate(*file, length))
		die("memfd: %s", strerror(errno));
	p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
	if (p == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	for (i = 0; i < length; i++)
		p[i] = stream_next(&s);
	return p;
}

static void send_file(int fd, int file, __u64 length)
{
	off_t off = 0;

	while ((__u64)off < length)
		if (sendfile(fd, file, &off, length - off) <= 0)
			die("sendfile at %lld: %s", (long long)off, strerror(errno));
}

/* Before 6.5 the core does not ask us about SO_ZEROCOPY. */
static void want_zerocopy(int fd)
{
	int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) &&
	    setsockopt(fd, SOL_XTCP, XTCP_ZEROCOPY, &one, sizeof(one)))
		die("SO_ZEROCOPY: %s", strerror(errno));
}

/* Waits until the kernel gives pages back. Return: the first call that has not got its own. */
static __u32 wait_notice(int fd)
{
	struct pollfd p = { .fd = fd };
	char ctl[256];
	struct msghdr m = { .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	struct sock_extended_err *e;

	if (poll(&p, 1, 60000) != 1 || recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
		die("the sender does not get its pages back: %s", strerror(errno));
	e = (void *)CMSG_DATA(CMSG_FIRSTHDR(&m));
	if (e->ee_origin != SO_EE_ORIGIN_ZEROCOPY)
		die("a notice of origin %d", e->ee_origin);
	return e->ee_data + 1;
}

static void send_lent(int fd, __u8 *p, __u64 length)
{
	enum { PIECE = 100001 };
	__u64 pos = 0, freed = 0, ends[4096];
	__u32 calls = 0, done = 0, next;

	want_zerocopy(fd);
	while (pos < length || done < calls) {
		__u64 left = length - pos;
		ssize_t n = 0;

		if (left && calls - done < 8 && calls < 4096) {
			n = send(fd, p + pos, left < PIECE ? left : PIECE,
				 MSG_ZEROCOPY | MSG_NOSIGNAL);
			if (n < 0 && errno != ENOBUFS)
				die("send after %llu bytes: %s", (unsigned long long)pos,
				    strerror(errno));
		}
		if (n > 0) {
			pos += n;
			ends[calls++] = pos;
			continue;
		}
		next = wait_notice(fd);
		if (next <= done || next > calls)
			die("notice of call %u, %u to %u are due", next - 1, done, calls - 1);
		done = next;
		memset(p + freed, 0xee, ends[done - 1] - freed);
		freed = ends[done - 1];
	}
}

static void send_stream(int fd, __u64 length, __u64 seed)
{
	const char *how = getenv("XFER_HOW");
	struct stream s = stream_of(seed);
	static __u8 buf[1 << 16];
	int file;
	__u8 *p;

	if (length && how && strcmp(how, "copy")) {
		p = stream_in_memory(length, seed, &file);
		if (!strcmp(how, "whole"))
			send_bytes(fd, p, length);
		else if (!strcmp(how, "file"))
			send_file(fd, file, length);
		else
			send_lent(fd, p, length);
		munmap(p, length);
		close(file);
		return;
	}
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

/*
 * Once the sender has its pages back it may write into them; what the receiver has
 * queued and not read yet must not change by that.
 */
static int zerocopy(char **arg)
{
	enum { LEN = 32768 };
	struct sockaddr_storage ss;
	socklen_t len = parse_addr(&ss, arg[1], "0");
	int lis = open_socket(arg[0], ss.ss_family), i, d;
	int c = open_socket(arg[2] ? arg[2] : "tcp", ss.ss_family);
	struct stream s = stream_of(7);
	__u8 *page;

	if (posix_memalign((void **)&page, 4096, LEN))
		die("memory");
	for (i = 0; i < LEN; i++)
		page[i] = stream_next(&s);
	want_zerocopy(c);
	if (bind(lis, (void *)&ss, len) || listen(lis, 1) ||
	    getsockname(lis, (void *)&ss, &len) || connect(c, (void *)&ss, len))
		die("zerocopy: %s", strerror(errno));
	d = accept(lis, NULL, NULL);
	if (d < 0)
		die("accept: %s", strerror(errno));
	if (send(c, page, LEN, MSG_ZEROCOPY) != LEN)
		die("send: %s", strerror(errno));
	wait_notice(c);		/* while nobody reads */
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
	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "zerocopy"))
		return zerocopy(argv + 2);
	fprintf(stderr, "usage: see the head of xfer.c\n");
	return 2;
}
