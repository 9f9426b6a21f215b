/* SPDX-License-Identifier: BSD-2-Clause */
/* sleeper: accepts every connection to its port, sends it as much as the stack takes at once, never reads of
 * any, and gives each back after HOLD_NS, or when it holds HELD_MAX and one more comes. Once a second it says
 * on the console what netd's stack holds, for the test that watches it. */
#include "abi/methods.h"
#include "abi/net.h"
#include "evidence/text.h"
#include "user/rt/rt.h"

#define HELD_MAX    48u /* two capabilities each */
#define HOLD_NS     60000000000ull
#define SENDS_MAX   16u /* of NET_BUFFER_SERVED_MAX bytes each */
#define AT_ONCE_NS  1u
#define SECOND_NS   1000000000ull
#define LINE_BYTES  160u
#define USER_ACCEPT 1u

enum sleeper_exit { SLEEPER_EXIT_GRANT = 1 };

struct sleeper {
    struct rt *rt;
    cap_id network, authority, listener;
    bool accepting;
    uint32_t first, count; /* of `held`, a ring: oldest first */
    struct {
        cap_id socket, buffer;
        uint64_t since_ns;
    } held[HELD_MAX];
};

static void say(struct sleeper *s)
{
    static const struct {
        const char *word;
        enum net_counter counter;
    } words[] = {{"sleeper: pcbs=", NET_COUNTER_USED_PCBS}, {" segments=", NET_COUNTER_USED_SEGMENTS},
                 {" frames=", NET_COUNTER_USED_FRAMES},     {" heap=", NET_COUNTER_USED_HEAP},
                 {" sockets=", NET_COUNTER_SOCKETS},        {" gave_way=", NET_COUNTER_GAVE_WAY},
                 {" exhausted=", NET_COUNTER_EXHAUSTED}};
    char line[LINE_BYTES];
    struct text t = text_over(line, sizeof line - 1u);

    for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const struct ring_completion done =
            ring_call(&s->rt->ring, s->network, NETWORK_COUNTER, RING_ARGS(words[i].counter), NULL);

        if (!ring_completed(&done)) /* it is between two lives */
            return;
        text_string(&t, words[i].word);
        text_u64(&t, done.value);
    }
    text_string(&t, "\n");
    (void)rt_write(s->rt, line, t.used);
}

static void accept(struct sleeper *s)
{
    struct ring_client *ring = &s->rt->ring;

    if (cap_is_none(s->listener)) {
        const struct ring_completion opened = ring_call(ring, s->authority, LISTEN_OPEN, NULL, NULL);

        if (!ring_completed(&opened))
            return;
        s->listener = opened.cap;
    }
    if (!s->accepting) {
        const struct ring_submission call =
            ring_make_call(s->listener, LISTENER_ACCEPT, RING_ARGS(RING_FOREVER), NULL);

        s->accepting = ring_submit(ring, USER_ACCEPT, &call);
    }
}

static void give_back(struct sleeper *s)
{
    (void)ring_release(&s->rt->ring, s->held[s->first].buffer);
    (void)ring_release(&s->rt->ring, s->held[s->first].socket);
    s->first = (s->first + 1u) % HELD_MAX;
    s->count--;
}

/* What the buffer holds does not matter. Until the stack takes no more. */
static void send(struct sleeper *s, cap_id socket)
{
    struct ring_completion done;

    for (uint32_t i = 0; i < SENDS_MAX; i++) {
        done = ring_call(&s->rt->ring, socket, SOCKET_SEND, RING_ARGS(0, NET_BUFFER_SERVED_MAX, AT_ONCE_NS),
                         NULL);
        if (!ring_completed(&done) || done.value < NET_BUFFER_SERVED_MAX)
            return;
    }
}

static void accepted(struct sleeper *s, const struct ring_completion *done)
{
    s->accepting = false;
    if (!ring_completed(done)) {
        if (done->status == RING_OK)
            (void)ring_release(&s->rt->ring, s->listener);
        s->listener = CAP_NONE;
        return;
    }
    if (s->count == HELD_MAX)
        give_back(s);
    const uint32_t at = (s->first + s->count++) % HELD_MAX;
    const struct ring_completion lent =
        ring_call(&s->rt->ring, done->cap, SOCKET_BUFFER, RING_ARGS(NET_BUFFER_SERVED_MAX), NULL);
    s->held[at].socket = done->cap;
    s->held[at].buffer = ring_completed(&lent) ? lent.cap : CAP_NONE;
    if (ring_completed(&lent))
        send(s, done->cap);
    s->held[at].since_ns = ring_now(&s->rt->ring);
}

uint32_t program_main(struct rt *rt)
{
    static struct sleeper s;
    uint64_t next_ns = 0;

    s.rt = rt;
    s.network = rt_first(rt, CAP_IF_NETWORK_MANAGER);
    s.authority = rt_first(rt, CAP_IF_TCP_LISTEN_AUTHORITY);
    if (cap_is_none(s.network) || cap_is_none(s.authority))
        return SLEEPER_EXIT_GRANT;
    for (;;) {
        const uint64_t now_ns = ring_now(&rt->ring);
        struct ring_completion done;

        accept(&s);
        while (s.count > 0 && now_ns - s.held[s.first].since_ns >= HOLD_NS)
            give_back(&s);
        if (now_ns >= next_ns) {
            say(&s);
            next_ns = now_ns + SECOND_NS;
        } else if (!s.accepting) {
            ring_sleep(&rt->ring, next_ns - now_ns);
        } else if (ring_wait(&rt->ring, next_ns - now_ns, &done)) {
            accepted(&s, &done);
        }
    }
}
