// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LD_PRELOAD library behind scripts/xtcp-run: the TCP sockets of an
 * unmodified dynamic program become XTCP sockets.
 *
 * A socket is changed where it is made, in socket(). Nothing is remembered about
 * it afterwards: whether a descriptor is ours is asked of the kernel
 * (SO_PROTOCOL), so threads, fork(), exec(), dup() and descriptors that come
 * from elsewhere need no care, and there is no state to protect.
 *
 * Environment:
 *   XTCP_RUN_FAMILY=1     make sockets of family AF_XTCP instead of the program's
 *                         own family with protocol IPPROTO_XTCP
 *   XTCP_RUN_ONLY=RULES   only these become XTCP: "connect", "listen",
 *                         "connect:80,443", "listen:8080"; several with ';'
 *   XTCP_RUN_FALLBACK=1   the kernel's TCP where XTCP can't be had
 *   XTCP_RUN_LOG=1        say on standard error what is changed
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define AF_XTCP		22
#define IPPROTO_XTCP	253

typedef int (*socket_fn)(int, int, int);
typedef int (*bind_fn)(int, const struct sockaddr *, socklen_t);
typedef int (*listen_fn)(int, int);
typedef int (*getsockopt_fn)(int, int, int, void *, socklen_t *);

/* The C library's own call behind ours; looking it up twice gives the same. */
static void *xtcp_run_next(void **slot, const char *name)
{
	void *fn = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

	if (!fn) {
		fn = dlsym(RTLD_NEXT, name);
		if (!fn)
			abort();
		__atomic_store_n(slot, fn, __ATOMIC_RELEASE);
	}
	return fn;
}

static void *next_socket, *next_bind, *next_connect, *next_listen, *next_getsockopt;

#define NEXT(call, type) ((type)xtcp_run_next(&next_##call, #call))

/* Resolved before main(), so that no call needs dlsym() in a signal handler. */
__attribute__((constructor)) static void xtcp_run_resolve(void)
{
	xtcp_run_next(&next_socket, "socket");
	xtcp_run_next(&next_bind, "bind");
	xtcp_run_next(&next_connect, "connect");
	xtcp_run_next(&next_listen, "listen");
	xtcp_run_next(&next_getsockopt, "getsockopt");
}

static bool xtcp_run_flag(const char *name)
{
	const char *val = getenv(name);

	return val && *val && strcmp(val, "0");
}

/* One write() of a line of its own; errno stays what it was. */
static void xtcp_run_log(const char *fmt, ...)
{
	int saved = errno, len;
	char line[160];
	va_list ap;

	if (!xtcp_run_flag("XTCP_RUN_LOG"))
		return;
	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (len > 0 && write(STDERR_FILENO, line, len < (int)sizeof(line) ? len : 159) < 0)
		len = 0;
	errno = saved;
}

