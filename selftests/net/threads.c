// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program with threads for xtcp-run, which it knows nothing of but how to ask what it got.
 *
 *	threads ADDRESS WORKERS ROUNDS [mixed]
 *		each worker makes ROUNDS connections to this program's own servers, at
 *		ports 9000 and 9001 of ADDRESS, while one thread changes the environment
 *		without pause and one makes children, by fork(), fork() and exec(), and
 *		posix_spawn(), each of which makes a connection, too
 *	threads child ADDRESS PORT xtcp|tcp
 *		such a child
 *
 * All sockets must be XTCP's; with "mixed" those of port 9001 the kernel's TCP's. Says how many
 * connections there were of either; exit status 0, or 1 with a reason.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT		9000
#define PORTS		2
#define SOL_XTCP	253
#define WIRE_PROTOCOL	1
#define MOST		3000
#define NAMES		64

static struct {
	const char *address;
	int rounds;
	bool mixed;
	bool over;
	char **env;		/* as it was when the program began */
	int count[PORTS];	/* of connections that went well */
} test;

/* Without stdio's locks: a child of fork() may have a copy of one that is held. */
static _Noreturn void die(const char *fmt, ...)
{
	char text[200];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	text[len++] = '\n';
	if (write(STDERR_FILENO, text, len) < 0)
		len = 0;
	_exit(1);
}

static bool is_xtcp(int fd)
{
	socklen_t len = sizeof(int);
	int wire = 0;

	return !getsockopt(fd, SOL_XTCP, WIRE_PROTOCOL, &wire, &len) && wire == IPPROTO_TCP;
}

static void check_stack(const char *what, int fd, bool xtcp)
{
	if (is_xtcp(fd) != xtcp)
		die("%s is %s", what, xtcp ? "not XTCP's" : "XTCP's");
}

static bool wants_xtcp(int port)
{
	return !test.mixed || port == PORT;
}

static socklen_t fill_address(struct sockaddr_storage *ss, int port)
{
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_in *in = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, test.address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, test.address, &in6->sin6_addr) != 1)
		die("no address: %s", test.address);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

/* The descriptor is never the one that socket() gave: that one is somebody else's by then. */
static int open_socket(int family)
{
	int fd, made = socket(family, SOCK_STREAM, 0);

	if (made < 0)
		die("socket: %s", strerror(errno));
	check_stack("a new socket", made, true);
	fd = dup(made);
	close(made);
	if (fd < 0)
		die("dup: %s", strerror(errno));
	return fd;
}

static void exchange(int fd, unsigned int seed)
{
	unsigned char out[MOST], in[MOST];
	size_t i, n, len = 1 + seed % MOST;
	ssize_t got;

	for (i = 0; i < len; i++)
		out[i] = seed + i;
	if (send(fd, out, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send: %s", strerror(errno));
	for (n = 0; n < len; n += got) {
		got = recv(fd, in + n, len - n, 0);
		if (got <= 0)
			die("recv after %zu of %zu: %s", n, len, got ? strerror(errno) : "end");
	}
	if (memcmp(in, out, len))
		die("other bytes came back");
}

static void talk(int port, unsigned int seed)
{
	struct sockaddr_storage ss;
	socklen_t len = fill_address(&ss, port);
	int fd = open_socket(ss.ss_family);

	if (connect(fd, (struct sockaddr *)&ss, len))
		die("connect: %s", strerror(errno));
	check_stack("a connected socket", fd, wants_xtcp(port));
	exchange(fd, seed);
	/* close() alone would wait for children that have a copy, and those for a server */
	if (shutdown(fd, SHUT_WR))
		die("shutdown: %s", strerror(errno));
	if (close(fd))
		die("close: %s", strerror(errno));
}

static void talked(int port)
{
	__atomic_fetch_add(&test.count[port - PORT], 1, __ATOMIC_RELAXED);
}

static void *work(void *arg)
{
	unsigned int i, id = (unsigned long)arg;

	for (i = 0; i < (unsigned int)test.rounds; i++) {
		int port = PORT + (i + id) % PORTS;

		talk(port, i * 2654435761u + id);
		talked(port);
	}
	return NULL;
}

/* ---- the servers: what comes goes back ---- */

struct server {
	int fd;
	int port;
};

static void *serve(void *arg)
{
	const struct server *server = arg;
	char buf[MOST];
	ssize_t n;
	int fd;

	for (;;) {
		fd = accept(server->fd, NULL, NULL);
		if (fd < 0)
			die("accept: %s", strerror(errno));
		check_stack("an accepted socket", fd, wants_xtcp(server->port));
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
			if (send(fd, buf, n, MSG_NOSIGNAL) != n)
				die("the server's send: %s", strerror(errno));
		if (n)
			die("the server's recv: %s", strerror(errno));
		close(fd);
	}
	return NULL;
}

static void start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	int err = pthread_create(thread, NULL, fn, arg);

	if (err)
		die("pthread_create: %s", strerror(err));
}

static void start_servers(void)
{
	static struct server servers[PORTS];
	int i, j, one = 1;

	for (i = 0; i < PORTS; i++) {
		struct server *server = &servers[i];
		struct sockaddr_storage ss;
		socklen_t len;
		pthread_t thread;

		server->port = PORT + i;
		len = fill_address(&ss, server->port);
		server->fd = open_socket(ss.ss_family);
		setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(server->fd, (struct sockaddr *)&ss, len) || listen(server->fd, 64))
			die("port %d: %s", server->port, strerror(errno));
		check_stack("a listener", server->fd, wants_xtcp(server->port));
		for (j = 0; j < 3; j++) {
			start(&thread, serve, server);
			pthread_detach(thread);
		}
	}
}

