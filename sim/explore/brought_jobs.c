/* SPDX-License-Identifier: BSD-2-Clause */
/* The runs over a driver that was brought: loaded from the object that the front door compiled of its files.
 * Trusts it as far as any program that is run: what it does wrong within bring_your_driver.h is what is
 * looked for. */
#include <dlfcn.h>
#include <string.h>

#include "sim/explore/jobs.h"
#include "sim/explore/nic_world.h"

#define STATE_BYTES_MAX 4096u

static const char *load(const char *object, const struct byd_driver **out)
{
    void *handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    const struct byd_driver *(*entry)(void);

    if (!handle)
        return dlerror();
    *(void **)&entry = dlsym(handle, "byd_driver");
    if (!entry)
        return "it defines no byd_driver()";
    *out = entry();
    if (!*out || !(*out)->name || !(*out)->attach || !(*out)->poll || !(*out)->send || !(*out)->detach)
        return "byd_driver() leaves something out";
    if ((*out)->state_bytes == 0 || (*out)->state_bytes > STATE_BYTES_MAX)
        return "state_bytes is not from 1 to 4096";
    return NULL;
}

static void add(struct xp_jobs *jobs, const struct nic_config *c, const char *what, const char *detail,
                bool deep)
{
    xp_nic_configure(
        xp_job_add(jobs, "BYD", "nic", "BYD/%s/q%u/%s/%s", c->driver->name, c->size, what, detail), c, deep);
}

const char *xp_brought_jobs(struct xp_jobs *jobs, const char *object)
{
    const struct byd_driver *driver = NULL;
    const char *refused = load(object, &driver);

    for (uint16_t size = 1; size <= 2 && !refused; size++) {
        struct nic_config c = {.driver = driver,
                               .legacy = driver->transport == BYD_LEGACY,
                               .size = size,
                               .frames_max = 2,
                               .suppress = true};

        for (unsigned model = 0; model < XP_MODEL_COUNT; model++) {
            c.model = (enum xp_model)model;
            c.suppress = model != XP_WEAK;
            add(jobs, &c, "honest", xp_model_name(c.model), size > 1 && model == XP_WEAK);
        }
        c.model = XP_SEQUENTIAL;
        c.frames_max = 1;
        c.events_max = 1;
        c.event_kinds = (1u << XP_NET_EVENT_COUNT) - 1u;
        add(jobs, &c, "event", "1", size > 1);
        c.events_max = 0;
        c.lies_max = 1;
        c.lie_kinds = (1u << XP_NET_LIE_COUNT) - 1u;
        c.queue_lie_kinds = (1u << XP_LIE_COUNT) - 1u;
        add(jobs, &c, "lie", "1", size > 1);
    }
    return refused;
}
