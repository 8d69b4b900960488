// SPDX-License-Identifier: GPL-2.0-only
/* Processes and threads that share sockets. */
#define API_WITH_CROSS
#include "fixture.h"

TEST_F(api, fork_shares)
{
	int c, d, status;
	pid_t pid;
	char b[8];

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(c);
		if (recv(d, b, 3, MSG_WAITALL) != 3 || memcmp(b, "abc", 3))
			_exit(1);
		_exit(send(d, "xyz", 3, 0) == 3 ? 0 : 2);
	}
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_EQ(3, recv(c, b, 3, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(b, "xyz", 3));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* the child's end closed nothing: the parent still has it */
	EXPECT_EQ(ST_ESTABLISHED, tcp_state(c));
	EXPECT_EQ(1, send(d, "q", 1, 0));
	EXPECT_EQ(1, recv(c, b, 1, 0));
}

TEST_F(api, prefork_accept)
{
	enum { P = 4, N = 40 };
	struct addr a;
	int l = make_listener(self->s, N, &a), i, status, served = 0;
	pid_t pid[P];

	ASSERT_LE(0, l);
	for (i = 0; i < P; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		while (!pid[i]) {
			int d = accept(l, NULL, NULL);
			char b;

			if (d < 0 || recv(d, &b, 1, 0) != 1)
				_exit(1);
			if (b == 'q')
				_exit(0);
			if (send(d, &b, 1, 0) != 1)
				_exit(2);
			close(d);
		}
	}
	for (i = 0; i < N; i++) {
		int c = cli_socket(self->s, 0);
		char b = 'a' + i % 10, e;

		ASSERT_EQ(0, do_connect(c, &a));
		EXPECT_EQ(1, send(c, &b, 1, 0));
		served += recv(c, &e, 1, 0) == 1 && e == b;
		close(c);
	}
	EXPECT_EQ(N, served);
	for (i = 0; i < P; i++) {
		int c = cli_socket(self->s, 0);

		ASSERT_EQ(0, do_connect(c, &a));
		EXPECT_EQ(1, send(c, "q", 1, 0));
	}
	for (i = 0; i < P; i++) {
		EXPECT_LT(0, waitpid(-1, &status, 0));
		EXPECT_EQ(0, status);
	}
}

TEST_F(api, survives_exec)
{
	char cmd[64], b[8] = { 0 };
	int c, d, e;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	e = dup(c);		/* without FD_CLOEXEC */
	ASSERT_LE(0, e);
	snprintf(cmd, sizeof(cmd), "echo hello >&%d", e);
	EXPECT_EQ(0, system(cmd));
	EXPECT_EQ(6, recv(d, b, 6, MSG_WAITALL));
	EXPECT_STREQ("hello\n", b);
}

TEST_F(api, passed_by_unix_socket)
{
	char ctl[CMSG_SPACE(sizeof(int))] = { 0 }, b = 'x';
	struct iovec io = { &b, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	int c, d, sv[2], got;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	*cm = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(cm), &c, sizeof(int));
	EXPECT_EQ(1, sendmsg(sv[0], &m, 0));
	EXPECT_EQ(0, close(c));
	EXPECT_EQ(1, recvmsg(sv[1], &m, 0));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	EXPECT_EQ(2, send(got, "ok", 2, 0));
	EXPECT_EQ(2, recv(d, ctl, 2, MSG_WAITALL));
}

struct echo {
	const struct api_stack *s;
	const struct addr *to;
	unsigned int seed;
	bool ok;
};

static void *echo_server(void *arg)
{
	int d = (int)(long)arg;
	char buf[4096];
	ssize_t n;

	while ((n = recv(d, buf, sizeof(buf), 0)) > 0)
		if (send_all(d, buf, n) != n)
			break;
	close(d);
	return NULL;
}

static void *acceptor(void *arg)
{
	int l = *(int *)arg, d;
	pthread_t t;

	while ((d = accept(l, NULL, NULL)) >= 0) {
		pthread_create(&t, NULL, echo_server, (void *)(long)d);
		pthread_detach(t);
	}
	return NULL;
}

