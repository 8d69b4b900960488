/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet-level tests: this process is both sides of a tun device.  It owns
 * the sockets under test and, by reading and writing IP packets through the
 * device, it is the peer that they talk to.
 *
 *	socket under test --- stack --- tun "w0" --- this process, raw
 *	192.0.2.1, 2001:db8::1			192.0.2.2, 2001:db8::2
 *
 * Sequence numbers in rows are relative: "seq" counts from the initial
 * number of whoever sends, "ack" from that of the one who is acknowledged.
 */
#ifndef XTCP_WIRE_H
#define XTCP_WIRE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "knobs.h"

enum {
	FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08,
	ACK = 0x10, URG = 0x20, ECE = 0x40, CWR = 0x80,
};

#define TCP_NEW_SYN_RECV 12

/* What a test expects to be left out of a comparison. */
enum {
	ANY_SEQ = 1, ANY_ACK = 2, ANY_LEN = 4, ANY_FLAGS = 8,
	ANY_WIN = 16,
	WANT_PSH = 32,		/* PSH counts; else it is masked */
	NO_WAIT = 64,		/* must be there at the next fence */
};

#define ZERO_WIN (-1)
#define MSEC 1000000ULL
#define SEC 1000000000ULL

enum stack { STACK_TCP, STACK_XTCP, STACK_ALIAS };

/* Parsed TCP options of one segment. */
struct topt {
	bool has_mss, has_ws, sackok, has_ts, bad;
	uint16_t mss;
	uint8_t ws;
	uint32_t tsval, tsecr;
	int nsack;
	uint32_t sack[4][2];
};

/* A segment that the stack sent. */
struct seg {
	uint64_t t_ns;
	int family, proto;
	uint8_t saddr[16], daddr[16];	/* the end, if it is source routed */
	uint8_t via[4];		/* IPv4: what the header has for a destination */
	int ipoptlen;
	uint8_t ipopt[40];
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
	uint8_t reserved;	/* the four bits before the flags */
	uint16_t win, urg;
	uint8_t ttl, tos;
	uint16_t id;		/* IPv4 */
	bool df;
	int optlen;
	uint8_t opt[40];
	struct topt o;
	int len;
	uint8_t data[2048];
};

/* A segment to be injected; what is zero gets the connection's default. */
struct inj {
	uint8_t flags;
	uint32_t seq, ack;
	int win;
	int len;
	const void *data;
	const uint8_t *opt;	/* raw options instead of the usual ones */
	int optlen;
	int mss;
	int ws;			/* shift + 1 */
	bool sackok, ts, no_ts;
	uint32_t tsval, tsecr;
	bool set_ts;		/* tsval/tsecr as given */
	bool bad_csum;
	int doff;		/* bytes, when it shall be wrong */
	uint16_t urg;
	uint8_t tos, ttl;
	bool ae;		/* RFC 9768: the reserved bit before CWR */
	uint16_t sport, dport;
	const void *src, *dst;
	const uint8_t *ipopt;	/* IPv4 options, multiple of 4 bytes */
	int ipoptlen;
};

struct expect {
	uint8_t flags;
	uint32_t seq, ack;
	int len;
	unsigned int any;
	int win;		/* 0: not looked at; ZERO_WIN */
	uint64_t within_ms;	/* bound of the wait */
	uint64_t at_ms;		/* since mark(), 0: not looked at */
	uint64_t slack_ms;
};

/* How a state constructor opens. */
struct how {
	bool active;
	bool no_ts, no_sack, no_ws;
	bool ecn;		/* asks for it or agrees, and so does the stack */
	bool close;		/* close() rather than shutdown() */
	int mss;
	int win;
	int ws;			/* shift of the peer's windows */
	uint16_t lport;
	int rcvbuf, sndbuf;
	void (*tune)(int fd);	/* options before connect() or listen() */
};

