/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns the order: system over core and door, init with its roots, turns, the end. Trusts the checked package.
 */
#include "kernel/userland.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/text.h"
#include "kernel/core/elf.h"
#include "platform/platform.h"

/* While programs run, the world outside is asked for the end this often only: it may cost time to ask. */
#define TURNS_BETWEEN_ASKS 64u

/* Of each process: less than the kernel has of each, so that one process cannot use it up. Queues and vectors
 * of a card: receive, transmit, and one more. Pages of MemoryObjects come from the manifest. */
static const struct budget_limits limits = {.limit = {
                                                [BUDGET_DEVICES] = 1,
                                                [BUDGET_REGISTERS] = 2,
                                                [BUDGET_POOLS] = 2,
                                                [BUDGET_POOL_PAGES] = 1024,
                                                [BUDGET_BUFFERS] = 16,
                                                [BUDGET_QUEUES] = 3,
                                                [BUDGET_INTERRUPTS] = 3,
                                                [BUDGET_CAP_SLOTS] = 128,
                                                [BUDGET_PROCESSES] = PACKAGE_SERVICES_MAX,
                                                [BUDGET_ENDPOINTS] = 96,
                                                [BUDGET_CALLS] = 24,
                                            }};

static void make(struct userland *u, const struct userland_setup *setup)
{
    const struct package *package = setup->package;
    const struct platform_memory_region memory = platform_memory_region(setup->platform);

    for (uint32_t i = 0; i < package->header->tables; i++) {
        package_table(package, i, &u->copies[i]);
        u->tables[i] = &u->copies[i].table;
    }
    const struct calls_setup calls = {
        .kernel = setup->kernel,
        .platform = setup->platform,
        .evidence = setup->evidence,
        .console = setup->console,
        .tables = {u->tables, package->header->tables},
        .package = package,
        .nonce = setup->params->nonce,
        .probed = setup->params->mode == BOOT_MODE_PROOF && setup->params->probe[0] != 0,
    };
    calls_init(&u->calls, &calls);
    const struct system_setup system = {
        .core = &setup->kernel->core,
        .processor = *setup->processor,
        .door = calls_door(&u->calls),
        .loader = elf_load,
        .pages = memory.cpu,
        .page_count = (uint32_t)(memory.bytes / PROCESSOR_PAGE),
        .limits = limits,
    };
    system_init(&u->system, &system);
    calls_attach(&u->calls, &u->system);
}

static void show_package(struct userland *u, const struct package *package)
{
    struct system *s = &u->system;

    for (uint32_t i = 0; i < package->header->programs; i++) {
        uint32_t bytes = 0;

        memcpy(s->programs[i].name, package->programs[i].name, sizeof s->programs[i].name);
        s->programs[i].bytes = package_file(package, i, &bytes);
        s->programs[i].length = bytes;
    }
    s->program_count = package->header->programs;
    s->package = (uint8_t *)(uintptr_t)package->bytes; /* shown read-only, never written */
    s->package_pages = (package->header->bytes + PROCESSOR_PAGE - 1u) / PROCESSOR_PAGE;
}

static bool of_the_core(uint16_t interface)
{
    return interface == CAP_IF_MEMORY_SOURCE || interface == CAP_IF_ENDPOINT_SOURCE ||
           interface == CAP_IF_TIMER || interface == CAP_IF_SPAWNER;
}

/* What init's line of the manifest names of the kernel's. */
static bool grant_roots(struct userland *u, const struct package *package, uint16_t process)
{
    for (uint32_t i = 0; i < package->services[package->init].grant_count; i++) {
        const struct package_grant *g = package_grant(package, package->init, i);
        const struct calls_root root = {
            .name = g->name, .interface = (uint8_t)g->interface, .port = g->port, .markers = g->markers};
        enum cap_exception exception;
        cap_id made;

        if (g->kind == GRANT_SERVES)
            continue; /* its own endpoint */
        exception = of_the_core(g->interface)
                        ? process_grant_root(&u->system, process, g->name, root.interface, 0, &made)
                        : calls_grant_root(&u->calls, process, &root);
        if (exception != CAP_EX_NONE)
            return false;
    }
    return true;
}

/* For the web process. In a proof nobody is told the nonce, which a program is to fetch there: what the pages
 * show instead is that of `probe`. */
static void web_words(struct text *t, const struct boot_params *params)
{
    const bool proof = params->mode == BOOT_MODE_PROOF;
    const char *nonce = proof ? params->probe : params->nonce;

    if (proof)
        text_string(t, " probe=1");
    text_string(t, " where=");
    text_string(t, boot_where_name(params->where));
    if (params->commit[0] != 0) {
        text_string(t, " commit=");
        text_string(t, params->commit);
    }
    if (params->hosts[0] != 0) {
        text_string(t, " hosts=");
        text_string(t, params->hosts);
    }
    if (nonce[0] != 0) {
        text_string(t, " nonce=");
        text_string(t, nonce);
    }
}

