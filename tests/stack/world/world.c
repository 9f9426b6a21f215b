/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/stack/world/world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_NS     (120u * SECOND)
#define SLOT_UDP    31u
#define REGION_UDP  RELAY_REGIONS
#define REGION_NAME (RELAY_REGIONS - 1u)

void world_open(struct world *t, const struct world_config *config)
{
    struct wired_config wired = {.package = config->package ? config->package : WORLD_AFTER,
                                 .seed = config->seed,
                                 .wire = config->wire,
                                 .traced = config->traced};

    memset(t, 0, sizeof *t);
    t->peer = dm_peer_create(config->peer);
    wired.ports[wired.port_count++] = t->peer;
    if (config->client) {
        t->client = dm_client_create(config->client);
        wired.ports[wired.port_count++] = t->client;
    }
    if (config->bystander) {
        t->bystander = dm_client_create(config->bystander);
        wired.ports[wired.port_count++] = t->bystander;
    }
    if (config->intruder) {
        t->intruder = dm_intruder_create(config->intruder);
        wired.ports[wired.port_count++] = t->intruder;
    }
    wired_open(&t->w, &wired);
}

void world_close(struct world *t)
{
    const char *failed = wired_close(&t->w);

    cr_expect_null(failed, "%s", failed);
    cr_expect_eq(t->came_twice, 0, "a call completed twice");
}

