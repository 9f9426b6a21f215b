/* SPDX-License-Identifier: BSD-2-Clause */
/* In a proof whose boot line asks for the web: the one marker that this process may emit, for a client that
 * was served a page and the overview on the connection on which it names its number. Then the process stays
 * until that client has logged out, was refused with what it had shown before, and has gone. */
#include "abi/assert.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "evidence/markers.h"
#include "evidence/text.h"
#include "user/webd/webd.h"

#define NUMBER_DIGITS 16u

void witness_init(struct webd *w)
{
    const bool probed = rt_parameter_is(w->rt, "mode", "proof") && rt_parameter_is(w->rt, "probe", "1");

    w->witness.sink = probed ? rt_first(w->rt, CAP_IF_EVIDENCE) : CAP_NONE;
    w->witness.until_ns = probed ? ring_now(&w->rt->ring) + WEBD_PROBE_NS : RING_FOREVER;
}

static uint64_t socket_word(struct webd *w, const struct connection *c, uint64_t which)
{
    const struct ring_completion done =
        ring_call(&w->rt->ring, c->socket, SOCKET_PEER, RING_ARGS(which), NULL);

    return ring_completed(&done) ? done.value : 0;
}

static struct text words(struct webd *w, const struct connection *c, const char *number)
{
    struct text t = text_over((char *)w->range.at, w->range.bytes);
    const uint64_t peer = socket_word(w, c, 0);
    struct session_view view;

    sessions_view(&w->sessions, c->session, ring_now(&w->rt->ring), &view);
    text_string(&t, "port=");
    text_u64(&t, NET_PEER_PORT(socket_word(w, c, 3)));
    text_string(&t, " peer=");
    for (uint32_t i = 0; i < 4u; i++) {
        text_string(&t, i == 0 ? "" : ".");
        text_u64(&t, peer >> (8u * i) & 0xffu);
    }
    text_string(&t, " number=0x");
    text_bytes(&t, number, NUMBER_DIGITS);
    text_string(&t, " session=");
    text_bytes(&t, view.name, SESSION_NAME_BYTES);
    text_string(&t, " page=");
    text_u64(&t, c->page_bytes);
    ASSERT(!t.overflow);
    return t;
}

static bool digits(const char *text, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    }
    return bytes == NUMBER_DIGITS;
}

static bool same(struct session_ref a, struct session_ref b)
{
    return a.life != 0 && a.at == b.at && a.life == b.life;
}

void witness_request(struct webd *w, struct connection *c)
{
    struct witness *v = &w->witness;
    char number[NUMBER_DIGITS];
    uint32_t bytes = 0;

    if (cap_is_none(v->sink)) {
        answer_error(w, c, 404, "path", 0);
    } else if (json_read(&w->json, (const char *)c->body, c->http.body_bytes) != JSON_OK) {
        answer_error(w, c, 400, "json", 0);
    } else if (!json_string(&w->json, json_member(&w->json, 0, "number"), number, sizeof number, &bytes) ||
               !digits(number, bytes)) {
        answer_error(w, c, 400, "value", 0);
    } else if (v->emitted) {
        answer_error(w, c, 409, "done", 0);
    } else if (c->page_bytes == 0 || !same(c->shown_to, c->session)) {
        answer_error(w, c, 409, "unseen", 0);
    } else {
        const struct text t = words(w, c, number);
        const struct ring_extra range = ring_range(w->range.cap, 0, (uint32_t)t.used);
        const struct ring_completion done =
            ring_call(&w->rt->ring, v->sink, EVIDENCE_EMIT, RING_ARGS(EVIDENCE_WEB_UI_L4), &range);

        v->emitted = ring_completed(&done);
        if (!v->emitted) { /* the kernel does not see its condition hold, or it came too early */
            answer_error(w, c, 409, "condition", 0);
            return;
        }
        v->session = c->session;
        v->refused = w->counts[WEBD_COUNT_REFUSED];
        v->until_ns = ring_now(&w->rt->ring) + WEBD_LEAVE_NS;
        answer_nothing(w, c, NULL);
    }
}

/* The client logged out, was refused afterwards, and closed. */
static bool left(const struct webd *w, uint64_t now_ns)
{
    for (uint32_t i = 0; i < WEBD_CONNECTIONS; i++) {
        if (w->connections[i].state != CONNECTION_FREE)
            return false;
    }
    return w->counts[WEBD_COUNT_REFUSED] != w->witness.refused &&
           !sessions_alive(&w->sessions, w->witness.session, now_ns);
}

bool witness_over(struct webd *w, uint64_t now_ns, uint32_t *code)
{
    struct witness *v = &w->witness;

    if (cap_is_none(v->sink))
        return false;
    v->listened = v->listened || !cap_is_none(w->listener);
    *code = v->emitted ? 0 : WEBD_EXIT_PROBE;
    return now_ns >= v->until_ns || (v->listened && cap_is_none(w->listener)) ||
           (v->emitted && left(w, now_ns));
}
