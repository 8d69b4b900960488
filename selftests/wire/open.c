// SPDX-License-Identifier: GPL-2.0-only
/* MUST-41-46, 57, 63: who may open what, and from where. */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "open"

static const char *second_addr(void)
{
	const char *a = is_v6() ? "2001:db8::9" : "192.0.2.9";
	uint64_t deadline = now_ns() + 20 * SEC;
	struct sockaddr_storage ss;
	uint8_t addr[16];
	int fd, len;

	net_add_addr(w.family, a, is_v6() ? 64 : 24);
	inet_pton(w.family, a, addr);
	len = addr_fill(&ss, addr, 0);
	fd = sys(socket(w.family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	while (bind(fd, (void *)&ss, len) < 0) {
		check(now_ns() < deadline, "%s is not usable", a);
		poll(NULL, 0, 1);
	}
	close(fd);
	return a;
}

static void set_local(struct conn *c, const char *a)
{
	inet_pton(w.family, a, c->laddr);
}

static struct conn *listen_on(const char *a, uint16_t port)
{
	struct conn *c = conn_new();
	struct sockaddr_storage ss;
	int len;

	c->lport = port;
	if (a)
		set_local(c, a);
	c->lfd = stack_socket();
	len = addr_fill(&ss, a ? c->laddr : NULL, port);
	sys(bind(c->lfd, (void *)&ss, len));
	sys(listen(c->lfd, 10));
	return c;
}

/* MUST-41: a passive open leaves every older record alone. */
static void passive_disturbs_nothing(void)
{
	struct conn *a = in_established(), *b, *d;

	close(a->lfd);
	b = in_listen(.lport = a->lport);
	d = listener_peer(b);
	peer_syn(d, HOW());
	expect(d, SYN | ACK, 0, 1);
	inject(d, ACK, 1, 1);
	do_accept(d);
	inject(a, ACK, 1, 1, .len = 100);
	expect(a, ACK, 1, 101);
	read_stream(a, 100);
	state_is(a, TCP_ESTABLISHED);
	state_is(d, TCP_ESTABLISHED);
	close(b->lfd);
	inject(a, ACK, 101, 1, .len = 100);
	expect(a, ACK, 1, 201);
}

/* MUST-42: one port, several listeners, each with an address of its own. */
static void two_listeners(void)
{
	const char *a2 = second_addr();
	struct conn *a = listen_on(is_v6() ? "2001:db8::1" : "192.0.2.1", 8080);
	struct conn *b = listen_on(a2, 8080);

	peer_syn(b, HOW());
	expect(b, SYN | ACK, 0, 1);
	inject(b, ACK, 1, 1);
	check(!wait_fd(a->lfd, POLLIN, 0), "the wrong listener has it");
	do_accept(b);
	peer_syn(a, HOW());
	expect(a, SYN | ACK, 0, 1);
	inject(a, ACK, 1, 1);
	check(!wait_fd(b->lfd, POLLIN, 0), "the wrong listener has it");
	do_accept(a);
}

/* MUST-42: one without an address cannot be beside it, and other addresses are nobody's. */
static void exact_first(void)
{
	const char *a2 = second_addr();
	struct conn *b = listen_on(a2, 8080);
	struct conn *n;
	struct sockaddr_storage ss;
	int fd = stack_socket(), len;

	len = addr_fill(&ss, NULL, 8080);
	sys_err(bind(fd, (void *)&ss, len), EADDRINUSE);
	close(fd);
	n = listener_peer(b);
	n->pport++;
	peer_syn(n, HOW());	/* to the first address: nobody */
	n->iss = 0;
	expect(n, RST | ACK, 0, 1, .any = ANY_SEQ);
}

static struct conn *connect_from(const char *a)
{
	struct conn *c = conn_new();
	struct sockaddr_storage ss;
	socklen_t slen = sizeof(ss);
	void *got;
	int len;

	c->fd = stack_socket();
	if (a) {
		set_local(c, a);
		len = addr_fill(&ss, c->laddr, 0);
		sys(bind(c->fd, (void *)&ss, len));
	}
	len = addr_fill(&ss, addr_peer(), c->pport);
	sys_err(connect(c->fd, (void *)&ss, len), EINPROGRESS);
	sys(getsockname(c->fd, (void *)&ss, &slen));
	c->lport = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	got = is_v6() ? (void *)&((struct sockaddr_in6 *)&ss)->sin6_addr :
			(void *)&((struct sockaddr_in *)&ss)->sin_addr;
	check(!a || !memcmp(got, c->laddr, is_v6() ? 16 : 4),
	      "getsockname() names another address");
	memcpy(c->laddr, got, is_v6() ? 16 : 4);
	return c;
}

/* MUST-43, MUST-45: expect() compares the addresses of every segment. */
static void local_chosen(void)
{
	struct conn *c = connect_from(second_addr());

	expect(c, SYN, 0, 0);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	write_stream(c, 10);
	expect(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 1, .len = 10);	/* its retransmission too */
	inject(c, RST, 1, 0);
}

/* MUST-44. */
static void local_asked_of_ip(void)
{
	struct conn *c;

	second_addr();
	c = connect_from(NULL);
	expect(c, SYN, 0, 0);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
}

/* MUST-45: the address a SYN came for is the one that answers. */
static void local_kept(void)
{
	const char *a2 = second_addr();
	struct conn *l = in_listen(), *c = listener_peer(l);

	set_local(c, a2);
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	do_accept(c);
	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11);
	inject(c, FIN | ACK, 11, 1);
	expect(c, ACK, 1, 12);
}

/* MUST-46: an OPEN to broadcast or multicast is an error, and no SYN. */
static void open_to_many(void)
{
	static const char *const v4[] = { "192.0.2.255", "224.0.0.1",
					  "255.255.255.255", NULL };
	static const char *const v6[] = { "ff02::1", "ff0e::1234", NULL };
	const char *const *a = is_v6() ? v6 : v4;
	struct sockaddr_storage ss;
	uint8_t addr[16];
	int fd, len, r;

	for (; *a; a++) {
		fd = stack_socket();
		inet_pton(w.family, *a, addr);
		len = addr_fill(&ss, addr, 80);
		if (is_v6())
			((struct sockaddr_in6 *)&ss)->sin6_scope_id = 2;
		r = connect(fd, (void *)&ss, len);
		check(r < 0, "connect() to %s succeeded", *a);
		check(errno == ENETUNREACH || errno == EACCES ||
		      errno == EADDRNOTAVAIL || errno == EHOSTUNREACH,
		      "connect() to %s: %s", *a, strerror(errno));
		quiet(NULL);
		close(fd);
	}
}

/* MUST-57: silence, whether somebody listens or not. */
static void syn_to_many(void)
{
	static const char *const v4[] = { "192.0.2.255", "224.0.0.1",
					  "255.255.255.255", "192.0.2.0", NULL };
	static const char *const v6[] = { "ff02::1", NULL };
	const char *const *a = is_v6() ? v6 : v4;
	struct conn *l = in_listen(), *c;
	uint8_t addr[16];
	int i;

	for (; *a; a++) {
		inet_pton(w.family, *a, addr);
		for (i = 0; i < 2; i++) {
			c = listener_peer(l);
			inject(c, SYN, 0, 0, .mss = 1460, .dst = addr,
			       .dport = i ? 1999 : l->lport);
			quiet(NULL);
		}
	}
	check(!wait_fd(l->lfd, POLLIN, 0), "something to accept");
}

/* MUST-63: nobody can have sent that. */
static void impossible_source(void)
{
	/* The kernel's TCP does answer the last, unless rp_filter stops it. */
	static const char *const v4[] = { "224.0.0.5", "255.255.255.255",
		"0.0.0.0", "127.0.0.1", "192.0.2.1", "240.0.0.1",
		"192.0.2.255", NULL };
	static const char *const v6[] = { "ff02::5", "::", "::1", NULL };
	const char *const *a = is_v6() ? v6 : v4;
	struct conn *l = in_listen(), *c;
	uint8_t addr[16];

	for (; *a; a++) {
		if (!is_xtcp() && !is_v6() && !a[1])
			break;
		inet_pton(w.family, *a, addr);
		c = listener_peer(l);
		inject(c, SYN, 0, 0, .mss = 1460, .src = addr);
		quiet(NULL);
	}
	check(!wait_fd(l->lfd, POLLIN, 0), "something to accept");
	c = listener_peer(l);
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
}

/* RFC 4291 2.5.5.2, RFC 3493: one IPv6 socket, IPv4 on the wire. */
static int ipv6_socket(void)
{
	int fd;

	w.family = AF_INET6;
	fd = stack_socket();
	w.family = AF_INET;
	return fd;
}

static void dual_stack_listener(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 }, peer;
	struct conn *c = conn_new();
	socklen_t len = sizeof(peer);

	any.sin6_port = htons(c->lport);
	c->lfd = ipv6_socket();
	set_int(c->lfd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	sys(bind(c->lfd, (void *)&any, sizeof(any)));
	sys(listen(c->lfd, 5));
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	do_accept(c);
	sys(getpeername(c->fd, (void *)&peer, &len));
	check_eq(peer.sin6_family, AF_INET6);
	check(IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr), "not a mapped address");
	check_eq(ntohs(peer.sin6_port), c->pport);
	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 101);
	read_stream(c, 100);
	write_stream(c, 100);
	expect(c, ACK, 1, 101, .len = 100);
	inject(c, FIN | ACK, 101, 101);
	expect(c, ACK, 101, 102);
}