/* ---- the environment ---- */

/* What it says to xtcp-run is of no account here: that was asked at the start. */
static void *change_environment(void *arg)
{
	static char put[2][40] = { "XTCP_RUN_FAMILY=1", "XTCP_RUN_FAMILY=2" };
	char name[20];
	unsigned int i;

	for (i = 0; !__atomic_load_n(&test.over, __ATOMIC_RELAXED); i++) {
		/* a new name, now and then, moves the whole table */
		snprintf(name, sizeof(name), "THREADS_%u", i % NAMES);
		setenv(name, put[0], 1);
		setenv("XTCP_RUN_ONLY", i % 2 ? "connect:1" : "listen:2;connect:1", 1);
		putenv(put[i % 2]);
		if (i % NAMES == 0) {
			unsetenv("XTCP_RUN_ONLY");
			clearenv();
		}
	}
	return arg;
}

/* ---- children ---- */

/* This program's sockets all outlive exec(): one that does not was in the making as fork() came. */
static void check_inherited(void)
{
	int fd, flags, type;
	socklen_t len;

	for (fd = 0; fd < 200; fd++) {
		len = sizeof(type);
		flags = fcntl(fd, F_GETFD);
		if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
			continue;
		if (flags & FD_CLOEXEC)
			die("the child has a socket %d that its parent does not know", fd);
	}
}

static pid_t make_child(int how, char **argv, int port)
{
	pid_t pid;
	int err;

	if (how == 2) {
		err = posix_spawn(&pid, argv[0], NULL, NULL, argv, test.env);
		if (err)
			die("posix_spawn: %s", strerror(err));
		return pid;
	}
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	if (how == 1) {
		execve(argv[0], argv, test.env);
		die("exec: %s", strerror(errno));
	}
	check_inherited();
	talk(port, port);
	_exit(0);
}

static void *make_children(void *arg)
{
	char address[INET6_ADDRSTRLEN], port[8];
	char *argv[6] = { "/proc/self/exe", "child", address, port };
	int i, status;
	pid_t pid;

	snprintf(address, sizeof(address), "%s", test.address);
	for (i = 0; i < test.rounds; i++) {
		int to = PORT + i / 3 % PORTS;

		snprintf(port, sizeof(port), "%d", to);
		argv[4] = wants_xtcp(to) ? "xtcp" : "tcp";
		pid = make_child(i % 3, argv, to);
		if (waitpid(pid, &status, 0) != pid || status)
			die("child %d of port %d: status %#x", i % 3, to, status);
		talked(to);
	}
	return arg;
}

static int be_child(char **argv)
{
	int port = atoi(argv[3]);

	test.address = argv[2];
	test.mixed = !strcmp(argv[4], "tcp");
	talk(port, port);
	return 0;
}

static void run(int workers)
{
	pthread_t worker[workers], env, children;
	int i;

	start(&env, change_environment, NULL);
	start(&children, make_children, NULL);
	for (i = 0; i < workers; i++)
		start(&worker[i], work, (void *)(unsigned long)i);
	for (i = 0; i < workers; i++)
		pthread_join(worker[i], NULL);
	pthread_join(children, NULL);
	__atomic_store_n(&test.over, true, __ATOMIC_RELAXED);
	pthread_join(env, NULL);
}

int main(int argc, char **argv)
{
	size_t n = 0;
	int xtcp;

	/* this is a bound for exec()'s children, too */
	signal(SIGALRM, SIG_DFL);
	alarm(300);
	if (argc == 5 && !strcmp(argv[1], "child"))
		return be_child(argv);
	if (argc < 4)
		die("usage: threads ADDRESS WORKERS ROUNDS [mixed]");
	test.address = argv[1];
	test.rounds = atoi(argv[3]);
	test.mixed = argc > 4;
	/* setenv() moves the table, and leaves the strings of the start alone */
	while (environ[n++])
		;
	test.env = malloc(n * sizeof(*environ));
	if (!test.env)
		die("no memory");
	memcpy(test.env, environ, n * sizeof(*environ));
	start_servers();
	run(atoi(argv[2]));
	xtcp = test.count[0] + (test.mixed ? 0 : test.count[1]);
	printf("%d %d\n", xtcp, test.count[0] + test.count[1] - xtcp);
	fflush(stdout);
	_exit(0);
}
