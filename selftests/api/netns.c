// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network namespace of a test:
 *
 *	lo	127.0.0.0/8, ::1, fd00::2
 *	mute	(tests that ask for it) a tun device whose other end reads
 *		nothing: 198.51.100.0/24 and 2001:db8:100::/64 swallow SYNs
 *
 * Without IPv6 (ipv6.disable=1) it is the same with IPv4 alone.
 */
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <stdarg.h>

#include "api.h"

__u64 now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

/* By the ticks that timeouts count: a machine that was held up makes up for them at once. */
__u64 tick_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

int sysctl_write(const char *path, const char *value)
{
	char name[256];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/sys/%s", path);
	fd = open(name, O_WRONLY);
	if (fd < 0)
		return -errno;
	n = write(fd, value, strlen(value));
	n = n < 0 ? -errno : 0;
	close(fd);
	return n;
}

bool stack_is_xtcp(const struct api_stack *s)
{
	return strcmp(s->group, "tcp");
}

/* The same knob in both stacks: net/ipv4's, and XTCP's too where it takes part. */
int sysctl_stack(const struct api_stack *s, const char *tcp, const char *xtcp,
		 const char *value)
{
	int err = sysctl_write(tcp, value);

	if (!err && stack_is_xtcp(s))
		err = sysctl_write(xtcp, value);
	return err;
}

static int ns_link_up(const char *dev)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		err = -errno;
	ifr.ifr_flags |= IFF_UP;
	if (!err && ioctl(fd, SIOCSIFFLAGS, &ifr))
		err = -errno;
	close(fd);
	return err;
}

/* Adds an address and waits until it may be used. */
static int ns_add6(const char *dev, const char *text, int plen)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct in6_ifreq ifr = { .ifr6_prefixlen = plen };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	inet_pton(AF_INET6, text, &ifr.ifr6_addr);
	ifr.ifr6_ifindex = if_nametoindex(dev);
	sin6.sin6_addr = ifr.ifr6_addr;
	if (ioctl(fd, SIOCSIFADDR, &ifr))
		err = -errno;
	else if (!WAIT(!bind(fd, (void *)&sin6, sizeof(sin6))))
		err = -EADDRNOTAVAIL;
	close(fd);
	return err;
}

bool has_ipv6(void)
{
	return !access("/proc/net/if_inet6", F_OK);
}

/* Moves the calling process into a namespace of its own with lo up. */
int ns_enter(void)
{
	int err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	err = ns_link_up("lo");
	if (!err && has_ipv6())
		err = ns_add6("lo", "fd00::2", 128);
	return err;
}

/* Runs "ip ..." in the namespace; 0 or a negative value. */
int ns_route(const char *fmt, ...)
{
	char cmd[256] = "ip ";
	va_list ap;
	int ret;

	va_start(ap, fmt);
	vsnprintf(cmd + 3, sizeof(cmd) - 3, fmt, ap);
	va_end(ap);
	ret = system(cmd);
	return ret ? -EIO : 0;
}

/* The device nobody answers behind; returns the fd that keeps it, or -errno. */
int ns_mute_device(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	strcpy(ifr.ifr_name, "mute");
	if (ioctl(fd, TUNSETIFF, &ifr)) {
		err = -errno;
		close(fd);
		return err;
	}
	sysctl_write("net/ipv6/conf/mute/accept_dad", "0");
	err = ns_route("addr add 198.51.100.99/24 dev mute");
	if (!err && has_ipv6())
		err = ns_route("-6 addr add 2001:db8:100::99/64 dev mute nodad");
	if (!err)
		err = ns_link_up("mute");
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}