/* Several short connections after each other, each with its own content. */
static void *echo_client(void *arg)
{
	struct echo *e = arg;
	__u8 out[2048], in[2048];
	int round;

	e->ok = false;
	for (round = 0; round < 10; round++) {
		size_t n = 1 + rand_r(&e->seed) % sizeof(out), pos = rand_r(&e->seed);
		int c = cli_socket(e->s, 0);

		pattern_fill(out, pos, n);
		if (do_connect(c, e->to) || send_all(c, out, n) != (ssize_t)n ||
		    recv_all(c, in, n) != (ssize_t)n || memcmp(in, out, n) ||
		    shutdown(c, SHUT_WR) || recv(c, in, 1, 0))
			return NULL;
		close(c);
	}
	e->ok = true;
	return NULL;
}

TEST_F(api, threads_echo)
{
	enum { T = 12 };
	struct echo e[T];
	struct addr a;
	int l = make_listener(self->s, 64, &a), i;
	pthread_t t[T], acc;

	ASSERT_LE(0, l);
	ASSERT_EQ(0, pthread_create(&acc, NULL, acceptor, &l));
	for (i = 0; i < T; i++) {
		e[i] = (struct echo){ .s = self->s, .to = &a, .seed = i };
		ASSERT_EQ(0, pthread_create(&t[i], NULL, echo_client, &e[i]));
	}
	for (i = 0; i < T; i++) {
		pthread_join(t[i], NULL);
		EXPECT_TRUE(e[i].ok);
	}
	EXPECT_EQ(0, shutdown(l, SHUT_RD));
	pthread_join(acc, NULL);
}

struct crowd {
	int fd;
	long bytes;
	unsigned long sum;
};

static void *crowd_reader(void *arg)
{
	struct crowd *r = arg;
	__u8 buf[333];
	ssize_t n, i;

	while ((n = recv(r->fd, buf, sizeof(buf), 0)) > 0) {
		r->bytes += n;
		for (i = 0; i < n; i++)
			r->sum += buf[i];
	}
	return NULL;
}

/* Four readers of one socket: each byte goes to exactly one of them. */
TEST_F(api, threads_share_a_reader)
{
	enum { T = 4, LEN = 200000 };
	struct crowd r[T] = { 0 };
	__u8 *buf = malloc(LEN);
	unsigned long want = 0, sum = 0;
	long bytes = 0;
	pthread_t t[T];
	int c, d, i;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	pattern_fill(buf, 0, LEN);
	for (i = 0; i < LEN; i++)
		want += buf[i];
	for (i = 0; i < T; i++) {
		r[i].fd = d;
		ASSERT_EQ(0, pthread_create(&t[i], NULL, crowd_reader, &r[i]));
	}
	EXPECT_EQ(LEN, send_all(c, buf, LEN));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	for (i = 0; i < T; i++) {
		pthread_join(t[i], NULL);
		bytes += r[i].bytes;
		sum += r[i].sum;
	}
	EXPECT_EQ(LEN, bytes);
	EXPECT_EQ(want, sum);
}

static void *blocked_reader(void *arg)
{
	char b;

	return (void *)sys(recv(*(int *)arg, &b, 1, 0));
}

TEST_F(api, reset_wakes_every_reader)
{
	enum { T = 3 };
	pthread_t t[T];
	void *ret;
	long resets = 0, ends = 0;
	int c, d, i;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	for (i = 0; i < T; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, blocked_reader, &d));
	EXPECT_EQ(0, reset_peer(c));
	for (i = 0; i < T; i++) {
		pthread_join(t[i], &ret);
		resets += (long)ret == -ECONNRESET;
		ends += (long)ret == 0;
	}
	/* one of them gets the error, the others the end */
	EXPECT_EQ(1, resets);
	EXPECT_EQ(T - 1, ends);
}
