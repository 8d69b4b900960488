// SPDX-License-Identifier: GPL-2.0-only
/* BPF programs of a cgroup: they call the stack under RCU, with the socket locked. */
#include "fixture.h"

#include <linux/bpf.h>
#include <sys/mount.h>

/*
 * A socket is in the cgroup that its program was in when it made it. The tests are processes of
 * their own, and so is what they mount.
 */
static int in_cgroup(void)
{
	char path[64], pid[16];
	int fd, dir, len = snprintf(pid, sizeof(pid), "%d", getpid());

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/tmp", "cgroup2", 0, NULL))
		return -errno;
	snprintf(path, sizeof(path), "/tmp/api.%s", pid);
	if (mkdir(path, 0755))
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, pid, len) != len)
		return -errno;
	close(fd);
	return dir;
}

static void out_of_cgroup(void)
{
	char path[64], pid[16];
	int fd = open("/tmp/cgroup.procs", O_WRONLY | O_CLOEXEC);
	int len = snprintf(pid, sizeof(pid), "%d", getpid());

	if (write(fd, pid, len) != len)
		perror("cgroup.procs");
	close(fd);
	snprintf(path, sizeof(path), "/tmp/api.%s", pid);
	if (rmdir(path))
		perror(path);
}

static long bpf(int cmd, union bpf_attr *attr)
{
	return sys(syscall(SYS_bpf, cmd, attr, sizeof(*attr)));
}

static int load_and_attach(int dir, int type, int attach, const struct bpf_insn *code, int n)
{
	char log[4096] = "";
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = attach,
		.insns = (uintptr_t)code,
		.insn_cnt = n,
		.license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	long prog;

	prog = bpf(BPF_PROG_LOAD, &attr);
	if (prog < 0) {
		printf("# BPF_PROG_LOAD: %s\n%s", strerror(-prog), log);
		return prog;
	}
	attr = (union bpf_attr){
		.target_fd = dir,
		.attach_bpf_fd = prog,
		.attach_type = attach,
	};
	return bpf(BPF_PROG_ATTACH, &attr);
}

/*
 * A program that binds the socket it is about to a device; if it may not, it forbids the call.
 * @dev: its name, four characters at most
 * @load: its own first argument is a structure that begins with the socket, which is meant
 */
static int to_device(int dir, int type, int attach, const char *dev, bool load)
{
	struct bpf_insn code[] = {
		{ BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -8, 0 },
		{ BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_4, BPF_REG_10, 0, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_4, 0, 0, -8 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, SOL_SOCKET },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, SO_BINDTODEVICE },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_5, 0, 0, 5 },
		{ BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_1, 0, 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_setsockopt },
		{ BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0 },
		{ BPF_JMP | BPF_EXIT },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1 },
		{ BPF_JMP | BPF_EXIT },
	};

	memcpy(&code[0].imm, dev, strlen(dev));
	if (!load)
		code[7] = (struct bpf_insn){ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_1 };
	return load_and_attach(dir, type, attach, code, ARRAY_SIZE(code));
}

static bool is_on(int fd, const char *dev)
{
	char name[IFNAMSIZ] = "";
	socklen_t len = sizeof(name);

	return !getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len) && !strcmp(name, dev);
}

/* Whoever connects does so over lo, and has the port there alone. */
TEST_F(api, bpf_connect_binds_to_device)
{
	struct addr lis, a = addr_make(self->s, W_ANY, 4248);
	int dir = in_cgroup(), l = make_listener(self->s, 1, &lis), c = cli_socket(self->s, 0);
	bool v4 = self->s->af == AF_INET;

	ASSERT_LE(0, l);
	ASSERT_LE(0, c);
	ASSERT_LE(0, dir);
	ASSERT_LE(0, ns_mute_device());
	ASSERT_EQ(0, do_bind(c, &a));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "mute", &a));
	ASSERT_EQ(0, to_device(dir, BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
			       v4 ? BPF_CGROUP_INET4_CONNECT : BPF_CGROUP_INET6_CONNECT, "lo",
			       false));
	EXPECT_EQ(0, do_connect(c, &lis));
	EXPECT_TRUE(is_on(c, "lo"));
	out_of_cgroup();
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "lo", &a));
	EXPECT_EQ(0, host_may(self->s, "mute", &a));
}

/* A program at connect() that binds to a port; if it may not, it forbids the call. */
static int to_port(int dir, bool v4, uint16_t port)
{
	struct bpf_insn code[] = {
		{ BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -32, 0 },
		{ BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -24, 0 },
		{ BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -16, 0 },
		{ BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -8, 0 },
		{ BPF_ST | BPF_MEM | BPF_H, BPF_REG_10, 0, -32, v4 ? AF_INET : AF_INET6 },
		{ BPF_ST | BPF_MEM | BPF_H, BPF_REG_10, 0, -30, htons(port) },
		{ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -32 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0,
		  v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6) },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_bind },
		{ BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0 },
		{ BPF_JMP | BPF_EXIT },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1 },
		{ BPF_JMP | BPF_EXIT },
	};

	return load_and_attach(dir, BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
			       v4 ? BPF_CGROUP_INET4_CONNECT : BPF_CGROUP_INET6_CONNECT, code,
			       ARRAY_SIZE(code));
}

