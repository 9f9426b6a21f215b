/* SPDX-License-Identifier: BSD-2-Clause */
/* The service graph of a boot package: who runs what, is granted what, and waits for whom. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/startup.h"
#include "kernel/core/package_parts.h"

#define NO_GRANT UINT32_MAX

/* `key=value` words, one blank between two, no key twice: what a program may read as its parameters. */
static bool key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Bytes of the key at `at` that a `=` and a value follow; 0: none. */
static uint32_t key_bytes(const char *text, uint32_t n, uint32_t at)
{
    uint32_t end = at;

    while (end < n && key_byte(text[end]))
        end++;
    return end < n && text[end] == '=' && end + 1u < n && text[end + 1u] != ' ' ? end - at : 0;
}

static bool key_again(const char *text, uint32_t at, uint32_t bytes)
{
    for (uint32_t i = 0; i < at; i++) {
        if ((i == 0 || text[i - 1u] == ' ') && memcmp(text + i, text + at, bytes + 1u) == 0)
            return true;
    }
    return false;
}

static bool text_ok(const char *text, uint32_t n)
{
    uint32_t at = 0;

    if (n >= STARTUP_TEXT_BYTES)
        return false;
    while (at < n) {
        const uint32_t key = key_bytes(text, n, at);

        if (key == 0 || key_again(text, at, key))
            return false;
        for (at += key; at < n && text[at] != ' '; at++) {
            if (text[at] < '!' || text[at] > '~')
                return false;
        }
        if (at < n && ++at == n) /* a blank at the end */
            return false;
    }
    return true;
}

/* It runs when it is asked for, and no other rule brings it back. */
static bool asked_alone(const struct package_service *s)
{
    return s->when != WHEN_ASKED || (s->restart == RESTART_NEVER && s->restart_budget == 0);
}

static enum package_error check_service(const struct package *p, uint32_t i, uint32_t first_grant)
{
    const struct package_service *s = &p->services[i];

    if (!package_name_ok(s->name))
        return PACKAGE_E_NAME;
    for (uint32_t k = 0; k < i; k++) {
        if (package_name_same(s->name, p->services[k].name))
            return PACKAGE_E_NAME;
    }
    if (s->program >= p->header->programs)
        return PACKAGE_E_PROGRAM;
    if (s->grant_count > STARTUP_GRANTS_MAX)
        return PACKAGE_E_COUNT;
    if (s->first_grant != first_grant || s->grant_count > p->header->grants - first_grant)
        return PACKAGE_E_FIELD;
    if (s->restart > RESTART_ALWAYS || s->when > WHEN_SERVE_PROBE ||
        s->restart_budget > PACKAGE_RESTARTS_MAX || s->pages > PACKAGE_PAGES_MAX ||
        (s->boot_words & ~PACKAGE_BOOT_ALL) != 0 || !asked_alone(s))
        return PACKAGE_E_FIELD;
    if (!package_extent_ok(p, s->text, 0))
        return PACKAGE_E_EXTENT;
    return text_ok((const char *)(p->bytes + s->text.offset), s->text.bytes) ? PACKAGE_OK : PACKAGE_E_FIELD;
}

/* Interfaces of which the kernel makes capabilities for init, and init copies for others. */
static bool kernel_interface(uint16_t interface)
{
    switch (interface) {
    case CAP_IF_FUNCTIONS:
    case CAP_IF_MEMORY_SOURCE:
    case CAP_IF_ENDPOINT_SOURCE:
    case CAP_IF_TIMER:
    case CAP_IF_SPAWNER:
    case CAP_IF_SERIAL:
    case CAP_IF_AUDIT:
    case CAP_IF_SYSTEM:
    case CAP_IF_ENTROPY:
    case CAP_IF_INVENTORY:
    case CAP_IF_AUDIT_NOTE:
    case CAP_IF_POWER:
        return true;
    default:
        return false;
    }
}

