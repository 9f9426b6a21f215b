/* SPDX-License-Identifier: BSD-2-Clause */
/* lwIP's own unit tests, each in a process of its own by libcheck: a line each, `passed`, `failed` or
 * `skipped` and its name. Exit status 1: one failed, or a name to be skipped is no test. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/test_def.h"
#include "core/test_dns.h"
#include "core/test_mem.h"
#include "core/test_netif.h"
#include "core/test_pbuf.h"
#include "core/test_timers.h"
#include "dhcp/test_dhcp.h"
#include "etharp/test_etharp.h"
#include "ip4/test_ip4.h"
#include "lwip/init.h"
#include "lwip/memp.h"
#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/stats.h"
#include "lwip/sys.h"
#include "lwip_check.h"
#include "tcp/test_tcp.h"
#include "tcp/test_tcp_oos.h"
#include "tcp/test_tcp_state.h"
#include "tests/lwip/hooks.h"
#include "udp/test_udp.h"

#define TEST_SECONDS_MAX 60

#ifdef LWIP_TESTS_SHIPPED_SIZES
#define SHIPPED(name, reason) {name, reason, 0},
#else
#define SHIPPED(name, reason)
#endif
#define EVERYWHERE(name, reason) {name, reason, 0},

static struct {
    const char *name, *reason;
    unsigned found;
} skips[] = {
#include "tests/lwip/skips.def"
};

#define SKIPS (sizeof(skips) / sizeof(skips[0]))

u32_t lwip_sys_now;

u32_t sys_now(void)
{
    return lwip_sys_now;
}

void netd_panic(const char *what, const char *file, unsigned line)
{
    fprintf(stderr, "lwIP: %s (%s:%u)\n", what, file, line);
    abort();
}

uint32_t netd_random32(void)
{
    static uint32_t state = 1;

    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* As lwIP does without the hook: tests set tcp_ticks to choose a number. */
u32_t netd_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote, u16_t remote_port)
{
    static u32_t number = 6510;

    (void)local, (void)local_port, (void)remote, (void)remote_port;
    number += tcp_ticks;
    return number;
}

err_t netd_tcp_arrives(struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
    (void)pcb, (void)header;
    return ERR_OK;
}

void netd_dhcp_parse(struct netif *netif, u8_t state, const struct dhcp_msg *message, u8_t option,
                     struct pbuf *p)
{
    (void)netif, (void)state, (void)message, (void)option, (void)p;
}

void netd_dhcp_append(struct netif *netif, u8_t type, u8_t *options, u16_t *used)
{
    (void)netif, (void)type, (void)options, (void)used;
}

int tcpip_thread_poll_one(void)
{
    netif_poll_all();
    return 0;
}

static bool skipped(const char *name)
{
    for (size_t i = 0; i < SKIPS; i++) {
        if (strcmp(name, skips[i].name) == 0) {
            skips[i].found++;
            printf("skipped %s: %s\n", name, skips[i].reason);
            return true;
        }
    }
    return false;
}

Suite *create_suite(const char *name, testfunc *tests, size_t num_tests, SFun setup, SFun teardown)
{
    Suite *suite = suite_create(name);

    for (size_t i = 0; i < num_tests; i++) {
        char *full = NULL; /* kept by the case */
        if (asprintf(&full, "%s.%s", name, tests[i]->name) < 0)
            abort();
        if (skipped(full))
            continue;
        TCase *test = tcase_create(full);
        tcase_set_timeout(test, TEST_SECONDS_MAX);
        if (setup != NULL || teardown != NULL)
            tcase_add_checked_fixture(test, setup, teardown);
        tcase_add_test(test, tests[i]);
        suite_add_tcase(suite, test);
    }
    return suite;
}

void lwip_check_ensure_no_alloc(unsigned int skip)
{
    if ((skip & SKIP_HEAP) == 0)
        ck_assert_uint_eq(lwip_stats.mem.used, 0);
    for (unsigned i = 0; i < MEMP_MAX; i++)
        if ((skip & (1u << i)) == 0)
            ck_assert_msg(lwip_stats.memp[i]->used == 0, "pool %u has %u in use", i,
                          (unsigned)lwip_stats.memp[i]->used);
}

static int report(SRunner *runner)
{
    TestResult **results = srunner_results(runner);
    const int count = srunner_ntests_run(runner);
    int bad = srunner_ntests_failed(runner);

    for (int i = 0; i < count; i++) {
        if (tr_rtype(results[i]) == CK_PASS)
            printf("passed %s\n", tr_tcname(results[i]));
        else
            printf("failed %s: %s (%s:%d)\n", tr_tcname(results[i]), tr_msg(results[i]), tr_lfile(results[i]),
                   tr_lno(results[i]));
    }
    free(results);
    for (size_t i = 0; i < SKIPS; i++) {
        if (skips[i].found != 1) {
            printf("failed %s: to be skipped, and %u tests have that name\n", skips[i].name, skips[i].found);
            bad++;
        }
    }
    return bad;
}

int main(void)
{
    static suite_getter_fn *const suites[] = {
        def_suite, mem_suite, pbuf_suite, timers_suite, netif_suite,   etharp_suite,    ip4_suite,
        udp_suite, dns_suite, dhcp_suite, tcp_suite,    tcp_oos_suite, tcp_state_suite,
    };

    lwip_init();
    SRunner *runner = srunner_create(suites[0]());
    for (size_t i = 1; i < sizeof(suites) / sizeof(suites[0]); i++)
        srunner_add_suite(runner, suites[i]());
    fflush(stdout);
    srunner_run_all(runner, CK_SILENT);
    const int bad = report(runner);
    srunner_free(runner);
    return bad == 0 ? 0 : 1;
}