struct conn {
	int fd, lfd;
	int family;
	uint8_t laddr[16], paddr[16];
	uint16_t lport, pport;
	uint32_t iss;		/* the stack's initial number */
	uint32_t irs;		/* the peer's, ours */
	uint32_t snd;		/* next relative number the peer sends */
	uint32_t rcv;		/* next relative number the stack sends */
	int win;		/* what the peer advertises, raw */
	bool ts;
	bool ecn;		/* the stack's data may have CWR */
	int ws;			/* shift the stack announced */
	uint32_t ts_base, ts_recent;
	uint64_t mark_ns, last_ns;
	uint64_t written, readn;
	struct seg syn;		/* the stack's SYN or SYN+ACK */
};

enum {
	ROW_CORE = 1,		/* one row per S-number and MUST */
	ROW_VT = 2,		/* takes long: virtual time only */
	ROW_XTCP = 4,		/* says something about XTCP alone */
	ROW_V4 = 8, ROW_V6 = 16, /* one family only */
	ROW_ONCE = 32,		/* sees to the families itself */
	ROW_LAST = 64,		/* after all others */
	ROW_TCP = 128,		/* protocol 6 alone: of 253 nobody merges or cuts anything */
	ROW_BESIDE = 256,	/* waits beside others: nothing in it depends on the RTT */
	ROW_LONG = ROW_VT | ROW_BESIDE,
};

struct row {
	const char *topic;
	const char *name;
	void (*fn)(void);
	unsigned int flags;
};

#define ROW(fl, nm, f) { .topic = TOPIC, .name = nm, .fn = f, .flags = fl }

struct wire {
	enum stack stack;
	int family;		/* AF_INET or AF_INET6 */
	int proto;		/* 6 or 253, on the wire */
	int tun;
	bool vt;
	uint64_t seed, rng;
	int mtu;
	bool verbose;
};

extern struct wire w;
extern struct conn conns[];
extern int nconns;

extern const struct row handshake_rows[], close_rows[], reset_rows[],
	options_rows[], checksum_rows[], isn_rows[], open_rows[],
	failure_rows[], rto_rows[], keepalive_rows[], timewait_rows[], icmp_rows[],
	api_rows[], window_rows[], ack_rows[], send_rows[], ip_rows[],
	challenge_rows[], orphan_rows[], visible_rows[], events_rows[], transitions_rows[],
	matrix_rows[], knobs_rows[], effects_rows[], leftovers_rows[],
	autotune_rows[], recovery_rows[],
	rack_rows[], undo_rows[], memory_rows[], pmtu_rows[], probe_rows[],
	route_rows[],
	ecn_rows[], ecnsend_rows[], urgsend_rows[], urgrecv_rows[], pacing_rows[], lend_rows[],
	delack_rows[], cc_rows[], gro_rows[], pressure_rows[], queue_rows[];

/* main.c */
void fail_at(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
#define fail(...) fail_at(__FILE__, __LINE__, __VA_ARGS__)
#define check(cond, ...) do { if (!(cond)) fail(__VA_ARGS__); } while (0)
#define check_eq(a, b) do {						\
	long long a_ = (a), b_ = (b);					\
	if (a_ != b_)							\
		fail("%s is %lld, not %lld (%s)", #a, a_, b_, #b);	\
} while (0)
/* A system call that must succeed. */
#define sys(call) ({							\
	long r_ = (call);						\
	if (r_ < 0)							\
		fail("%s: %s", #call, strerror(errno));			\
	r_; })
