// SPDX-License-Identifier: GPL-2.0-only
/* Sockets of the stack under test. */
#define _GNU_SOURCE
#include "wire.h"

const void *addr_local(void)
{
	static uint8_t a[16];

	inet_pton(w.family, is_v6() ? "2001:db8::1" : "192.0.2.1", a);
	return a;
}

const void *addr_peer(void)
{
	static uint8_t a[16];

	inet_pton(w.family, is_v6() ? "2001:db8::2" : "192.0.2.2", a);
	return a;
}

int addr_fill(struct sockaddr_storage *ss, const void *addr, uint16_t port)
{
	struct sockaddr_in6 *s6 = (void *)ss;
	struct sockaddr_in *s4 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (is_v6()) {
		s6->sin6_family = AF_INET6;
		s6->sin6_port = htons(port);
		if (addr)
			memcpy(&s6->sin6_addr, addr, 16);
		return sizeof(*s6);
	}
	s4->sin_family = AF_INET;
	s4->sin_port = htons(port);
	if (addr)
		memcpy(&s4->sin_addr, addr, 4);
	return sizeof(*s4);
}

int stack_socket(void)
{
	int domain = w.stack == STACK_XTCP ? AF_XTCP : w.family;
	int proto = w.stack == STACK_ALIAS ? IPPROTO_XTCP : 0;
	int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			proto);

	if (fd < 0)
		fail("socket(%d, SOCK_STREAM, %d): %s", domain, proto,
		     strerror(errno));
	if (is_xtcp() && w.proto != IPPROTO_TCP)
		set_int(fd, SOL_XTCP, XTCP_WIRE_PROTOCOL, w.proto);
	return fd;
}

int stack_socket_bound(uint16_t port)
{
	struct sockaddr_storage ss;
	int fd = stack_socket();
	int len = addr_fill(&ss, NULL, port);

	sys(bind(fd, (void *)&ss, len));
	return fd;
}

void set_int(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		fail("setsockopt(%d, %d, %d): %s", level, name, value,
		     strerror(errno));
}

int get_int(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = 0;

	if (getsockopt(fd, level, name, &v, &len) < 0)
		fail("getsockopt(%d, %d): %s", level, name, strerror(errno));
	return v;
}

int so_error(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_ERROR);
}

int tcpi_state(int fd)
{
	struct tcp_info ti = { 0 };
	socklen_t len = sizeof(ti);

	sys(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len));
	return ti.tcpi_state;
}

bool constructing;

/* By what can be seen from outside; TCP_CLOSE when nothing is left. */
int state_of(const struct conn *c)
{
	int state, info;

	if (!proc_state(c, &state))
		state = TCP_CLOSE;
	if (state == TCP_NEW_SYN_RECV)
		state = TCP_SYN_RECV;
	if (c->fd < 0 || (state == TCP_TIME_WAIT || state == TCP_SYN_RECV))
		return state;
	info = tcpi_state(c->fd);
	check(info == state, "TCP_INFO says %s, /proc/net says %s",
	      state_name(info), state_name(state));
	return state;
}

void state_is_at(const struct conn *c, int state, const char *file, int line)
{
	int s;

	if (constructing)
		return;
	s = state_of(c);
	if (s != state)
		fail_at(file, line, "the state is %s, expected %s",
			state_name(s), state_name(state));
}

/* Nothing of the connection is left. */
void gone_at(const struct conn *c, const char *file, int line)
{
	state_is_at(c, TCP_CLOSE, file, line);
}

void write_stream(struct conn *c, int len)
{
	static uint8_t buf[65536];
	int n, done = 0;

	while (done < len) {
		n = len - done > 65536 ? 65536 : len - done;
		pattern_fill(buf, c->written, n);
		n = send(c->fd, buf, n, MSG_NOSIGNAL);
		if (n < 0)
			fail("send: %s", strerror(errno));
		c->written += n;
		done += n;
	}
}

void read_stream(struct conn *c, int len)
{
	static uint8_t buf[65536];
	int i, n, done = 0;

	while (done < len) {
		if (!wait_fd(c->fd, POLLIN, 10000))
			fail("only %d of %d bytes became readable", done, len);
		n = len - done > 65536 ? 65536 : len - done;
		n = sys(recv(c->fd, buf, n, MSG_DONTWAIT));
		check(n, "end of stream after %d of %d bytes", done, len);
		for (i = 0; i < n; i++)
			check(buf[i] == pattern(c->readn + i),
			      "byte %d of the stream is wrong",
			      (int)c->readn + i);
		c->readn += n;
		done += n;
	}
}

void read_eof(struct conn *c)
{
	char b;

	check(wait_fd(c->fd, POLLIN, 10000), "the end is not readable");
	check_eq(sys(recv(c->fd, &b, 1, MSG_DONTWAIT)), 0);
}

int poll_now(int fd)
{
	struct pollfd p = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP,
	};

	sys(poll(&p, 1, 0));
	return p.revents;
}

void poll_is_at(int fd, int events, const char *file, int line)
{
	int ev = poll_now(fd);

	if (ev != events)
		fail_at(file, line, "poll says %#x, expected %#x", ev, events);
}