/* The connection has that port, as if connect() had chosen it. */
TEST_F(api, bpf_connect_binds_to_port)
{
	int dir = in_cgroup(), c = cli_socket(self->s, 0), s;
	struct addr lis, me;
	int l = make_listener(self->s, 1, &lis);
	char x;

	ASSERT_LE(0, l);
	ASSERT_LE(0, c);
	ASSERT_LE(0, dir);
	ASSERT_EQ(0, to_port(dir, self->s->af == AF_INET, 4253));
	EXPECT_EQ(0, do_connect(c, &lis));
	me = name_of(c);
	EXPECT_EQ(4253, addr_port(&me));
	s = accept(l, NULL, NULL);
	ASSERT_LE(0, s);
	EXPECT_EQ(1, send(c, "x", 1, 0));
	EXPECT_EQ(1, recv(s, &x, 1, 0));
	out_of_cgroup();
	close(s);
	close(c);
}

/* A port that somebody has: the program is told so. */
TEST_F(api, bpf_connect_port_is_taken)
{
	struct addr lis, a = addr_make(self->s, W_ANY, 4254);
	int dir = in_cgroup(), l = make_listener(self->s, 1, &lis);
	int b = cli_socket(self->s, 0), c = cli_socket(self->s, 0);

	ASSERT_LE(0, l);
	ASSERT_LE(0, b);
	ASSERT_LE(0, c);
	ASSERT_LE(0, dir);
	ASSERT_EQ(0, do_bind(b, &a));
	ASSERT_EQ(0, to_port(dir, self->s->af == AF_INET, 4254));
	EXPECT_EQ(-EPERM, do_connect(c, &lis));
	out_of_cgroup();
	close(b);
	close(c);
}

/* A listener, too, at any setsockopt(). */
TEST_F(api, bpf_setsockopt_binds_to_device)
{
	struct addr a = addr_make(self->s, W_ANY, 4249);
	int dir = in_cgroup(), l = srv_socket(self->s, 0);

	ASSERT_LE(0, l);
	ASSERT_LE(0, dir);
	ASSERT_LE(0, ns_mute_device());
	ASSERT_EQ(0, do_bind(l, &a));
	ASSERT_EQ(0, listen(l, 1));
	ASSERT_EQ(0, to_device(dir, BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT, "lo",
			       true));
	EXPECT_EQ(0, set_int(l, SOL_SOCKET, SO_PRIORITY, 1));
	EXPECT_TRUE(is_on(l, "lo"));
	out_of_cgroup();
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "lo", &a));
	EXPECT_EQ(0, host_may(self->s, "mute", &a));
}

/* What can not be done there, a binding of its own, leaves nobody to answer for another device. */
TEST_F(api, bpf_setsockopt_of_one_of_two)
{
	struct addr a = addr_make(self->s, W_ANY, 4252), lo = addr_make(self->s, W_LO, 4252);
	int dir = in_cgroup(), l[2], c = cli_socket(self->s, 0);

	ASSERT_LE(0, dir);
	ASSERT_LE(0, ns_mute_device());
	ASSERT_EQ(0, bind_both(self->s, SO_REUSEADDR, &a, l));
	ASSERT_EQ(0, listen(l[0], 1));
	ASSERT_EQ(0, to_device(dir, BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT, "mute",
			       true));
	EXPECT_EQ(0, set_int(l[0], SOL_SOCKET, SO_PRIORITY, 1));
	EXPECT_TRUE(is_on(l[0], "mute"));
	out_of_cgroup();
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &lo));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "mute", &a));
	/* it can be done later */
	close(l[1]);
	EXPECT_EQ(0, listen(l[0], 1));
	EXPECT_EQ(0, host_may(self->s, "lo", &a));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "mute", &a));
}

/* A program that is asked when something is bound is not asked about a reservation. */
TEST_F(api, bpf_bind_is_for_the_socket)
{
	struct addr a = addr_make(self->s, W_ANY, 4253);
	int dir = in_cgroup(), l = srv_socket(self->s, 0);
	bool v4 = self->s->af == AF_INET;

	ASSERT_LE(0, dir);
	ASSERT_LE(0, l);
	ASSERT_LE(0, ns_mute_device());
	ASSERT_EQ(0, to_device(dir, BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
			       v4 ? BPF_CGROUP_INET4_BIND : BPF_CGROUP_INET6_BIND, "lo", false));
	ASSERT_EQ(0, setresuid(65534, 65534, 0));
	EXPECT_EQ(0, do_bind(l, &a));
	EXPECT_TRUE(is_on(l, "lo"));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	out_of_cgroup();
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "lo", &a));
	EXPECT_EQ(0, host_may(self->s, "mute", &a));
}