/* One line behind RELAY_MARK. */
static void take_line(struct world *t, char *at)
{
    uint64_t words[RELAY_ANSWERS];

    for (uint32_t i = 0; i < RELAY_ANSWERS; i++)
        words[i] = strtoull(at, &at, 16);
    cr_assert_lt(words[RELAY_ANSWER_ID], WORLD_CALLS);
    for (uint32_t i = 0; *++at != '\n' && *at != 0 && i < sizeof t->dumped; i++, at++) {
        const char pair[3] = {at[0], at[1], 0};

        t->dumped[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    struct world_done *done = &t->done[words[RELAY_ANSWER_ID]];
    t->came_twice += done->came;
    done->came = true;
    memcpy(done->words, words, sizeof words);
}

static void parse(struct world *t)
{
    const uint64_t dropped = t->w.dropped;
    char *at = t->w.text + (t->parsed > dropped ? t->parsed - dropped : 0), *end;

    cr_assert_geq(t->parsed, dropped, "more was said than is kept");
    while ((end = strchr(at, '\n')) != NULL) {
        if (strncmp(at, RELAY_MARK, strlen(RELAY_MARK)) == 0)
            take_line(t, at + strlen(RELAY_MARK));
        at = end + 1;
    }
    t->parsed = dropped + (uint64_t)(at - t->w.text);
}

uint32_t world_begin(struct world *t, struct world_call call)
{
    char line[RELAY_LINE_BYTES];
    const uint32_t id = t->next++;
    int used = snprintf(line, sizeof line, "%x %x %x %lx %lx %lx %x %x %x ", id, call.slot, call.method,
                        (unsigned long)call.args[0], (unsigned long)call.args[1], (unsigned long)call.args[2],
                        call.region, call.to, call.at);

    cr_assert_lt(id, WORLD_CALLS);
    cr_assert_lt(call.count, (sizeof line - (size_t)used) / 2u - 1u);
    for (uint32_t i = 0; i < call.count; i++)
        used += snprintf(line + used, 3, "%02x", ((const uint8_t *)call.bytes)[i]);
    line[used] = '\n';
    line[used + 1] = 0;
    wired_type(&t->w, line);
    return id;
}

bool world_came(struct world *t, uint32_t id)
{
    if (t->parsed != t->w.dropped + t->w.used)
        parse(t);
    return t->done[id].came;
}

static bool came(struct wired *w, void *ctx)
{
    return world_came((struct world *)w, *(uint32_t *)ctx);
}

uint64_t world_result(struct world *t, uint32_t id)
{
    const uint64_t *words = t->done[id].words;

    if (!world_came(t, id) || words[RELAY_ANSWER_STATUS] != RING_OK ||
        words[RELAY_ANSWER_EXCEPTION] != CAP_EX_NONE)
        return WORLD_NO_RESULT;
    return words[RELAY_ANSWER_RESULT];
}

uint64_t world_call(struct world *t, struct world_call call)
{
    uint32_t id = world_begin(t, call);

    cr_assert(wired_until(&t->w, CALL_NS, came, &id), "a call does not complete; the console: %s", t->w.text);
    t->value = t->done[id].words[RELAY_ANSWER_VALUE];
    return world_result(t, id);
}

uint64_t world_config_of(struct world *t, enum net_config item, uint64_t index)
{
    cr_assert_eq(world_call(t, (struct world_call){.method = NETWORK_CONFIG, .args = {item, index}}), NET_OK);
    return t->value;
}

uint64_t world_counter(struct world *t, enum net_counter which)
{
    cr_assert_eq(world_call(t, (struct world_call){.method = NETWORK_COUNTER, .args = {which}}), NET_OK);
    return t->value;
}

bool world_left(struct world *t, uint64_t sockets, uint64_t listeners)
{
    for (uint32_t i = 0; i < 100u; i++) {
        if (world_counter(t, NET_COUNTER_SOCKETS) == sockets &&
            world_counter(t, NET_COUNTER_LISTENERS) == listeners)
            return true;
        wired_pass(&t->w, 50 * MS);
    }
    return false;
}

bool world_state(struct world *t, enum net_state state, uint64_t ns, uint64_t step_ns)
{
    const uint64_t until_ns = wired_now(&t->w) + ns;

    while (world_config_of(t, NET_CONFIG_STATE, 0) != state) {
        if (wired_now(&t->w) >= until_ns)
            return false;
        wired_pass(&t->w, step_ns);
    }
    return true;
}

uint32_t world_word(const uint8_t address[4])
{
    uint32_t word;

    memcpy(&word, address, 4);
    return word;
}

uint64_t world_ping(struct world *t, const uint8_t address[4])
{
    return world_call(
        t, (struct world_call){.method = NETWORK_PING,
                               .args = {world_word(address), 0, NET_PEER(NET_FAMILY_IPV4, 0, 1000)}});
}

uint64_t world_resolve(struct world *t, const char *name)
{
    return world_call(t, (struct world_call){.method = NETWORK_RESOLVE,
                                             .args = {0, strlen(name)},
                                             .region = REGION_NAME,
                                             .bytes = name,
                                             .count = (uint32_t)strlen(name)});
}

uint64_t world_udp(struct world *t, const uint8_t address[4], uint32_t bytes)
{
    struct {
        struct net_datagram header;
        uint8_t data[1500];
    } sent = {.header = {.family = NET_FAMILY_IPV4, .port = PORT_ECHO, .length = bytes}};
    const uint32_t whole = (uint32_t)sizeof sent.header + bytes;
    uint64_t result = world_call(t, (struct world_call){.method = NETWORK_UDP, .to = SLOT_UDP});

    cr_assert_leq(bytes, sizeof sent.data);
    if (result != NET_OK)
        return result;
    memcpy(sent.header.address.bytes, address, 4);
    dm_client_pattern(bytes, 0, sent.data, bytes);
    cr_assert_eq(
        world_call(t, (struct world_call){.slot = SLOT_UDP, .method = UDP_BUFFER, .region = REGION_UDP}),
        NET_OK);
    /* The request's bytes go with the region that goes along: the datagram by a call that takes none. */
    cr_assert_eq(world_call(t, (struct world_call){.slot = RELAY_DUMP,
                                                   .method = REGION_UDP,
                                                   .region = REGION_UDP,
                                                   .bytes = &sent,
                                                   .count = whole}),
                 NET_OK);
    result = world_call(t, (struct world_call){.slot = SLOT_UDP, .method = UDP_SEND});
    if (result == NET_OK)
        result = world_call(
            t, (struct world_call){.slot = SLOT_UDP, .method = UDP_RECV, .args = {4096, 4096, 2u * SECOND}});
    if (result == NET_OK) {
        cr_expect_eq(t->value, bytes);
        (void)world_call(
            t, (struct world_call){.slot = RELAY_DUMP, .method = REGION_UDP, .args = {4096, whole}});
        cr_expect_eq(memcmp(t->dumped, &sent, whole), 0, "another datagram came back");
    }
    (void)world_call(t, (struct world_call){.slot = RELAY_RELEASE, .method = SLOT_UDP});
    return result;
}

struct connection {
    struct dm_backend *client;
    uint32_t number;
};

static bool ended(struct wired *w, void *ctx)
{
    const struct connection *c = ctx;

    (void)w;
    return dm_client_report(c->client, c->number).state > DM_CLIENT_CLOSING;
}

bool world_answered(struct world *t, struct dm_backend *client, uint64_t bytes, uint64_t ns)
{
    const struct dm_client_connection wanted = {.port = PORT_ECHO,
                                                .start_ns = wired_now(&t->w),
                                                .limit_ns = ns,
                                                .send_bytes = bytes,
                                                .receive_bytes = bytes};
    const int32_t number = dm_client_start(client, &wanted);
    struct connection c = {client, (uint32_t)number};

    cr_assert_geq(number, 0);
    (void)wired_until(&t->w, ns + SECOND, ended, &c);
    return dm_client_report(client, c.number).state == DM_CLIENT_DONE;
}

bool world_client(struct world *t, uint64_t bytes, uint64_t ns)
{
    return world_answered(t, t->client, bytes, ns);
}