/* A system call that must fail with this errno. */
#define sys_err(call, err) do {						\
	long r_ = (call);						\
	int e_ = errno;							\
									\
	if (r_ >= 0)							\
		fail("%s succeeded: %ld", #call, r_);			\
	if (e_ != (err))						\
		fail("%s: %s, not %s", #call, strerror(e_),		\
		     strerror(err));					\
} while (0)
uint32_t rnd(void);
uint32_t rnd_between(uint32_t low, uint32_t high);
uint64_t now_ns(void);
void row_waits(void);
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* net.c */
void net_setup(void);
int net_merging_tun(void);
void net_add_addr(int family, const char *addr, int plen);
void net_qdisc(const char *kind, const void *opt, int optlen);
bool knob_exists(const char *name);
void knob(const char *name, long value);
long knob_get(const char *name);
void put_file(const char *path, const char *text);
bool proc_state(const struct conn *c, int *state);
const char *state_name(int state);
bool state_named(const char *name, int state);

/* procfs.c: /proc/net/xtcp/states... */
bool xtcp_count(int state, long *now, long *ever);
long xtcp_moved(int from, int to);
/* /proc/net/xtcp/snmp; 0 over the kernel's TCP */
long xtcp_counter(const char *name);

/* trace.c: the tracepoint xtcp_state, and others */
void trace_begin(void);
void trace_also(const char *event);
void trace_end(void);
void trace_remove(void);
void trace_shows_at(const struct conn *c, int from, int to, const char *why, const char *file,
		    int line);
#define trace_shows(c, from, to, why) trace_shows_at(c, from, to, why, __FILE__, __LINE__)
unsigned long long trace_cookie(const struct conn *c);
int trace_lines(const char *event, const char *want, double *at_s, long *number);
void trace_waits_at(const char *event, const char *want, double *at_s, long *number,
		    const char *file, int line);
#define trace_waits(event, want, at_s, number)				\
	trace_waits_at(event, want, at_s, number, __FILE__, __LINE__)

/* pkt.c */
uint32_t csum_add(uint32_t sum, const void *p, int len);
uint16_t csum_fold(uint32_t sum);
int pkt_build(const struct conn *c, const struct inj *i, uint8_t *buf);
int pkt_ip(uint8_t *buf, const struct conn *c, const struct inj *i,
	   int proto, int len);
int pkt_parse(const uint8_t *p, int len, struct seg *s);
void opt_parse(const uint8_t *p, int len, struct topt *o);
uint8_t pattern(uint64_t offset);
void pattern_fill(uint8_t *p, uint64_t offset, int len);

/* io.c */
struct icmp_msg {
	bool seen;
	int type, code;
	uint8_t body[256];
	int len;
};

extern struct icmp_msg last_icmp;
void inject_(struct conn *c, struct inj i);
struct seg *expect_(struct conn *c, struct expect e, const char *file,
		    int line);
