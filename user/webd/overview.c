/* SPDX-License-Identifier: BSD-2-Clause */
/* What this machine is and does, for people: names, sizes and states. No capability, handle or physical
 * address is in it, and nothing of another session. Each member is text that is compared with what it was:
 * who looks gets what changed, and the next only when that is on its way, so that a slow one gets the newest.
 */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "abi/package.h"
#include "user/webd/webd.h"

#define PAGE_KIB      4u
#define SECOND_NS     1000000000ull
#define PARTS         3u /* of a name, eight characters each */
#define WORD_BYTES    48u
#define MESSAGE_BYTES (WEBD_OUT_BYTES - 64u)

static const char *const member_names[OVERVIEW_MEMBERS] = {"machine", "uptime_s", "memory", "processes",
                                                           "network", "web",      "health"};

static uint32_t length(const char *text, uint32_t most)
{
    uint32_t bytes = 0;

    while (bytes < most && text[bytes] != 0)
        bytes++;
    return bytes;
}

static void put_word(struct json_out *o, const char *name, const char *word)
{
    json_put_string(o, name, word, length(word, UINT32_MAX));
}

/* The member is this text now. */
static void keep(struct overview_part *part, const char *text, uint32_t bytes)
{
    ASSERT(bytes != 0 && bytes <= sizeof part->text);
    if (part->version != 0 && part->bytes == bytes && memcmp(part->text, text, bytes) == 0)
        return;
    memcpy(part->text, text, bytes);
    part->bytes = bytes;
    part->version++;
}

static void keep_object(struct overview_part *part, const struct json_out *o)
{
    keep(part, o->t.at, json_done(o));
}

static bool record(struct webd *w, uint16_t method, uint64_t at, void *out, uint32_t bytes)
{
    const struct ring_extra range = ring_range(w->range.cap, 0, bytes);
    const struct ring_completion done = ring_call(&w->rt->ring, w->system, method, RING_ARGS(at), &range);

    memcpy(out, w->range.at, bytes);
    return ring_completed(&done);
}

/* A word of the start-up page, or null. */
static void put_parameter(struct webd *w, struct json_out *o, const char *name, const char *key)
{
    size_t bytes = 0;
    const char *value = rt_parameter(w->rt, key, &bytes);

    if (value != NULL)
        json_put_string(o, name, value, (uint32_t)bytes);
    else
        json_put_null(o, name);
}

static void machine(struct webd *w)
{
    char text[512];
    struct json_out o = json_over(text, sizeof text);

    if (w->overview[OVERVIEW_MACHINE].version != 0)
        return; /* it does not change */
    json_put_object(&o, NULL);
    put_parameter(w, &o, "world", "where");
    put_parameter(w, &o, "build", "commit");
    put_parameter(w, &o, "nonce", "nonce");
    json_put_end(&o);
    keep_object(&w->overview[OVERVIEW_MACHINE], &o);
}

/* Of SUPERVISOR_STATE. */
static const char *state_word(uint64_t value)
{
    static const char *const words[] = {[SERVICE_WAITS] = "waits",
                                        [SERVICE_RUNS] = "runs",
                                        [SERVICE_ENDED] = "ended",
                                        [SERVICE_GIVEN_UP] = "gave-up"};
    const uint64_t state = value >> 8 & 0xffu;

    return state < sizeof words / sizeof words[0] ? words[state] : "waits";
}

static const char *end_word(uint64_t value)
{
    static const char *const words[] = {[PROCESS_RUNS] = "",
                                        [PROCESS_EXITED] = "exited",
                                        [PROCESS_KILLED] = "killed",
                                        [PROCESS_FAULTED] = "faulted"};
    const uint64_t end = value & 0xffu;

    return end < sizeof words / sizeof words[0] ? words[end] : "";
}

static uint64_t supervisor(struct webd *w, uint16_t method, uint64_t a0, uint64_t a1)
{
    const struct ring_completion done =
        ring_call(&w->rt->ring, w->supervisor, method, RING_ARGS(a0, a1), NULL);

    return ring_completed(&done) ? done.value : 0;
}

/* What a process holds: KiB. Ended ones hold nothing. */
static uint64_t held_kib(struct webd *w, uint64_t number)
{
    struct process_info info;

    for (uint64_t i = 0; i <= PACKAGE_SERVICES_MAX && number != 0; i++) {
        if (record(w, SYSTEM_PROCESS, i, &info, sizeof info) && info.number == number)
            return info.state == PROCESS_RUNS ? (uint64_t)info.pages * PAGE_KIB : 0;
    }
    return 0;
}

