/* SPDX-License-Identifier: BSD-2-Clause */
/* World `pci` (rows E1, E7-E10, E12, E26, E36; Z9): scan and probe over every graph, and over scrambled ones.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/explore/jobs.h"
#include "sim/explore/pci_world.h"

#define SCRAMBLED 300000

Test(pci_world, every_capability_graph_of_up_to_four_nodes)
{
    const struct xp_limits limits = {.memory_bytes = 1 << 20};
    struct xp_jobs jobs = {0};
    struct xp_result out;

    xp_pci_jobs(&jobs);
    const struct xp_job *job = xp_job_named(&jobs, "X8/graphs");
    cr_assert_not_null(job);
    job->run_it(job, &limits, &out);
    cr_assert(out.closed, "%s: %s", xp_property_name(out.verdict.property), out.verdict.what);
    /* 18 plain contents at each of four nodes, and what the first three may be. */
    cr_assert_gt(out.states, 2u * 18 * 18 * 18 * 18);
    xp_path_free(&out.path);
    free(jobs.list);
}

Test(pci_world, scrambled_lists_end_in_what_their_bytes_say)
{
    const struct pci_config config = {.scrambled = true};
    struct xp_world *w = pci_world_make(&config);
    struct sim_choices choices;
    enum xp_step stepped;

    cr_assert_not_null(w);
    sim_choices_init(&choices, SIM_CHOOSE_RANDOM, 7);
    choices.unrecorded = true;
    w->choices = &choices;
    for (int i = 0; i < SCRAMBLED; i++)
        cr_assert(xp_protected_step(w, &stepped), "run %d: %s: %s", i, xp_property_name(w->verdict.property),
                  w->verdict.what);
    sim_choices_free(&choices);
    pci_world_free(w);
}
