// SPDX-License-Identifier: GPL-2.0-only
/* The namespace, the device, the knobs, and what /proc says of a socket. */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "wire.h"

struct in6_ifreq_ {
	struct in6_addr addr;
	uint32_t plen;
	int ifindex;
};

void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	if (write(fd, text, strlen(text)) < 0)
		fail("%s: writing %s: %s", path, text, strerror(errno));
	close(fd);
}

static void put_if_there(const char *path, const char *text)
{
	if (!access(path, W_OK))
		put_file(path, text);
}

static int dev_index(void)
{
	struct ifreq ifr = { .ifr_name = "w0" };
	int fd = sys(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	sys(ioctl(fd, SIOCGIFINDEX, &ifr));
	close(fd);
	return ifr.ifr_ifindex;
}

void net_add_addr(int family, const char *addr, int plen)
{
	int fd = sys(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	if (family == AF_INET6) {
		struct in6_ifreq_ r6 = { .plen = plen };

		inet_pton(AF_INET6, addr, &r6.addr);
		r6.ifindex = dev_index();
		sys(ioctl(fd, SIOCSIFADDR, &r6));
	} else {
		struct ifreq ifr = { .ifr_name = "w0" };
		struct sockaddr_in *sin = (void *)&ifr.ifr_addr;
		static int n;

		/* A label of its own, or it would replace the one before. */
		if (n++)
			snprintf(ifr.ifr_name, IFNAMSIZ, "w0:%d", n);

		sin->sin_family = AF_INET;
		inet_pton(AF_INET, addr, &sin->sin_addr);
		sys(ioctl(fd, SIOCSIFADDR, &ifr));
		sin->sin_addr.s_addr = htonl(~0U << (32 - plen));
		sys(ioctl(fd, SIOCSIFNETMASK, &ifr));
	}
	close(fd);
}

static void dev_up(const char *name)
{
	int fd = sys(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	struct ifreq ifr = { 0 };

	strcpy(ifr.ifr_name, name);
	sys(ioctl(fd, SIOCGIFFLAGS, &ifr));
	ifr.ifr_flags |= IFF_UP;
	sys(ioctl(fd, SIOCSIFFLAGS, &ifr));
	close(fd);
}

static int open_tun(const char *name, int flags)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | flags };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		fail("/dev/net/tun: %s", strerror(errno));
	strcpy(ifr.ifr_name, name);
	sys(ioctl(fd, TUNSETIFF, &ifr));
	return fd;
}

/* A device that merges: what is written into it begins with a virtio_net_hdr. */
int net_merging_tun(void)
{
	int fd = open_tun("w1", IFF_VNET_HDR);

	dev_up("w1");
	return fd;
}

/* What would make the host's TCP answer by other rules than its defaults. */
static void quiet_knobs(void)
{
	put_if_there("/proc/sys/net/ipv4/tcp_syn_linear_timeouts", "0");
	put_if_there("/proc/sys/net/ipv6/conf/all/accept_ra", "0");
	put_if_there("/proc/sys/net/ipv6/conf/w0/accept_ra", "0");
	put_if_there("/proc/sys/net/ipv6/conf/w0/accept_dad", "0");
	put_if_there("/proc/sys/net/ipv6/conf/w0/router_solicitations", "0");
	put_if_there("/proc/sys/net/ipv4/tcp_invalid_ratelimit", "0");
}

/* A tun device has no broadcast address by itself. */
static void add_broadcast(const char *addr)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
		struct rtattr a1;
		uint32_t dst;
		struct rtattr a2;
		uint32_t oif;
	} m = {
		.h = { sizeof(m), RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK |
		       NLM_F_CREATE, 1, 0 },
		.r = { .rtm_family = AF_INET, .rtm_dst_len = 32,
		       .rtm_table = RT_TABLE_LOCAL,
		       .rtm_protocol = RTPROT_KERNEL,
		       .rtm_scope = RT_SCOPE_LINK,
		       .rtm_type = RTN_BROADCAST },
		.a1 = { 8, RTA_DST }, .a2 = { 8, RTA_OIF },
	};
	int fd = sys(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			    NETLINK_ROUTE));
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} answer;

	inet_pton(AF_INET, addr, &m.dst);
	m.oif = dev_index();
	sys(send(fd, &m, sizeof(m), 0));
	sys(recv(fd, &answer, sizeof(answer), 0));
	check(!answer.e.error, "the broadcast route: %s",
	      strerror(-answer.e.error));
	close(fd);
}

