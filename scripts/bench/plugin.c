// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU's TCG that counts how often each translated block is executed, while
 * a benchmark measures: the function instructions() of the program in the guest, at the
 * address mark=, is called where a measurement begins and where it ends.
 *
 * Writes to out=: a line "marks N", then ADDRESS INSTRUCTIONS TIMES of each block.
 *
 * Debian's QEMU comes without qemu-plugin.h, hence the declarations (plugin API version 1).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define BLOCKS 1048576UL

struct qemu_plugin_tb;
struct qemu_plugin_info;
typedef uint64_t plugin_id;

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
					   void (*cb)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *ptr,
					      uint64_t value);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned int cpu, void *data), int flags,
					  void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*cb)(plugin_id id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(plugin_id id, const struct qemu_plugin_info *info, int argc,
			       char **argv);

/* A block, known by its address and length; @sum is what was executed in measurements */
struct block {
	uint64_t address;
	uint64_t length;
	uint64_t count;
	uint64_t begin;
	uint64_t sum;
};

static struct block *blocks;
static uint64_t mark;
static const char *out;
static bool measuring;
static long marks;

static struct block *block_of(uint64_t address, uint64_t length)
{
	uint64_t i = (address * 0x9e3779b97f4a7c15ULL ^ length * 0x85ebca6bULL) >> 40;

	for (;; i++) {
		struct block *b = &blocks[i % BLOCKS];

		if (!b->length) {
			b->address = address;
			b->length = length;
		}
		if (b->address == address && b->length == length)
			return b;
	}
}

static void marked(unsigned int cpu, void *data)
{
	unsigned long i;

	(void)cpu;
	(void)data;
	for (i = 0; i < BLOCKS; i++) {
		if (measuring)
			blocks[i].sum += blocks[i].count - blocks[i].begin;
		else
			blocks[i].begin = blocks[i].count;
	}
	measuring = !measuring;
	marks++;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	struct block *b = block_of(address, qemu_plugin_tb_n_insns(tb));

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, 0, &b->count, 1);
	if (address == mark)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, marked, 0, NULL);
}

static void ended(plugin_id id, void *data)
{
	FILE *f = fopen(out, "w");
	unsigned long i;

	(void)id;
	(void)data;
	if (!f) {
		perror(out);
		return;
	}
	fprintf(f, "marks %ld\n", marks);
	for (i = 0; i < BLOCKS; i++)
		if (blocks[i].sum)
			fprintf(f, "%llx %llu %llu\n", (unsigned long long)blocks[i].address,
				(unsigned long long)blocks[i].length,
				(unsigned long long)blocks[i].sum);
	fclose(f);
}

int qemu_plugin_install(plugin_id id, const struct qemu_plugin_info *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "mark=", 5))
			mark = strtoull(argv[i] + 5, NULL, 16);
		if (!strncmp(argv[i], "out=", 4))
			out = strdup(argv[i] + 4);
	}
	blocks = calloc(BLOCKS, sizeof(*blocks));
	if (!mark || !out || !blocks)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