/* Under a name. Listeners, sockets and terminals come out of these. */
static bool served_interface(uint16_t interface)
{
    return (interface >= CAP_IF_NIC && interface <= CAP_IF_TCP_LISTEN_AUTHORITY) ||
           interface == CAP_IF_LOGIN || interface == CAP_IF_TERMINALS || interface == CAP_IF_TERMINAL_MAKER ||
           interface == CAP_IF_NETWORK_STATUS || interface == CAP_IF_TCP_CONNECT_AUTHORITY ||
           interface == CAP_IF_SUPERVISOR_STATUS;
}

/* By its class, or by vendor and device id; vendor and id 0 are nobody's. */
static bool device_named(const struct package_grant *g)
{
    return g->vendor != 0 && g->device_id != 0 &&
           (g->device_class != PACKAGE_ANY || (g->vendor != PACKAGE_ANY && g->device_id != PACKAGE_ANY));
}

static bool name_empty(const char *name)
{
    const char empty[PACKAGE_NAME_BYTES] = {0};

    return package_name_same(name, empty);
}

static bool port_ok(const struct package_grant *g)
{
    if (g->kind == GRANT_KERNEL && g->interface == CAP_IF_SERIAL)
        return g->port >= 1 && g->port <= PACKAGE_PORTS_MAX;
    const bool ported =
        g->interface == CAP_IF_TCP_LISTEN_AUTHORITY || g->interface == CAP_IF_TCP_CONNECT_AUTHORITY;

    return (g->kind == GRANT_SERVED && ported) == (g->port != 0);
}

/* The fields of its kind in their ranges, those of others zero. */
static bool fields_ok(const struct package_grant *g)
{
    const bool device = g->kind == GRANT_DEVICE;
    const bool served = g->kind == GRANT_SERVED;
    const bool named = served || g->kind == GRANT_STARTS; /* another service */

    if (g->optional > 1 || (!served && (g->optional != 0 || !name_empty(g->served))))
        return false;
    if (!named && g->service != 0)
        return false;
    if (!device && (g->vendor != 0 || g->device_class != 0 || g->device_id != 0 || g->number != 0))
        return false;
    if (g->reserved[0] != 0 || g->reserved[1] != 0 || g->reserved[2] != 0)
        return false;
    if (!port_ok(g))
        return false;
    if (g->kind != GRANT_EVIDENCE && g->markers != 0)
        return false;
    switch (g->kind) {
    case GRANT_KERNEL:
        return kernel_interface(g->interface);
    case GRANT_DEVICE:
        return g->interface == CAP_IF_FUNCTION && device_named(g);
    case GRANT_SERVED:
    case GRANT_SERVES:
        return served_interface(g->interface);
    case GRANT_EVIDENCE:
        return g->interface == CAP_IF_EVIDENCE && g->markers != 0;
    case GRANT_STARTS:
        return g->interface == CAP_IF_STARTER;
    default:
        return false;
    }
}

/* Init hands out what it is given; it serves the supervisor alone, and waits for nobody. What runs when it is
 * asked for has no clients, asks for nobody and proves nothing. */
static bool may_hold(const struct package *p, uint32_t service, const struct package_grant *g)
{
    if (service == p->init)
        return g->kind == GRANT_KERNEL || g->kind == GRANT_EVIDENCE ||
               (g->kind == GRANT_SERVES &&
                (g->interface == CAP_IF_SUPERVISOR || g->interface == CAP_IF_SUPERVISOR_STATUS));
    return p->services[service].when != WHEN_ASKED ||
           (g->kind != GRANT_SERVES && g->kind != GRANT_STARTS && g->kind != GRANT_EVIDENCE);
}

static uint32_t find_source(const struct package *p, const struct package_grant *grant)
{
    for (uint32_t i = 0; i < p->services[p->init].grant_count; i++) {
        const struct package_grant *own = package_grant(p, p->init, i);

        if (own->kind == grant->kind && own->interface == grant->interface && own->port == grant->port &&
            (grant->markers & ~own->markers) == 0)
            return i;
    }
    return NO_GRANT;
}

