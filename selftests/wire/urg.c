// SPDX-License-Identifier: GPL-2.0-only
/* What rows about urgent data share. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>

#include "urg.h"

volatile int urg_signals;

static void count(int signo)
{
	(void)signo;
	urg_signals++;
}

void urg_listen(const struct conn *c)
{
	struct sigaction sa = { .sa_handler = count, .sa_flags = SA_RESTART };

	sys(sigaction(SIGURG, &sa, NULL));
	sys(fcntl(c->fd, F_SETOWN, getpid()));
	urg_signals = 0;
}

void oob_write(struct conn *c, int len)
{
	static uint8_t buf[65536];

	check(len <= (int)sizeof(buf), "%d bytes", len);
	pattern_fill(buf, c->written, len);
	check_eq(sys(send(c->fd, buf, len, MSG_OOB | MSG_NOSIGNAL)), len);
	c->written += len;
}

void oob_is_at(struct conn *c, uint64_t offset, bool peek, const char *file, int line)
{
	struct iovec iov = { .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint8_t byte;
	int n;

	iov.iov_base = &byte;
	n = recvmsg(c->fd, &m, MSG_OOB | (peek ? MSG_PEEK : 0));
	if (n != 1)
		fail_at(file, line, "MSG_OOB: %d, %s", n, strerror(errno));
	if (byte != pattern(offset))
		fail_at(file, line, "the urgent byte is not that of offset %llu",
			(unsigned long long)offset);
	if (!(m.msg_flags & MSG_OOB))
		fail_at(file, line, "recvmsg() does not say MSG_OOB");
}

void oob_none_at(struct conn *c, int err, const char *file, int line)
{
	char b;
	int n = recv(c->fd, &b, 1, MSG_OOB);

	if (n >= 0)
		fail_at(file, line, "MSG_OOB: %d, expected %s", n, strerror(err));
	if (errno != err)
		fail_at(file, line, "MSG_OOB: %s, expected %s", strerror(errno), strerror(err));
}

void read_is_at(struct conn *c, int len, const char *file, int line)
{
	static uint8_t buf[65536];
	int i, n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n != len)
		fail_at(file, line, "%d bytes read (%s), expected %d", n,
			n < 0 ? strerror(errno) : "no error", len);
	for (i = 0; i < n; i++)
		if (buf[i] != pattern(c->readn + i))
			fail_at(file, line, "byte %d of the stream is wrong", (int)c->readn + i);
	c->readn += n;
}

bool at_mark(const struct conn *c)
{
	int yes;

	sys(ioctl(c->fd, SIOCATMARK, &yes));
	return yes;
}

struct seg *urgent_at(struct conn *c, struct expect e, uint32_t up, const char *file, int line)
{
	struct seg *s = expect_(c, e, file, line);

	if (s->seq - c->iss + s->urg != up)
		fail_at(file, line, "the urgent pointer of seq %u is %u, expected %u",
			s->seq - c->iss, s->urg, up - (s->seq - c->iss));
	return s;
}
