/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture of the programs in selftests/api: a network namespace of its own
 * for each test, and a variant for each stack.
 *
 * XTCP_API_STACKS=name,group,... selects variants (default: all of them);
 * XTCP_API_TESTS=name,... selects tests. What is not selected is not planned.
 * A stack that is selected and not there makes its tests fail.
 */
#ifndef XTCP_SELFTESTS_FIXTURE_H
#define XTCP_SELFTESTS_FIXTURE_H

#include "api.h"
#include "kselftest_harness.h"

/* An emulated machine is slow; nothing here depends on how slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

FIXTURE(api) {
	const struct api_stack *s;
};

FIXTURE_VARIANT(api) {
	struct api_stack stack;
};

#define API_STACK_(name_, group_, sd_, sp_, cd_, cp_, af_, mapped_)	\
FIXTURE_VARIANT_ADD(api, name_) {					\
	.stack = {							\
		.name = #name_, .group = group_,			\
		.srv_domain = sd_, .srv_proto = sp_,			\
		.cli_domain = cd_, .cli_proto = cp_,			\
		.af = af_, .mapped = mapped_,				\
	},								\
}

/* a second step, so that BOTH() is two arguments for each end by then */
#define API_STACK(...) API_STACK_(__VA_ARGS__)
#define BOTH(domain_, proto_) domain_, proto_, domain_, proto_

#ifndef API_FAMILY_ONLY
API_STACK(tcp4, "tcp", BOTH(AF_INET, 0), AF_INET, false);
API_STACK(tcp6, "tcp", BOTH(AF_INET6, 0), AF_INET6, false);
API_STACK(tcpmap, "tcp", BOTH(AF_INET6, IPPROTO_TCP), AF_INET6, true);
#endif
API_STACK(fam4, "xtcp", BOTH(AF_XTCP, 0), AF_INET, false);
API_STACK(fam6, "xtcp", BOTH(AF_XTCP, 0), AF_INET6, false);
#ifndef API_FAMILY_ONLY
API_STACK(fammap, "xtcp", BOTH(AF_XTCP, IPPROTO_TCP), AF_INET6, true);
API_STACK(inet4, "xtcp", BOTH(AF_INET, IPPROTO_XTCP), AF_INET, false);
API_STACK(inet6, "xtcp", BOTH(AF_INET6, IPPROTO_XTCP), AF_INET6, false);
API_STACK(inetmap, "xtcp", BOTH(AF_INET6, IPPROTO_XTCP), AF_INET6, true);
#endif
#ifdef API_WITH_CROSS
API_STACK(t2x4, "cross", AF_INET, IPPROTO_XTCP, AF_INET, 0, AF_INET, false);
API_STACK(x2t4, "cross", AF_INET, 0, AF_INET, IPPROTO_XTCP, AF_INET, false);
API_STACK(t2x6, "cross", AF_XTCP, 0, AF_INET6, 0, AF_INET6, false);
API_STACK(x2t6, "cross", AF_INET6, 0, AF_XTCP, 0, AF_INET6, false);
#endif

FIXTURE_SETUP(api)
{
	self->s = &variant->stack;
	ASSERT_EQ(0, ns_enter());
}

FIXTURE_TEARDOWN(api)
{
}

/* Whether the comma separated @list holds @word. */
static bool api_listed(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *p;

	for (p = list; (p = strstr(p, word)); p++)
		if ((p == list || p[-1] == ',') && (!p[len] || p[len] == ','))
			return true;
	return false;
}

static bool api_wanted(const struct api_stack *s)
{
	const char *list = getenv("XTCP_API_STACKS");

	if (!list || !*list || api_listed(list, "all"))
		return true;
	return api_listed(list, s->name) || api_listed(list, s->group);
}

static void api_select_variants(struct __fixture_metadata *f)
{
	struct __fixture_variant_metadata **link = &f->variant;

	while (*link) {
		const struct api_stack *s = (*link)->data;

		if (api_wanted(s))
			link = &(*link)->next;
		else
			*link = (*link)->next;
	}
}

static void api_select_tests(struct __fixture_metadata *f)
{
	const char *list = getenv("XTCP_API_TESTS");
	struct __test_metadata **link = &f->tests;

	while (list && *list && *link) {
		if (api_listed(list, (*link)->name))
			link = &(*link)->next;
		else
			*link = (*link)->next;
	}
}

int main(int argc, char **argv)
{
	api_select_variants(&_api_fixture_object);
	api_select_tests(&_api_fixture_object);
	if (!_api_fixture_object.variant || !_api_fixture_object.tests)
		ksft_exit_fail_msg("the selection leaves no test\n");
	return test_harness_run(argc, argv);
}

#endif /* XTCP_SELFTESTS_FIXTURE_H */
