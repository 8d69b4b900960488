// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accepts what the rules of this namespace send to NFQUEUE, one verdict at a time.
 *
 * usage: nfq QUEUE READY-FILE; on SIGTERM it prints how many it was asked about
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
	struct nlmsghdr nlh;
	struct nfgenmsg nfg;
	struct nlattr attr;
	union {
		struct nfqnl_msg_config_cmd cmd;
		struct nfqnl_msg_config_params params;
		struct nfqnl_msg_verdict_hdr verdict;
	};
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void request(int fd, int queue, int type, int attr, const void *data, size_t len)
{
	struct request r = {
		.nlh = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(r.nfg)) + NLA_HDRLEN + NLA_ALIGN(len),
			.nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.nfg = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0,
			 .res_id = htons(queue) },
		.attr = { .nla_len = NLA_HDRLEN + len, .nla_type = attr },
	};

	memcpy(&r.cmd, data, len);
	if (send(fd, &r, r.nlh.nlmsg_len, 0) < 0)
		err(1, "send");
}

static void bind_queue(int fd, int queue)
{
	struct nfqnl_msg_config_params params = {
		.copy_range = htonl(0),
		.copy_mode = NFQNL_COPY_META,
	};
	struct nfqnl_msg_config_cmd cmd = { .command = NFQNL_CFG_CMD_BIND };

	request(fd, queue, NFQNL_MSG_CONFIG, NFQA_CFG_CMD, &cmd, sizeof(cmd));
	request(fd, queue, NFQNL_MSG_CONFIG, NFQA_CFG_PARAMS, &params, sizeof(params));
}

/* Return: how many packets @msg asked about: 1 or 0. */
static int answer(int fd, int queue, const struct nlmsghdr *msg)
{
	const struct nlattr *attr = (const void *)((const char *)NLMSG_DATA(msg) +
						   NLMSG_ALIGN(sizeof(struct nfgenmsg)));
	const char *end = (const char *)msg + msg->nlmsg_len;
	struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT) };

	if (msg->nlmsg_type == NLMSG_ERROR)
		errx(1, "refused: %s", strerror(-((struct nlmsgerr *)NLMSG_DATA(msg))->error));
	if (msg->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return 0;
	while ((const char *)attr < end && attr->nla_type != NFQA_PACKET_HDR)
		attr = (const void *)((const char *)attr + NLA_ALIGN(attr->nla_len));
	if ((const char *)attr >= end)
		errx(1, "a packet without a header");
	verdict.id = ((const struct nfqnl_msg_packet_hdr *)(attr + 1))->packet_id;
	request(fd, queue, NFQNL_MSG_VERDICT, NFQA_VERDICT_HDR, &verdict, sizeof(verdict));
	return 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = stop };
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	static char buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	unsigned long asked = 0;
	int fd, queue;

	if (argc != 3)
		errx(1, "usage: nfq QUEUE READY-FILE");
	queue = atoi(argv[1]);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof(self)))
		err(1, "netlink");
	bind_queue(fd, queue);
	sigaction(SIGTERM, &action, NULL);
	if (close(open(argv[2], O_CREAT | O_WRONLY, 0600)))
		err(1, "%s", argv[2]);

	while (!stopped) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *msg = (const void *)buf;

		if (len < 0 && errno != EINTR && errno != ENOBUFS)
			err(1, "recv");
		for (; len > 0 && NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len))
			asked += answer(fd, queue, msg);
	}
	printf("%lu\n", asked);
	return 0;
}
