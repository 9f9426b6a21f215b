/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting one service: each grant of the manifest becomes one capability of init's, and the process gets
 * copies. Init keeps its own handle of everything that it makes, so that it can give it back: a client
 * capability when its holder ended, an endpoint when its server is down for good, a function never. */
#include "abi/assert.h"
#include "abi/device.h"
#include "abi/memory.h"
#include "evidence/text.h"
#include "user/init/init.h"

static cap_id made(struct init *init, uint32_t service, const struct ring_completion *done)
{
    struct life *life = &init->lives[service];

    if (!ring_completed(done))
        return CAP_NONE;
    ASSERT(life->made_count < STARTUP_GRANTS_MAX);
    life->made[life->made_count++] = done->cap;
    return done->cap;
}

static cap_id endpoint_of(struct init *init, uint32_t grant)
{
    if (cap_is_none(init->held[grant])) {
        const struct ring_completion done =
            ring_call(&init->rt->ring, init->endpoints, ENDPOINT_CREATE, NULL, NULL);

        if (ring_completed(&done))
            init->held[grant] = done.cap;
    }
    return init->held[grant];
}

static cap_id client_of(struct init *init, uint32_t service, const struct package_grant *g)
{
    const struct package *p = &init->package;
    const uint32_t serves = p->services[g->service].first_grant + package_serves(p, g);
    const cap_id endpoint = g->service == p->init ? init->supervised : init->held[serves];
    /* The server sees a new life of a client as a new client, and what the grant is for. */
    const uint64_t badge = package_badge(service, init->supervisor.services[service].starts, g->port);
    const struct ring_completion done =
        ring_call(&init->rt->ring, endpoint, ENDPOINT_CLIENT, RING_ARGS(g->interface, badge), NULL);

    return made(init, service, &done);
}

/* A client of init's own: the badge's port is the service that it starts. */
static cap_id starter_of(struct init *init, uint32_t service, const struct package_grant *g)
{
    const uint64_t badge = package_badge(service, init->supervisor.services[service].starts, g->service);
    const struct ring_completion done =
        ring_call(&init->rt->ring, init->supervised, ENDPOINT_CLIENT, RING_ARGS(g->interface, badge), NULL);

    return made(init, service, &done);
}

static cap_id narrowed(struct init *init, uint32_t service, const struct package_grant *g)
{
    const cap_id whole = init->own[package_source(&init->package, g)];
    const struct ring_completion done =
        ring_call(&init->rt->ring, whole, EVIDENCE_NARROW, RING_ARGS(g->markers), NULL);

    return made(init, service, &done);
}