static uint32_t find_serves(const struct package *p, const struct package_grant *grant)
{
    if (grant->service >= p->header->services)
        return NO_GRANT;
    for (uint32_t i = 0; i < p->services[grant->service].grant_count; i++) {
        const struct package_grant *own = package_grant(p, grant->service, i);

        if (own->kind == GRANT_SERVES && own->interface == grant->interface &&
            package_name_same(own->name, grant->served))
            return i;
    }
    return NO_GRANT;
}

uint32_t package_starter(const struct package *p, uint32_t service)
{
    for (uint32_t holder = 0; holder < p->header->services; holder++) {
        for (uint32_t i = 0; i < p->services[holder].grant_count; i++) {
            const struct package_grant *g = package_grant(p, holder, i);

            if (g->kind == GRANT_STARTS && g->service == service)
                return holder;
        }
    }
    return PACKAGE_NO_SERVICE;
}

/* Runs in which it may run; of one that is asked for, those of who asks, which is there. */
static uint8_t runs_in(const struct package *p, uint32_t service)
{
    return p->services[service].when == WHEN_ASKED ? p->services[package_starter(p, service)].when
                                                   : p->services[service].when;
}

/* Who serves it something runs whenever it does. */
static bool served_whenever(const struct package *p, uint32_t service, const struct package_grant *g)
{
    const uint8_t when = p->services[g->service].when;

    /* One that comes first finds nobody there, and one that is asked for is nobody's server. */
    return runs_in(p, service) != WHEN_PROOF_FIRST && when != WHEN_ASKED &&
           (when == WHEN_ALWAYS || when == runs_in(p, service) ||
            (when == WHEN_SERVE_PROBE && runs_in(p, service) == WHEN_SERVE));
}

static bool starts_one(const struct package *p, const struct package_grant *g)
{
    return g->service < p->header->services && p->services[g->service].when == WHEN_ASKED;
}

/* Two grants of what there is once: a device, a port of one server to listen on, or to reach through it, a
 * service that is asked for. */
static bool same_claim(const struct package_grant *a, const struct package_grant *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == GRANT_DEVICE)
        return a->vendor == b->vendor && a->device_class == b->device_class && a->device_id == b->device_id &&
               a->number == b->number;
    if (a->kind == GRANT_STARTS)
        return a->service == b->service;
    return a->kind == GRANT_SERVED && a->port != 0 && a->port == b->port && a->service == b->service &&
           a->interface == b->interface;
}

static enum package_error check_grant(const struct package *p, uint32_t service, uint32_t number)
{
    const struct package_grant *g = package_grant(p, service, number);

    if (!package_name_ok(g->name) || (g->kind == GRANT_SERVED && !package_name_ok(g->served)))
        return PACKAGE_E_NAME;
    for (uint32_t k = 0; k < number; k++) {
        if (package_name_same(g->name, package_grant(p, service, k)->name))
            return PACKAGE_E_NAME;
    }
    if (!fields_ok(g) || !may_hold(p, service, g))
        return PACKAGE_E_FIELD;
    if (g->kind == GRANT_SERVED && (find_serves(p, g) == NO_GRANT || !served_whenever(p, service, g)))
        return PACKAGE_E_DANGLING;
    if (g->kind == GRANT_STARTS && !starts_one(p, g))
        return PACKAGE_E_DANGLING;
    if (service != p->init && (g->kind == GRANT_KERNEL || g->kind == GRANT_EVIDENCE) &&
        find_source(p, g) == NO_GRANT)
        return PACKAGE_E_DANGLING;
    for (const struct package_grant *k = p->grants; k < g; k++) {
        if (same_claim(k, g))
            return PACKAGE_E_CLAIM;
    }
    return PACKAGE_OK;
}