/* The list, and how many are not as they should be. */
static uint32_t processes(struct webd *w)
{
    char text[sizeof w->overview[0].text], name[PARTS * sizeof(uint64_t) + 1u] = {0};
    struct json_out o = json_over(text, sizeof text);
    const uint64_t count = supervisor(w, SUPERVISOR_COUNT, 0, 0);
    uint32_t given_up = 0;

    json_put_array(&o, NULL);
    for (uint64_t i = 0; i < count && i < PACKAGE_SERVICES_MAX; i++) {
        const uint64_t value = supervisor(w, SUPERVISOR_STATE, i, 0);

        for (uint32_t part = 0; part < PARTS; part++) {
            const uint64_t letters = supervisor(w, SUPERVISOR_NAME, i, part);

            memcpy(name + part * sizeof letters, &letters, sizeof letters);
        }
        given_up += (value >> 8 & 0xffu) == SERVICE_GIVEN_UP;
        json_put_object(&o, NULL);
        put_word(&o, "name", name);
        put_word(&o, "state", state_word(value));
        json_put_u64(&o, "starts", value >> 16 & 0xffffu);
        put_word(&o, "end", end_word(value));
        json_put_u64(&o, "memory_kib", (value >> 8 & 0xffu) == SERVICE_RUNS ? held_kib(w, value >> 32) : 0);
        json_put_end(&o);
    }
    json_put_end(&o);
    keep_object(&w->overview[OVERVIEW_PROCESSES], &o);
    return given_up;
}

static uint64_t config(struct webd *w, enum net_config what)
{
    const struct ring_completion done =
        ring_call(&w->rt->ring, w->network, NETWORK_CONFIG, RING_ARGS(what), NULL);

    return ring_completed(&done) ? done.value : 0;
}

static uint64_t counter(struct webd *w, enum net_counter what)
{
    const struct ring_completion done =
        ring_call(&w->rt->ring, w->network, NETWORK_COUNTER, RING_ARGS(what), NULL);

    return ring_completed(&done) ? done.value : 0;
}

static void put_address(struct json_out *o, const char *name, uint64_t value)
{
    char word[WORD_BYTES];
    struct text t = text_over(word, sizeof word);

    for (uint32_t i = 0; i < 4u && value != 0; i++) { /* none: nothing */
        text_string(&t, i == 0 ? "" : ".");
        text_u64(&t, value >> (8u * i) & 0xffu);
    }
    json_put_string(o, name, word, (uint32_t)t.used);
}

/* Whether there is an address. */
static bool network(struct webd *w)
{
    static const char *const words[] = {
        [NET_STATE_NO_CARD] = "no-card", [NET_STATE_ASKING] = "asking", [NET_STATE_BOUND] = "bound"};
    char text[512], word[WORD_BYTES];
    struct json_out o = json_over(text, sizeof text);
    const uint64_t state = config(w, NET_CONFIG_STATE), mac = config(w, NET_CONFIG_MAC);
    struct text t = text_over(word, sizeof word);
    uint8_t bytes[6];

    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(mac >> (8u * i));
    text_mac(&t, bytes);
    json_put_object(&o, NULL);
    put_word(&o, "state", state <= NET_STATE_BOUND ? words[state] : "no-card");
    json_put_string(&o, "mac", word, (uint32_t)t.used);
    put_address(&o, "address", config(w, NET_CONFIG_ADDRESS));
    json_put_u64(&o, "prefix", config(w, NET_CONFIG_PREFIX));
    put_address(&o, "gateway", config(w, NET_CONFIG_GATEWAY));
    json_put_u64(&o, "mtu", config(w, NET_CONFIG_MTU));
    json_put_u64(&o, "lease_s", config(w, NET_CONFIG_LEASE_S));
    json_put_u64(&o, "frames_in", counter(w, NET_COUNTER_FRAMES_IN));
    json_put_u64(&o, "frames_out", counter(w, NET_COUNTER_FRAMES_OUT));
    json_put_end(&o);
    keep_object(&w->overview[OVERVIEW_NETWORK], &o);
    return state == NET_STATE_BOUND;
}

/* What came to this port. */
static void web(struct webd *w)
{
    static const char *const names[WEBD_COUNTS] = {[WEBD_COUNT_ACCEPTED] = "connections",
                                                   [WEBD_COUNT_REQUESTS] = "requests",
                                                   [WEBD_COUNT_REFUSED] = "refused",
                                                   [WEBD_COUNT_SLOW] = "too_slow",
                                                   [WEBD_COUNT_GAVE_WAY] = "gave_way"};
    char text[256];
    struct json_out o = json_over(text, sizeof text);

    json_put_object(&o, NULL);
    for (uint32_t i = 0; i < WEBD_COUNTS; i++)
        json_put_u64(&o, names[i], w->counts[i]);
    json_put_end(&o);
    keep_object(&w->overview[OVERVIEW_WEB], &o);
}