/* The manifest's words, then those of the boot line that concern programs. */
static bool init_words(struct text *t, const struct package *package, const struct boot_params *params)
{
    uint32_t bytes = 0;
    const char *words = package_text(package, package->init, &bytes);

    text_bytes(t, words, bytes);
    text_string(t, bytes == 0 ? "mode=" : " mode=");
    text_string(t, params->mode == BOOT_MODE_PROOF ? "proof" : "serve");
    text_string(t, " exchanges=");
    text_u64(t, params->exchanges);
    /* for the services that the manifest says */
    if (params->verifier[0] != 0) {
        text_string(t, " verifier=");
        text_string(t, params->verifier);
    }
    if (params->columns != 0) {
        text_string(t, " columns=");
        text_u64(t, params->columns);
    }
    if (params->rows != 0) {
        text_string(t, " rows=");
        text_u64(t, params->rows);
    }
    if (params->network == BOOT_NETWORK_VPC)
        text_string(t, " network=vpc");
    if (params->mode == BOOT_MODE_SERVE || params->probe[0] != 0)
        web_words(t, params);
    return !t->overflow;
}

static const char *start_init(struct userland *u, const struct userland_setup *setup, uint16_t *process)
{
    const struct package *package = setup->package;
    const struct package_service *service = &package->services[package->init];
    struct process_request request = {.memory_pages = service->pages};
    char text[STARTUP_TEXT_BYTES];
    struct text words = text_over(text, sizeof text - 1u);
    uint32_t detail = 0;

    if (!init_words(&words, package, setup->params))
        return "init's words are too long";
    text[words.used] = '\0';
    request.text = text;
    request.file = u->system.programs[package->header->init].bytes;
    request.length = u->system.programs[package->header->init].length;
    memcpy(request.name, service->name, sizeof request.name);
    if (process_create(&u->system, &request, process, &detail) != SYS_OK)
        return "init could not be made";
    if (!grant_roots(u, package, *process))
        return "init could not be given what its manifest names";
    process_start(&u->system, *process);
    return NULL;
}

/* In mode proof init ends when the proofs are over, and its code says whether they held. */
static const char *init_ended(const struct userland *u, const struct userland_setup *setup, uint16_t init)
{
    const struct process *p = &u->system.processes[init];

    if (setup->params->mode != BOOT_MODE_PROOF || p->end != PROCESS_EXITED)
        return "init ended";
    return p->code == 0 ? NULL : "a proof of the programs did not hold";
}

static const char *turns(struct userland *u, const struct userland_setup *setup, uint16_t init)
{
    struct platform *platform = setup->platform;

    for (uint32_t n = 0;; n++) {
        const struct system_turn turn = system_turn(&u->system, platform_now_ns(platform));

        if (!process_live(&u->system, init))
            return init_ended(u, setup, init);
        if (u->calls.power != CALLS_POWER_STAYS)
            return NULL;
        if ((!turn.ran || n % TURNS_BETWEEN_ASKS == 0) && platform_end_requested(platform))
            return setup->params->mode == BOOT_MODE_PROOF ? "interrupted during the proofs" : NULL;
        platform_relax(platform); /* devices and time move on, whoever runs */
    }
}

/* Nothing that a process was given is left. */
static const char *judge(const struct userland *u, const struct kernel_usage *before)
{
    const struct kernel_usage after = kernel_usage(u->calls.kernel);
    const struct system_held held = system_held(&u->system);

    if (after.quarantined_devices != before->quarantined_devices)
        return "a device did not confirm its reset";
    if (memcmp(before, &after, sizeof after) != 0)
        return "budgets differ after the last process";
    if (held.processes != 0 || held.memory_pages != 0 || held.mappings != 0)
        return "a process left pages behind";
    return NULL;
}

const char *userland_begin(struct userland *u, const struct userland_setup *setup)
{
    u->before = kernel_usage(setup->kernel);
    u->init = PROCESS_NONE;
    make(u, setup);
    show_package(u, setup->package);
    return start_init(u, setup, &u->init);
}

const char *userland_end(struct userland *u)
{
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (process_live(&u->system, i))
            process_end(&u->system, i, PROCESS_KILLED, 0);
    }
    kernel_watch_memory(u->calls.kernel, (struct memory_watch){NULL, NULL});
    return judge(u, &u->before);
}

const char *userland_run(struct userland *u, const struct userland_setup *setup)
{
    const char *failed = userland_begin(u, setup);

    if (failed == NULL)
        failed = turns(u, setup, u->init);
    const char *left = userland_end(u);
    return failed != NULL ? failed : left;
}