#define inject(c, f, s, a, ...)						\
	inject_(c, (struct inj){ .flags = (f), .seq = (s), .ack = (a),	\
				 ##__VA_ARGS__ })
#define expect(c, f, s, a, ...)						\
	expect_(c, (struct expect){ .flags = (f), .seq = (s),		\
				    .ack = (a), ##__VA_ARGS__ },	\
		__FILE__, __LINE__)
void expect_stream_at(struct conn *c, uint32_t upto, const char *file, int line);
#define expect_stream(c, upto) expect_stream_at(c, upto, __FILE__, __LINE__)
void raw_write(const void *p, int len);
void fence(void);
void wait_for_addresses(void);
void quiet_at(struct conn *c, const char *file, int line);
#define quiet(c) quiet_at(c, __FILE__, __LINE__)
void quiet_for_at(struct conn *c, uint64_t ms, const char *file, int line);
#define quiet_for(c, ms) quiet_for_at(c, ms, __FILE__, __LINE__)
struct seg *next_seg(struct conn *c, uint64_t timeout_ms);
struct seg *next_pending(struct conn *c);
void drop_pending(void);
void mark(struct conn *c);
void mark_last(struct conn *c);
uint64_t since_ms(const struct conn *c);
uint64_t wait_gone(struct conn *c, uint64_t bound_ms);
void pass_quietly(struct conn *c, uint64_t until_ms);
#define near(t, want, slack) near_at(t, want, slack, __FILE__, __LINE__)
void near_at(uint64_t t, uint64_t want, uint64_t slack, const char *file,
	     int line);
void log_dump(void);
void inject_icmp(struct conn *c, int type, int code, uint32_t rest,
		 uint32_t seq, bool to_stack_seg);
bool wait_fd(int fd, short events, uint64_t timeout_ms);

/* sock.c */
int stack_socket(void);
int stack_socket_bound(uint16_t port);
int addr_fill(struct sockaddr_storage *ss, const void *addr, uint16_t port);
const void *addr_local(void);
const void *addr_peer(void);
void set_int(int fd, int level, int name, int value);
int get_int(int fd, int level, int name);
int so_error(int fd);
int tcpi_state(int fd);
int state_of(const struct conn *c);
void state_is_at(const struct conn *c, int state, const char *file, int line);
#define state_is(c, s) state_is_at(c, s, __FILE__, __LINE__)
void gone_at(const struct conn *c, const char *file, int line);
#define gone(c) gone_at(c, __FILE__, __LINE__)
void write_stream(struct conn *c, int len);
void read_stream(struct conn *c, int len);
void read_eof(struct conn *c);
int poll_now(int fd);
void poll_is_at(int fd, int events, const char *file, int line);
#define poll_is(fd, ev) poll_is_at(fd, ev, __FILE__, __LINE__)

/* states.c: each leaves a connection in the state of its name */
struct conn *conn_new(void);
void conns_reset(void);
/* Constructors need not look at every state on their way. */
extern bool constructing;
struct conn *in_listen_(struct how h);
struct conn *in_syn_sent_(struct how h);
struct conn *in_syn_recv_(struct how h);
struct conn *in_established_(struct how h);
struct conn *in_fin_wait_1_(struct how h);
struct conn *in_fin_wait_2_(struct how h);
struct conn *in_close_wait_(struct how h);
struct conn *in_closing_(struct how h);
struct conn *in_last_ack_(struct how h);
struct conn *in_time_wait_(struct how h);
struct conn *in_closed_(struct how h);
#define HOW(...) ((struct how){ __VA_ARGS__ })
#define in_listen(...) in_listen_(HOW(__VA_ARGS__))
#define in_syn_sent(...) in_syn_sent_(HOW(__VA_ARGS__))
#define in_syn_recv(...) in_syn_recv_(HOW(__VA_ARGS__))
#define in_established(...) in_established_(HOW(__VA_ARGS__))
#define in_fin_wait_1(...) in_fin_wait_1_(HOW(__VA_ARGS__))
#define in_fin_wait_2(...) in_fin_wait_2_(HOW(__VA_ARGS__))
#define in_close_wait(...) in_close_wait_(HOW(__VA_ARGS__))
#define in_closing(...) in_closing_(HOW(__VA_ARGS__))
#define in_last_ack(...) in_last_ack_(HOW(__VA_ARGS__))
#define in_time_wait(...) in_time_wait_(HOW(__VA_ARGS__))
#define in_closed(...) in_closed_(HOW(__VA_ARGS__))
struct conn *listener_peer(const struct conn *listener);
void peer_syn(struct conn *c, struct how h);
void peer_syn_ack(struct conn *c, struct how h);
void do_accept(struct conn *c);
void do_close(struct conn *c, struct how h);
void zero_window(struct conn *c);
struct conn *own_zero_window(void);

static inline bool is_xtcp(void)
{
	return w.stack != STACK_TCP;
}

static inline bool is_v6(void)
{
	return w.family == AF_INET6;
}

/* How late a timer may be: the kernel's wheel is up to an eighth late. */
static inline uint64_t lateness(uint64_t ms)
{
	return is_xtcp() ? ms / 32 + 260 : ms / 8 + 200;
}

/* The largest payload of a segment with the usual timestamps. */
static inline int mss_wire(void)
{
	return w.mtu - (is_v6() ? 60 : 40);
}

#endif
