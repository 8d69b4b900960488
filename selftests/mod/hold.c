// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold: a program that holds one socket and does as it is told.
 *
 *	hold [-x] listen ADDRESS PORT	accepts one connection
 *	hold [-x] connect ADDRESS PORT
 *	hold [-x|-x4|-x6] socket	a fresh socket and nothing else
 *
 * -x: an XTCP socket (AF_XTCP) instead of the kernel's TCP; -x4, -x6: one of AF_INET, AF_INET6 with
 * protocol IPPROTO_XTCP. Says "listening", "connected",
 * "accepted", "ready". Then it takes orders from standard input, one a line, and says "done" after
 * each:
 *	send N	write N bytes		recv N	read N bytes, checking them
 *	shut	shutdown(SHUT_WR)	eof	read to the end of the stream
 *	close	close the connection	linger	close it with SO_LINGER 0
 *	echo	send back all that comes, up to the end of the stream
 *	pump	send until killed	drain	read until killed
 *	rate N	SO_MAX_PACING_RATE
 * At the end of its orders it exits.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../module/uapi/xtcp.h"

static unsigned char buf[65536];
static unsigned int sent, received;	/* positions in the pattern */

static void hold_die(const char *what)
{
	printf("hold: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void hold_say(const char *what)
{
	puts(what);
	fflush(stdout);
}

/* The byte at each place of the stream: any loss, doubling or swap shows. */
static unsigned char hold_byte(unsigned int at)
{
	return (at * 2654435761u) >> 24;
}

static void hold_send(int fd, size_t todo)
{
	while (todo) {
		size_t len = todo < sizeof(buf) ? todo : sizeof(buf);
		ssize_t n;
		size_t i;

		for (i = 0; i < len; i++)
			buf[i] = hold_byte(sent + i);
		n = send(fd, buf, len, MSG_NOSIGNAL);
		if (n < 0)
			hold_die("send");
		sent += n;
		todo -= n;
	}
}

/* Returns false at the end of the stream. */
static int hold_recv_some(int fd, size_t most, size_t *got)
{
	ssize_t n = recv(fd, buf, most < sizeof(buf) ? most : sizeof(buf), 0);
	ssize_t i;

	if (n < 0)
		hold_die("recv");
	for (i = 0; i < n; i++) {
		if (buf[i] != hold_byte(received + i)) {
			printf("hold: byte %u is wrong\n", (unsigned int)(received + i));
			exit(1);
		}
	}
	received += n;
	*got = n;
	return n > 0;
}

static void hold_recv(int fd, size_t todo)
{
	size_t got;

	while (todo) {
		if (!hold_recv_some(fd, todo, &got)) {
			printf("hold: end of stream, %zu bytes early\n", todo);
			exit(1);
		}
		todo -= got;
	}
}

static void hold_echo(int fd)
{
	size_t got;

	while (hold_recv_some(fd, sizeof(buf), &got)) {
		if (send(fd, buf, got, MSG_NOSIGNAL) != (ssize_t)got)
			hold_die("send");
	}
}

static void hold_eof(int fd)
{
	size_t got;

	while (hold_recv_some(fd, sizeof(buf), &got))
		;
}

static void hold_linger(int fd)
{
	struct linger now = { .l_onoff = 1 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)))
		hold_die("SO_LINGER");
	close(fd);
}

static void hold_order(int fd, const char *order)
{
	unsigned long n = 0;

	if (sscanf(order, "send %lu", &n) == 1) {
		hold_send(fd, n);
	} else if (sscanf(order, "recv %lu", &n) == 1) {
		hold_recv(fd, n);
	} else if (sscanf(order, "rate %lu", &n) == 1) {
		unsigned int rate = (unsigned int)n;

		if (setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)))
			hold_die("SO_MAX_PACING_RATE");
	} else if (!strncmp(order, "shut", 4)) {
		shutdown(fd, SHUT_WR);
	} else if (!strncmp(order, "eof", 3)) {
		hold_eof(fd);
	} else if (!strncmp(order, "close", 5)) {
		close(fd);
	} else if (!strncmp(order, "linger", 6)) {
		hold_linger(fd);
	} else if (!strncmp(order, "echo", 4)) {
		hold_echo(fd);
	} else if (!strncmp(order, "pump", 4)) {
		hold_send(fd, (size_t)-1);
	} else if (!strncmp(order, "drain", 5)) {
		hold_recv(fd, (size_t)-1);
	} else {
		printf("hold: what is %s", order);
		exit(1);
	}
	hold_say("done");
}

static socklen_t hold_address(const char *text, const char *port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(atoi(port));
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(atoi(port));
		return sizeof(*in6);
	}
	printf("hold: no address: %s\n", text);
	exit(1);
}

static int hold_listen(int fd, const struct sockaddr_storage *ss, socklen_t len)
{
	int one = 1, conn;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)ss, len))
		hold_die("bind");
	if (listen(fd, 8))
		hold_die("listen");
	hold_say("listening");
	conn = accept(fd, NULL, NULL);
	if (conn < 0)
		hold_die("accept");
	close(fd);
	hold_say("accepted");
	return conn;
}

/* @how: what follows -x, or NULL */
static int hold_socket(const char *how, int family)
{
	if (!how)
		return socket(family, SOCK_STREAM, 0);
	if (!*how)
		return socket(AF_XTCP, SOCK_STREAM, 0);
	return socket(*how == '6' ? AF_INET6 : AF_INET, SOCK_STREAM, IPPROTO_XTCP);
}

int main(int argc, char **argv)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET };
	const char *how = argc > 1 && !strncmp(argv[1], "-x", 2) ? argv[1] + 2 : NULL;
	char order[128];
	socklen_t len = 0;
	int fd;

	argv += !!how;
	argc -= !!how;
	if (argc != 4 && !(argc == 2 && !strcmp(argv[1], "socket"))) {
		fprintf(stderr, "usage: hold [-x] listen|connect ADDRESS PORT | hold [-x|-x4|-x6] socket\n");
		return 2;
	}
	if (argc == 4)
		len = hold_address(argv[2], argv[3], &ss);
	fd = hold_socket(how, ss.ss_family);
	if (fd < 0)
		hold_die("socket");
	if (argc == 2) {
		hold_say("ready");
	} else if (!strcmp(argv[1], "listen")) {
		fd = hold_listen(fd, &ss, len);
	} else {
		if (connect(fd, (struct sockaddr *)&ss, len))
			hold_die("connect");
		hold_say("connected");
	}
	while (fgets(order, sizeof(order), stdin))
		hold_order(fd, order);
	return 0;
}
