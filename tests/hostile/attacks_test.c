/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of attacks by transport and author, one line a life, on standard output. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/hostile/attack.h"

static const char *const transports[] = {"legacy", "modern"};
static const char *const authors[] = {"brokered", "direct"};

static void run_all(enum dm_transport transport, enum rig_author author)
{
    uint32_t ran = 0;
    printf("%-28s %-4s %-7s %-9s %6s  %s\n", "attack", "row", "device", "author", "fired", "outcome");
    for (uint32_t i = 0; i < attack_case_count; i++) {
        const struct attack_case *c = &attack_cases[i];
        if (!(c->transports & (transport == DM_LEGACY ? ON_LEGACY : ON_MODERN)) ||
            !(c->authors & (author == RIG_BROKERED ? BY_BROKERED : BY_DIRECT)))
            continue;
        struct attack_result result = attack_run(c, transport, author);
        printf("%-28s %-4s %-7s %-9s %6u  %s", dm_attack_name(c->attack), dm_attack_row(c->attack),
               transports[transport], authors[author], result.fired, outcome_names[result.outcome]);
        if (c->outcome == CANNOT)
            printf(": %s", c->reason);
        else if (result.error != PROVIDER_OK)
            printf(" (%s)", provider_error_name(result.error));
        if (result.quarantined_pages)
            printf(", %u pages", result.quarantined_pages);
        printf("\n");
        fflush(stdout);
        cr_expect(result.wrong[0] == 0, "%s value %#llx, %s, %s: %s", dm_attack_name(c->attack),
                  (unsigned long long)c->value, transports[transport], authors[author], result.wrong);
        ran++;
    }
    cr_assert(ran >= DM_ATTACK_COUNT, "%u cases for %u attacks", ran, (unsigned)DM_ATTACK_COUNT);
}

Test(hostile, every_attack_on_a_legacy_device_by_the_broker)
{
    run_all(DM_LEGACY, RIG_BROKERED);
}

Test(hostile, every_attack_on_a_legacy_device_by_the_direct_author)
{
    run_all(DM_LEGACY, RIG_DIRECT);
}

Test(hostile, every_attack_on_a_modern_device_by_the_broker)
{
    run_all(DM_MODERN, RIG_BROKERED);
}

Test(hostile, every_attack_on_a_modern_device_by_the_direct_author)
{
    run_all(DM_MODERN, RIG_DIRECT);
}

/* The table is whole: no attack of the list lacks a case on either transport, by either author. */
Test(hostile, no_attack_of_the_list_is_left_out)
{
    for (unsigned attack = 0; attack < DM_ATTACK_COUNT; attack++) {
        unsigned by[2] = {0, 0};
        for (uint32_t i = 0; i < attack_case_count; i++) {
            const struct attack_case *c = &attack_cases[i];
            if (c->attack != attack)
                continue;
            by[0] |= c->authors & BY_BROKERED ? c->transports : 0u;
            by[1] |= c->authors & BY_DIRECT ? c->transports : 0u;
        }
        cr_expect(by[0] == ON_BOTH && by[1] == ON_BOTH, "%s: transports %u brokered, %u direct",
                  dm_attack_name((enum dm_attack)attack), by[0], by[1]);
    }
}