/* Another queue for the device; @opt: what TCA_OPTIONS holds. */
void net_qdisc(const char *kind, const void *opt, int optlen)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg t;
		uint8_t attr[256];
	} m = {
		.h = { sizeof(m.h) + sizeof(m.t), RTM_NEWQDISC, NLM_F_REQUEST | NLM_F_ACK |
		       NLM_F_CREATE | NLM_F_REPLACE, 1, 0 },
		.t = { .tcm_family = AF_UNSPEC, .tcm_handle = 0x10000,
		       .tcm_parent = TC_H_ROOT },
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		uint8_t more[512];
	} answer;
	struct rtattr *a = (void *)m.attr;
	int fd = sys(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));

	m.t.tcm_ifindex = dev_index();
	a->rta_type = TCA_KIND;
	a->rta_len = RTA_LENGTH(strlen(kind) + 1);
	strcpy(RTA_DATA(a), kind);
	m.h.nlmsg_len += RTA_ALIGN(a->rta_len);
	if (opt) {
		a = (void *)((uint8_t *)&m + m.h.nlmsg_len);
		a->rta_type = TCA_OPTIONS;
		a->rta_len = RTA_LENGTH(optlen);
		memcpy(RTA_DATA(a), opt, optlen);
		m.h.nlmsg_len += RTA_ALIGN(a->rta_len);
	}
	sys(send(fd, &m, m.h.nlmsg_len, 0));
	sys(recv(fd, &answer, sizeof(answer), 0));
	check(!answer.e.error, "%s: %s", kind, strerror(-answer.e.error));
	close(fd);
}

void net_setup(void)
{
	sys(unshare(CLONE_NEWNET));
	w.tun = open_tun("w0", 0);
	quiet_knobs();
	dev_up("lo");
	net_add_addr(AF_INET, "192.0.2.1", 24);
	dev_up("w0");
	net_add_addr(AF_INET6, "2001:db8::1", 64);
	add_broadcast("192.0.2.255");
	wait_for_addresses();
}

/* XTCP's names, where the kernel's TCP keeps the same, and in what unit. */
static const struct {
	const char *name, *tcp;
	int div;
} knob_map[] = {
	{ "syn_retries", "tcp_syn_retries", 1 },
	{ "synack_retries", "tcp_synack_retries", 1 },
	{ "fin_wait2_ms", "tcp_fin_timeout", 1000 },
	{ "keepalive_time", "tcp_keepalive_time", 1 },
	{ "keepalive_intvl", "tcp_keepalive_intvl", 1 },
	{ "keepalive_probes", "tcp_keepalive_probes", 1 },
	{ "retries1", "tcp_retries1", 1 },
	{ "retries2", "tcp_retries2", 1 },
	{ "orphan_retries", "tcp_orphan_retries", 1 },
	{ "sack", "tcp_sack", 1 },
	{ "timestamps", "tcp_timestamps", 1 },
	{ "window_scaling", "tcp_window_scaling", 1 },
	{ "syncookies", "tcp_syncookies", 1 },
	{ "max_syn_backlog", "tcp_max_syn_backlog", 1 },
	{ "tw_reuse", "tcp_tw_reuse", 1 },
	{ "max_tw_sockets", "tcp_max_tw_buckets", 1 },
	{ "slow_start_after_idle", "tcp_slow_start_after_idle", 1 },
	{ "rfc1337", "tcp_rfc1337", 1 },
	{ "challenge_ack_limit", "tcp_challenge_ack_limit", 1 },
	{ "ecn", "tcp_ecn", 1 },
	{ "mtu_probing", "tcp_mtu_probing", 1 },
	{ "base_mss", "tcp_base_mss", 1 },
	{ "mtu_probe_floor", "tcp_mtu_probe_floor", 1 },
	{ "ecn_fallback", "tcp_ecn_fallback", 1 },
	{ "pacing_ss_ratio", "tcp_pacing_ss_ratio", 1 },
	{ "pacing_ca_ratio", "tcp_pacing_ca_ratio", 1 },
	{ "limit_output_bytes", "tcp_limit_output_bytes", 1 },
	{ "comp_sack_delay_ns", "tcp_comp_sack_delay_ns", 1 },
	{ "comp_sack_nr", "tcp_comp_sack_nr", 1 },
};