/* Index in the scan record of the function that the grant names. */
static bool find_function(struct init *init, const struct package_grant *g, uint64_t *index)
{
    const struct ring_completion count =
        ring_call(&init->rt->ring, init->functions, FUNCTIONS_COUNT, NULL, NULL);
    const struct ring_extra range = ring_range(init->request.cap, 0, sizeof(struct pci_function_info));
    uint32_t fitting = 0;

    for (uint64_t i = 0; ring_completed(&count) && i < count.value; i++) {
        struct pci_function_info info;
        const struct ring_completion done =
            ring_call(&init->rt->ring, init->functions, FUNCTIONS_INFO, RING_ARGS(i), &range);

        memcpy(&info, init->request.at, sizeof info);
        if (ring_completed(&done) && package_grant_fits(g, &info) && fitting++ == g->number) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Taken once; a device that ends with its driver is claimed anew through the same function. */
static cap_id function_of(struct init *init, uint32_t grant)
{
    uint64_t index = 0;

    if (cap_is_none(init->held[grant]) && find_function(init, &init->package.grants[grant], &index)) {
        const struct ring_completion done =
            ring_call(&init->rt->ring, init->functions, FUNCTIONS_TAKE, RING_ARGS(index), NULL);

        if (ring_completed(&done))
            init->held[grant] = done.cap;
    }
    return init->held[grant];
}

static cap_id grant_cap(struct init *init, uint32_t service, uint32_t number)
{
    const struct package_grant *g = package_grant(&init->package, service, number);
    const uint32_t grant = init->package.services[service].first_grant + number;

    switch (g->kind) {
    case GRANT_KERNEL:
        return init->own[package_source(&init->package, g)];
    case GRANT_DEVICE:
        return function_of(init, grant);
    case GRANT_SERVED:
        return client_of(init, service, g);
    case GRANT_SERVES:
        return endpoint_of(init, grant);
    case GRANT_EVIDENCE:
        return narrowed(init, service, g);
    case GRANT_STARTS:
        return starter_of(init, service, g);
    default:
        return CAP_NONE;
    }
}

/* All grants of the service. False: one could not be made. Left out: a device that the machine has not, an
 * optional grant of a server that is down. */
static bool make_grants(struct init *init, uint32_t service, struct spawn_grant *grants, uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < init->package.services[service].grant_count; i++) {
        const struct package_grant *g = package_grant(&init->package, service, i);

        if (supervisor_left_out(&init->supervisor, g))
            continue;
        const cap_id cap = grant_cap(init, service, i);
        if (cap_is_none(cap) && g->kind == GRANT_DEVICE)
            continue;
        if (cap_is_none(cap))
            return false;
        grants[*count] = (struct spawn_grant){.cap = cap};
        memcpy(grants[*count].name, g->name, sizeof g->name);
        (*count)++;
    }
    return true;
}

/* A word of the boot line that init was given, behind the service's own: of two with one key the first
 * counts. */
static void add_word(const struct init *init, const char *key, struct spawn_request *request)
{
    struct text t = text_over(request->text, sizeof request->text - 1u);
    size_t bytes = 0;
    const char *value = rt_parameter(init->rt, key, &bytes);

    t.used = request->text_bytes;
    if (value == NULL)
        return;
    if (t.used != 0)
        text_string(&t, " ");
    text_string(&t, key);
    text_string(&t, "=");
    text_bytes(&t, value, bytes);
    if (!t.overflow) /* a service that fills its page does without */
        request->text_bytes = (uint32_t)t.used;
}

static void fill_request(const struct init *init, uint32_t service, struct spawn_request *request)
{
    const struct package *p = &init->package;
    uint32_t bytes = 0;
    const char *text = package_text(p, service, &bytes);

    memset(request, 0, sizeof *request);
    memcpy(request->name, p->services[service].name, sizeof request->name);
    request->pages = p->services[service].pages;
    request->text_bytes = bytes;
    memcpy(request->text, text, bytes);
    add_word(init, "mode", request);
    add_word(init, "exchanges", request);
    if ((p->services[service].boot_words & PACKAGE_BOOT_VERIFIER) != 0)
        add_word(init, "verifier", request);
    if ((p->services[service].boot_words & PACKAGE_BOOT_TERMINAL) != 0) {
        add_word(init, "columns", request);
        add_word(init, "rows", request);
    }
    if ((p->services[service].boot_words & PACKAGE_BOOT_NETWORK) != 0) {
        add_word(init, "network", request);
        add_word(init, "probe", request);
    }
    if ((p->services[service].boot_words & PACKAGE_BOOT_WEB) != 0) {
        add_word(init, "where", request);
        add_word(init, "hosts", request);
        add_word(init, "nonce", request);
        add_word(init, "commit", request);
        add_word(init, "probe", request);
    }
}

static uint32_t process_number(struct init *init, cap_id process)
{
    const struct ring_extra range = ring_range(init->request.cap, 0, sizeof(struct process_info));
    const struct ring_completion done = ring_call(&init->rt->ring, process, PROCESS_INFO, NULL, &range);
    struct process_info info;

    memcpy(&info, init->request.at, sizeof info);
    return ring_completed(&done) ? info.number : 0;
}

bool service_start(struct init *init, uint32_t service, uint32_t *process, const char **why)
{
    struct spawn_grant grants[STARTUP_GRANTS_MAX];
    struct spawn_request request;
    uint32_t count = 0;

    ASSERT(init->lives[service].made_count == 0);
    *why = "cannot be started: a grant could not be made";
    if (!make_grants(init, service, grants, &count)) {
        service_clean(init, service);
        return false;
    }
    fill_request(init, service, &request);
    memcpy(init->request.at, &request, sizeof request);
    memcpy(init->request.at + sizeof request, grants, count * sizeof grants[0]);
    const struct ring_extra range =
        ring_range(init->request.cap, 0, (uint32_t)(sizeof request + count * sizeof grants[0]));
    const struct ring_completion done =
        ring_call(&init->rt->ring, init->spawner, SPAWNER_START,
                  RING_ARGS(init->package.services[service].program, count), &range);
    if (!ring_completed(&done)) {
        *why = done.result == SYS_E_PROGRAM ? "cannot be started: its program file was refused"
                                            : "cannot be started: the kernel refused";
        service_clean(init, service);
        return false;
    }
    init->lives[service].process = done.cap;
    *process = process_number(init, done.cap);
    return true;
}

void service_clean(struct init *init, uint32_t service)
{
    struct life *life = &init->lives[service];

    if (!cap_is_none(life->process))
        (void)ring_release(&init->rt->ring, life->process);
    /* One whose endpoint is gone is stale already. */
    for (uint32_t i = 0; i < life->made_count; i++)
        (void)ring_release(&init->rt->ring, life->made[i]);
    *life = (struct life){0};
}

void service_withdraw(struct init *init, uint32_t service)
{
    for (uint32_t i = 0; i < init->package.services[service].grant_count; i++) {
        const uint32_t grant = init->package.services[service].first_grant + i;

        if (init->package.grants[grant].kind == GRANT_SERVES && !cap_is_none(init->held[grant])) {
            (void)ring_release(&init->rt->ring, init->held[grant]);
            init->held[grant] = CAP_NONE;
        }
    }
}
