// SPDX-License-Identifier: GPL-2.0-only
/*
 * What servers and clients do with a connection, and how they end it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smp.h"

/* What went wrong is something that a broken connection may say. */
bool smp_fair(void)
{
	return errno == ECONNRESET || errno == EPIPE || errno == ECONNREFUSED ||
	       errno == ETIMEDOUT || errno == ECONNABORTED || errno == ENOTCONN;
}

/* Ends a connection in one way or another. */
void smp_end(int fd)
{
	switch (smp_random(4)) {
	case 0:
		shutdown(fd, SHUT_RDWR);
		close(fd);
		break;
	case 1:
		smp_abort(fd);
		break;
	default:
		close(fd);
	}
}

/* Sends back what comes; sometimes loses patience. */
void smp_serve(int fd)
{
	int rounds = (int)smp_random(20);
	char buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (send(fd, buf, n, MSG_NOSIGNAL) < 0)
			break;
		if (!--rounds)
			break;
	}
	if (n < 0 && !smp_fair())
		smp_fail("serving: recv");
	smp_end(fd);
}

static bool echo_once(int fd, size_t len)
{
	char out[4096], in[4096];
	size_t got = 0;

	errno = 0;
	memset(out, (int)smp_random(256), len);
	if (send(fd, out, len, MSG_NOSIGNAL) != (ssize_t)len)
		return false;
	while (got < len) {
		ssize_t n = recv(fd, in + got, len - got, 0);

		if (n <= 0)
			return false;
		got += n;
	}
	if (memcmp(in, out, len))
		smp_fail("the echo differs");
	return true;
}

/* Returns how many echoes came back; did it break before all had? */
unsigned int smp_ask(int fd, bool *broken)
{
	unsigned int i, rounds = 1 + smp_random(10);

	*broken = false;
	for (i = 0; i < rounds; i++) {
		if (echo_once(fd, 1 + smp_random(4096)))
			continue;
		if (errno && !smp_fair())
			smp_fail("asking");
		*broken = true;
		break;
	}
	return i;
}