static void knob_path(const char *name, char *path, size_t size, int *div)
{
	size_t i;

	*div = 1;
	if (is_xtcp()) {
		snprintf(path, size, "/proc/sys/net/xtcp/%s", name);
		return;
	}
	for (i = 0; i < sizeof(knob_map) / sizeof(knob_map[0]); i++) {
		if (strcmp(knob_map[i].name, name))
			continue;
		snprintf(path, size, "/proc/sys/net/ipv4/%s", knob_map[i].tcp);
		*div = knob_map[i].div;
		return;
	}
	fail("the kernel's TCP has no knob for %s", name);
}

void knob(const char *name, long value)
{
	char path[128], text[32];
	int div;

	knob_path(name, path, sizeof(path), &div);
	snprintf(text, sizeof(text), "%ld", value / div);
	put_file(path, text);
}

long knob_get(const char *name)
{
	char path[128];
	long v;
	FILE *f;
	int div;

	knob_path(name, path, sizeof(path), &div);
	f = fopen(path, "r");
	if (!f)
		fail("%s: %s", path, strerror(errno));
	check(fscanf(f, "%ld", &v) == 1, "%s is no number", path);
	fclose(f);
	return v * div;
}

bool knob_exists(const char *name)
{
	char path[128];
	int div;

	knob_path(name, path, sizeof(path), &div);
	return !access(path, F_OK);
}

static const char *const names[] = {
	"NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT_1",
	"FIN_WAIT_2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK",
	"LISTEN", "CLOSING", "NEW_SYN_RECV",
};

const char *state_name(int state)
{
	return state >= 0 && state <= TCP_NEW_SYN_RECV ? names[state] : "?";
}

/* FIN_WAIT_1, FIN_WAIT1 and fin-wait-1 are one. */
static bool same_name(const char *a, const char *b)
{
	for (;;) {
		while (*a && !isalnum(*a))
			a++;
		while (*b && !isalnum(*b))
			b++;
		if (toupper(*a) != toupper(*b))
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

bool state_named(const char *name, int state)
{
	return same_name(name, names[state]) ||
	       (state == TCP_CLOSE && same_name(name, "CLOSED"));
}

static int state_by_name(const char *name)
{
	int i;

	if (same_name(name, "CLOSED"))
		return TCP_CLOSE;
	for (i = 1; i <= TCP_NEW_SYN_RECV; i++)
		if (same_name(name, names[i]))
			return i == TCP_NEW_SYN_RECV ? TCP_SYN_RECV : i;
	fail("/proc/net/xtcp/sockets has a state called %s", name);
}

static bool line_tcp(const char *line, unsigned int *lp, unsigned int *pp,
		     int *state)
{
	unsigned int st;

	if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x",
		   lp, pp, &st) != 3)
		return false;
	*state = st;
	return true;
}

static bool line_xtcp(const char *line, unsigned int *lp, unsigned int *pp,
		      int *state)
{
	char local[80], remote[80], st[40];

	if (sscanf(line, "%*s %*s %79s %79s %39s", local, remote, st) != 3)
		return false;
	if (!strrchr(local, ':') || !strrchr(remote, ':'))
		return false;
	*lp = atoi(strrchr(local, ':') + 1);
	*pp = atoi(strrchr(remote, ':') + 1);
	if (!*lp)
		return false;
	*state = state_by_name(st);
	return true;
}

static bool scan(const char *path, const struct conn *c, int *state)
{
	unsigned int lp, pp;
	char line[512];
	bool found = false;
	FILE *f = fopen(path, "r");
	int st;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		if (!(is_xtcp() ? line_xtcp : line_tcp)(line, &lp, &pp, &st))
			continue;
		if (lp != c->lport)
			continue;
		if (pp != c->pport && !(st == TCP_LISTEN && !pp && !c->pport))
			continue;
		*state = st;
		found = true;
	}
	fclose(f);
	return found;
}

/* The state as everybody can see it, minisocks and orphans included. */
bool proc_state(const struct conn *c, int *state)
{
	if (is_xtcp())
		return scan("/proc/net/xtcp/sockets", c, state);
	return scan(c->family == AF_INET6 ? "/proc/net/tcp6" : "/proc/net/tcp",
		    c, state);
}