static void dual_stack_connect(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	struct conn *c = conn_new();
	socklen_t len = sizeof(to);

	c->fd = ipv6_socket();
	set_int(c->fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	inet_pton(AF_INET6, "::ffff:192.0.2.2", &to.sin6_addr);
	to.sin6_port = htons(c->pport);
	sys_err(connect(c->fd, (void *)&to, sizeof(to)), EINPROGRESS);
	sys(getsockname(c->fd, (void *)&to, &len));
	c->lport = ntohs(to.sin6_port);
	expect(c, SYN, 0, 0);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	inject(c, ACK, 1, 101);
	sys(shutdown(c->fd, SHUT_WR));
	expect(c, FIN | ACK, 101, 1);
}

static void v6only(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	struct conn *c = conn_new();

	any.sin6_port = htons(c->lport);
	c->lfd = ipv6_socket();
	set_int(c->lfd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	sys(bind(c->lfd, (void *)&any, sizeof(any)));
	sys(listen(c->lfd, 5));
	peer_syn(c, HOW());
	expect(c, RST | ACK, 0, 1, .any = ANY_SEQ);
}

const struct row open_rows[] = {
	ROW(ROW_CORE, "MUST-41 a passive open disturbs nothing",
	    passive_disturbs_nothing),
	ROW(ROW_CORE, "MUST-42 two listeners, one port", two_listeners),
	ROW(0, "MUST-42 nobody listens on the other address", exact_first),
	ROW(ROW_CORE, "MUST-43 the local address can be chosen",
	    local_chosen),
	ROW(ROW_CORE, "MUST-44 else it is asked of IP", local_asked_of_ip),
	ROW(ROW_CORE, "MUST-45 and kept", local_kept),
	ROW(ROW_CORE, "MUST-46 no OPEN to broadcast or multicast",
	    open_to_many),
	ROW(ROW_CORE, "MUST-57 silence towards broadcast and multicast",
	    syn_to_many),
	ROW(ROW_CORE, "MUST-63 a SYN with an impossible source",
	    impossible_source),
	ROW(ROW_V4, "dual stack: an IPv6 listener, an IPv4 peer",
	    dual_stack_listener),
	ROW(ROW_V4, "dual stack: connect() to a mapped address",
	    dual_stack_connect),
	ROW(ROW_V4, "dual stack: IPV6_V6ONLY", v6only),
	{ NULL }
};
