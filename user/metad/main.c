/* SPDX-License-Identifier: BSD-2-Clause */
/* metad: in a proof on Compute Engine's network, fetches the run's nonce from the metadata server and asks
 * for the marker that says so. It may connect to that one address and port; it is not told what the nonce
 * should be. On another network it has nothing to do. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "evidence/markers.h"
#include "evidence/text.h"
#include "user/metad/answer.h"
#include "user/rt/rt.h"

#define SERVER     "169.254.169.254"
#define PROOF_NS   30000000000ull /* all of it within this time */
#define PAUSE_NS   2000000u /* before the stack is asked again that has no lease yet */
#define CONNECT_MS 5000u
#define RECVS_MAX  64u /* pieces that an answer may come in */

static const char request[] = "GET /computeMetadata/v1/instance/attributes/capos-nonce HTTP/1.1\r\n"
                              "Host: metadata.google.internal\r\n"
                              "Metadata-Flavor: Google\r\n"
                              "Connection: close\r\n\r\n";

enum metad_exit {
    METAD_EXIT_GRANT = 1, /* nothing to connect by, no sink, no memory */
    METAD_EXIT_PROOF /* no nonce, or another one: said on the console */
};

struct metad {
    struct rt *rt;
    cap_id authority, sink, socket;
    struct rt_memory buffer; /* shared with the socket's server: what is in it is a stranger's */
    struct rt_memory words;
    char answer[METADATA_ANSWER_MAX + 1u]; /* this program's copy */
    size_t bytes;
};

static uint32_t fail(struct metad *m, const char *what)
{
    (void)rt_print_line(m->rt, "metad: ", what);
    return METAD_EXIT_PROOF;
}

/* Until there is a lease; then once. */
static bool connect_to(struct metad *m)
{
    struct ring_client *ring = &m->rt->ring;
    const uint64_t until_ns = ring_now(ring) + PROOF_NS;

    while (ring_now(ring) < until_ns) {
        const struct ring_completion done =
            ring_call(ring, m->authority, CONNECT_OPEN, RING_ARGS(CONNECT_MS), NULL);

        if (ring_completed(&done)) {
            m->socket = done.cap;
            return true;
        }
        if (done.status != RING_OK ||
            (done.result != NET_E_NO_ADDRESS && done.result != NET_E_DEVICE_UNAVAILABLE))
            return false;
        ring_sleep(ring, PAUSE_NS);
    }
    return false;
}

static bool send_request(struct metad *m)
{
    struct ring_client *ring = &m->rt->ring;
    const struct ring_extra along = ring_copy(m->buffer.cap);
    const struct ring_completion attached = ring_call(ring, m->socket, SOCKET_BUFFER, NULL, &along);

    if (!ring_completed(&attached))
        return false;
    memcpy(m->buffer.at, request, sizeof request - 1u);
    const struct ring_completion sent =
        ring_call(ring, m->socket, SOCKET_SEND, RING_ARGS(0, sizeof request - 1u, PROOF_NS), NULL);
    return ring_completed(&sent) && sent.value == sizeof request - 1u;
}

/* All that comes until the peer says that no more does. */
static bool take_answer(struct metad *m)
{
    for (uint32_t i = 0; i < RECVS_MAX; i++) {
        const struct ring_completion got =
            ring_call(&m->rt->ring, m->socket, SOCKET_RECV, RING_ARGS(0, m->buffer.bytes, PROOF_NS), NULL);

        if (!ring_completed(&got) || got.value > m->buffer.bytes)
            return false;
        if (got.value == 0)
            return true;
        if (got.value > sizeof m->answer - m->bytes) {
            m->bytes = sizeof m->answer; /* too long: the parser says so */
            return true;
        }
        memcpy(m->answer + m->bytes, m->buffer.at, got.value);
        m->bytes += got.value;
    }
    return false;
}

static bool emit(struct metad *m, const struct metadata_answer *answer)
{
    struct text t = text_over((char *)m->words.at, m->words.bytes);

    text_string(&t, "server=" SERVER " status=");
    text_u64(&t, answer->status);
    text_string(&t, " nonce=");
    text_bytes(&t, answer->nonce, METADATA_NONCE_DIGITS);
    ASSERT(!t.overflow);
    const struct ring_extra range = ring_range(m->words.cap, 0, (uint32_t)t.used);
    const struct ring_completion done =
        ring_call(&m->rt->ring, m->sink, EVIDENCE_EMIT, RING_ARGS(EVIDENCE_METADATA_NONCE), &range);
    return ring_completed(&done);
}

static uint32_t fetch(struct metad *m)
{
    struct metadata_answer answer;

    if (!connect_to(m))
        return fail(m, "the metadata server could not be reached");
    if (!send_request(m) || !take_answer(m))
        return fail(m, "the metadata server gave no answer");
    const enum metadata_error error = metadata_parse(m->answer, m->bytes, &answer);
    if (error != METADATA_OK)
        return fail(m, metadata_error_name(error));
    return emit(m, &answer) ? 0 : fail(m, "what came is not the nonce of this run");
}

uint32_t program_main(struct rt *rt)
{
    static struct metad metad;
    struct metad *m = &metad;

    if (!rt_parameter_is(rt, "network", "vpc"))
        return 0;
    m->rt = rt;
    m->authority = rt_first(rt, CAP_IF_TCP_CONNECT_AUTHORITY);
    m->sink = rt_first(rt, CAP_IF_EVIDENCE);
    if (cap_is_none(m->authority) || cap_is_none(m->sink) ||
        !rt_memory_make(rt, RING_PAGE_BYTES, &m->buffer) || !rt_memory_make(rt, RING_PAGE_BYTES, &m->words))
        return METAD_EXIT_GRANT;
    const uint32_t code = fetch(m);
    if (!cap_is_none(m->socket)) /* the stack's proof goes on when it is closed */
        (void)ring_call(&rt->ring, m->socket, SOCKET_CLOSE, NULL, NULL);
    return code;
}