/* Whether @port is in the list "80,443" that ends at ';' or the end. */
static bool xtcp_run_port_listed(const char *list, unsigned int port)
{
	while (*list && *list != ';') {
		char *end;
		unsigned long p = strtoul(list, &end, 10);

		if (end == list)
			return false;
		if (p == port)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

/* Whether XTCP_RUN_ONLY lets @verb ("connect" or "listen") on @port be XTCP. */
static bool xtcp_run_wanted(const char *verb, unsigned int port)
{
	const char *rule = getenv("XTCP_RUN_ONLY");
	size_t len = strlen(verb);

	if (!rule || !*rule)
		return true;
	while (rule && *rule) {
		if (!strncmp(rule, verb, len)) {
			if (!rule[len] || rule[len] == ';')
				return true;
			if (rule[len] == ':' && xtcp_run_port_listed(rule + len + 1, port))
				return true;
		}
		rule = strchr(rule, ';');
		if (rule)
			rule++;
	}
	return false;
}

static bool xtcp_run_is_tcp(int domain, int type, int protocol)
{
	return (domain == AF_INET || domain == AF_INET6) &&
	       (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
	       (!protocol || protocol == IPPROTO_TCP);
}

int socket(int domain, int type, int protocol)
{
	socket_fn next = NEXT(socket, socket_fn);
	int fd;

	if (!xtcp_run_is_tcp(domain, type, protocol))
		return next(domain, type, protocol);
	fd = next(xtcp_run_flag("XTCP_RUN_FAMILY") ? AF_XTCP : domain, type, IPPROTO_XTCP);
	if (fd < 0 && xtcp_run_flag("XTCP_RUN_FALLBACK"))
		fd = next(domain, type, protocol);
	xtcp_run_log("xtcp-run: socket(%s) = %d\n", domain == AF_INET ? "inet" : "inet6", fd);
	return fd;
}

static int xtcp_run_get(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int val;

	return NEXT(getsockopt, getsockopt_fn)(fd, level, name, &val, &len) ? -1 : val;
}

static bool xtcp_run_is_ours(int fd)
{
	int saved = errno;
	bool ours = xtcp_run_get(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_XTCP;

	errno = saved;
	return ours;
}

/* A program that asks what it has is told what it asked for. */
int getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	int ret = NEXT(getsockopt, getsockopt_fn)(fd, level, name, val, len);
	int protocol;

	if (ret || level != SOL_SOCKET || name != SO_PROTOCOL || *len != sizeof(int))
		return ret;
	memcpy(&protocol, val, sizeof(int));
	if (protocol == IPPROTO_XTCP) {
		protocol = IPPROTO_TCP;
		memcpy(val, &protocol, sizeof(int));
	}
	return 0;
}

/* What a program may have set on a socket before the rules turn it back into TCP. */
static const struct {
	int level;
	int name;
} xtcp_run_options[] = {
	{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_REUSEPORT },
	{ SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_PRIORITY }, { SOL_SOCKET, SO_MARK },
	{ SOL_SOCKET, SO_RCVTIMEO }, { SOL_SOCKET, SO_SNDTIMEO },
	{ SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_BINDTODEVICE },
	{ SOL_SOCKET, SO_RCVLOWAT }, { SOL_IP, IP_TOS }, { SOL_IP, IP_TTL },
	{ SOL_IP, IP_FREEBIND }, { SOL_IP, IP_BIND_ADDRESS_NO_PORT },
	{ SOL_IPV6, IPV6_V6ONLY }, { SOL_IPV6, IPV6_TCLASS },
	{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_CORK },
	{ IPPROTO_TCP, TCP_KEEPIDLE }, { IPPROTO_TCP, TCP_KEEPINTVL },
	{ IPPROTO_TCP, TCP_KEEPCNT }, { IPPROTO_TCP, TCP_SYNCNT },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT }, { IPPROTO_TCP, TCP_DEFER_ACCEPT },
};

static void xtcp_run_copy_options(int from, int to)
{
	unsigned int i;

	for (i = 0; i < sizeof(xtcp_run_options) / sizeof(xtcp_run_options[0]); i++) {
		int level = xtcp_run_options[i].level, name = xtcp_run_options[i].name;
		char val[64], now[64];
		socklen_t len = sizeof(val), nlen = sizeof(now);
		getsockopt_fn get = NEXT(getsockopt, getsockopt_fn);

		if (get(from, level, name, val, &len) || get(to, level, name, now, &nlen))
			continue;
		if (len != nlen || memcmp(val, now, len))
			setsockopt(to, level, name, val, len);
	}
}

/* Puts a socket of the kernel's TCP in the place of @fd, which is still fresh. */
static void xtcp_run_back_to_tcp(int fd, int domain)
{
	int saved = errno, flags = fcntl(fd, F_GETFL), fdflags = fcntl(fd, F_GETFD);
	int tcp = NEXT(socket, socket_fn)(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (tcp >= 0 && flags >= 0) {
		xtcp_run_copy_options(fd, tcp);
		fcntl(tcp, F_SETFL, flags & (O_NONBLOCK | O_ASYNC));
		dup3(tcp, fd, fdflags & FD_CLOEXEC ? O_CLOEXEC : 0);
		xtcp_run_log("xtcp-run: %d stays with the kernel's TCP\n", fd);
	}
	if (tcp >= 0)
		close(tcp);
	errno = saved;
}

/* Applies XTCP_RUN_ONLY at the first call that tells what the socket is for. */
static void xtcp_run_decide(int fd, const char *verb, const struct sockaddr *sa, socklen_t len)
{
	unsigned int port;

	if (!getenv("XTCP_RUN_ONLY") || !sa || len < sizeof(struct sockaddr_in))
		return;
	if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6)
		return;
	/* the port lies at the same place in both */
	port = ntohs(((const struct sockaddr_in *)sa)->sin_port);
	if (*verb == 'l' && !port)
		return;
	if (!xtcp_run_wanted(verb, port) && xtcp_run_is_ours(fd))
		xtcp_run_back_to_tcp(fd, sa->sa_family);
}

/* Whether @fd has a local port already: then it can't be exchanged any more. */
static bool xtcp_run_is_bound(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return getsockname(fd, (struct sockaddr *)&ss, &len) ||
	       ((struct sockaddr_in *)&ss)->sin_port;
}

int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	xtcp_run_decide(fd, "listen", sa, len);
	return NEXT(bind, bind_fn)(fd, sa, len);
}

int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	if (getenv("XTCP_RUN_ONLY") && !xtcp_run_is_bound(fd))
		xtcp_run_decide(fd, "connect", sa, len);
	return NEXT(connect, bind_fn)(fd, sa, len);
}

int listen(int fd, int backlog)
{
	if (getenv("XTCP_RUN_ONLY") && xtcp_run_is_ours(fd) && !xtcp_run_is_bound(fd) &&
	    !xtcp_run_wanted("listen", 0))
		xtcp_run_back_to_tcp(fd, xtcp_run_get(fd, SOL_SOCKET, SO_DOMAIN));
	return NEXT(listen, listen_fn)(fd, backlog);
}