static void memory(struct webd *w, const struct system_usage *usage)
{
    char text[128];
    struct json_out o = json_over(text, sizeof text);

    json_put_object(&o, NULL);
    json_put_u64(&o, "total_kib", ((uint64_t)usage->pages_used + usage->pages_free) * PAGE_KIB);
    json_put_u64(&o, "free_kib", (uint64_t)usage->pages_free * PAGE_KIB);
    json_put_end(&o);
    keep_object(&w->overview[OVERVIEW_MEMORY], &o);
}

static void uptime(struct webd *w, uint64_t now_ns)
{
    char text[24];
    struct text t = text_over(text, sizeof text);

    text_u64(&t, now_ns / SECOND_NS);
    keep(&w->overview[OVERVIEW_UPTIME], text, (uint32_t)t.used);
}

static void health(struct webd *w, uint32_t given_up, bool bound, const struct system_usage *usage)
{
    char text[256], words[128];
    struct json_out o = json_over(text, sizeof text);
    struct text t = text_over(words, sizeof words);

    if (given_up != 0) {
        text_u64(&t, given_up);
        text_string(&t, given_up == 1 ? " service was given up" : " services were given up");
    } else if (usage->devices_quarantined != 0) {
        text_u64(&t, usage->devices_quarantined);
        text_string(&t, usage->devices_quarantined == 1 ? " device is in quarantine"
                                                        : " devices are in quarantine");
    } else if (!bound) {
        text_string(&t, "no network address yet");
    } else {
        text_string(&t, "everything that should run runs");
    }
    json_put_object(&o, NULL);
    json_put_bool(&o, "ok", given_up == 0 && bound && usage->devices_quarantined == 0);
    json_put_string(&o, "text", words, (uint32_t)t.used);
    json_put_end(&o);
    keep_object(&w->overview[OVERVIEW_HEALTH], &o);
}

void overview_look(struct webd *w)
{
    struct system_usage usage = {0};

    (void)record(w, SYSTEM_USAGE, 0, &usage, sizeof usage);
    machine(w);
    uptime(w, usage.now_ns);
    memory(w, &usage);
    web(w);
    const uint32_t given_up = processes(w);
    health(w, given_up, network(w), &usage);
    w->looked_ns = ring_now(&w->rt->ring);
}

bool overview_put(const struct webd *w, struct json_out *o, uint32_t *shown)
{
    bool any = false;

    for (uint32_t i = 0; i < OVERVIEW_MEMBERS; i++) {
        const struct overview_part *part = &w->overview[i];

        if (shown != NULL && shown[i] == part->version)
            continue;
        json_put_value(o, member_names[i], part->text, part->bytes);
        if (shown != NULL)
            shown[i] = part->version;
        any = true;
    }
    return any;
}

/* What changed since the last message that it got, once that is on its way. */
static void send(struct webd *w, struct connection *c)
{
    char text[MESSAGE_BYTES];
    struct json_out o = json_over(text, sizeof text);
    uint32_t shown[OVERVIEW_MEMBERS];
    const bool first = c->shown[0] == 0;

    if (c->out_count != 0)
        return;
    memcpy(shown, c->shown, sizeof shown);
    json_put_object(&o, NULL);
    json_put_object(&o, first ? "full" : "delta");
    const bool any = overview_put(w, &o, shown);
    json_put_end(&o);
    json_put_end(&o);
    const uint32_t bytes = json_done(&o);
    if (any && bytes != 0 && connection_frame(w, c, WEBSOCKET_TEXT, NULL, 0, text, bytes))
        memcpy(c->shown, shown, sizeof shown);
}

uint64_t overview_turn(struct webd *w, uint64_t now_ns)
{
    bool looked = false;

    for (uint64_t left = w->sockets; left != 0; left &= left - 1u) {
        struct connection *c = &w->connections[__builtin_ctzll(left)];

        if (c->state != CONNECTION_LIVE)
            continue;
        if (!looked && (w->looked_ns == 0 || now_ns >= w->looked_ns + WEBD_LIVE_NS))
            overview_look(w);
        looked = true;
        send(w, c);
    }
    return looked ? w->looked_ns + WEBD_LIVE_NS : RING_FOREVER;
}