/* Services that `service` waits for, a bit each. */
static uint32_t waits_for(const struct package *p, uint32_t service)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < p->services[service].grant_count; i++) {
        const struct package_grant *g = package_grant(p, service, i);

        if (g->kind == GRANT_SERVED)
            bits |= 1u << g->service;
    }
    return bits;
}

/* In the order of the list, as soon as nothing is waited for. False: those that are left wait for each other.
 */
static bool find_order(struct package *p, struct package_place *at)
{
    const uint32_t n = p->header->services;
    uint32_t started = 1u << p->init;

    p->order[0] = p->init;
    for (uint32_t count = 1; count < n; count++) {
        uint32_t next = 0;

        while (next < n && ((started >> next & 1u) != 0 || (waits_for(p, next) & ~started) != 0))
            next++;
        if (next == n) {
            for (next = 0; (started >> next & 1u) != 0;)
                next++;
            *at = (struct package_place){PACKAGE_SERVICES, (uint16_t)next};
            return false;
        }
        started |= 1u << next;
        p->order[count] = (uint16_t)next;
    }
    return true;
}

static bool find_init(struct package *p)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < p->header->services; i++) {
        if (p->services[i].program == p->header->init) {
            p->init = (uint16_t)i;
            found++;
        }
    }
    return found == 1;
}

static enum package_error check_grants(const struct package *p, uint32_t service, struct package_place *at)
{
    if (p->services[service].when == WHEN_ASKED && package_starter(p, service) == PACKAGE_NO_SERVICE) {
        *at = (struct package_place){PACKAGE_SERVICES, (uint16_t)service};
        return PACKAGE_E_DANGLING;
    }
    for (uint32_t k = 0; k < p->services[service].grant_count; k++) {
        *at = (struct package_place){PACKAGE_GRANTS, (uint16_t)(p->services[service].first_grant + k)};
        const enum package_error error = check_grant(p, service, k);
        if (error != PACKAGE_OK)
            return error;
    }
    return PACKAGE_OK;
}

enum package_error package_check_services(struct package *p, struct package_place *at)
{
    enum package_error error = PACKAGE_OK;
    uint32_t grants = 0;

    for (uint32_t i = 0; i < p->header->services; i++) {
        *at = (struct package_place){PACKAGE_SERVICES, (uint16_t)i};
        error = check_service(p, i, grants);
        if (error != PACKAGE_OK)
            return error;
        grants += p->services[i].grant_count;
    }
    *at = (struct package_place){PACKAGE_HEADER, 0};
    if (grants != p->header->grants)
        return PACKAGE_E_FIELD;
    if (!find_init(p))
        return PACKAGE_E_PROGRAM;
    if (p->services[p->init].when != WHEN_ALWAYS)
        return PACKAGE_E_FIELD;
    for (uint32_t i = 0; i < p->header->services; i++) {
        error = check_grants(p, i, at);
        if (error != PACKAGE_OK)
            return error;
    }
    return find_order(p, at) ? PACKAGE_OK : PACKAGE_E_CYCLE;
}

uint32_t package_source(const struct package *p, const struct package_grant *grant)
{
    const uint32_t i = find_source(p, grant);

    ASSERT(i != NO_GRANT);
    return i;
}

uint32_t package_serves(const struct package *p, const struct package_grant *grant)
{
    const uint32_t i = find_serves(p, grant);

    ASSERT(i != NO_GRANT);
    return i;
}

bool package_grant_fits(const struct package_grant *grant, const struct pci_function_info *info)
{
    return grant->kind == GRANT_DEVICE && (grant->vendor == PACKAGE_ANY || info->vendor == grant->vendor) &&
           (grant->device_id == PACKAGE_ANY || info->device == grant->device_id) &&
           (grant->device_class == PACKAGE_ANY || info->class_code >> 8 == grant->device_class);
}
