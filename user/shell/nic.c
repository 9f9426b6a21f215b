/* SPDX-License-Identifier: BSD-2-Clause */
/* What the network card's driver says of itself. A driver that hangs must not take the shell along: it is
 * asked with a time limit, and an answer that comes late is passed over. */
#include "abi/nic.h"
#include "abi/methods.h"
#include "user/shell/shell.h"

static bool ask(struct shell *s, uint16_t method, uint64_t argument, struct ring_completion *done)
{
    return shell_ask(s, s->nic, method, RING_ARGS(argument), SHELL_ANSWER_NS, done);
}

static void counters(struct shell *s)
{
    static const char *const names[NIC_COUNTER_COUNT] = {
        [NIC_COUNTER_SENT] = "frames sent",
        [NIC_COUNTER_RECEIVED] = "frames received",
        [NIC_COUNTER_DROPPED] = "frames without a taker",
        [NIC_COUNTER_REFUSED] = "refused of clients",
    };
    struct ring_completion done;

    for (uint64_t i = 0; i < NIC_COUNTER_COUNT; i++) {
        if (ask(s, NIC_COUNTER, i, &done) && ring_completed(&done))
            shell_pair(s, names[i], done.value);
    }
}

void shell_nic(struct shell *s)
{
    static const char *const links[] = {
        [NIC_LINK_UNKNOWN] = "unknown", [NIC_LINK_DOWN] = "down", [NIC_LINK_UP] = "up"};
    struct ring_completion info, link;
    uint8_t mac[6];
    struct row r;

    if (cap_is_none(s->nic)) {
        shell_say(s, "nicd was down when this shell started: restart nicd, then shell\n");
        return;
    }
    if (!ask(s, NIC_INFO, 0, &info) || !ask(s, NIC_LINK, 0, &link) || info.status != RING_OK ||
        link.status != RING_OK) {
        shell_say(s, "nicd does not answer: see services, then restart nicd\n");
        return;
    }
    if (!ring_completed(&info) || !ring_completed(&link)) {
        shell_say(s, "nicd has no network card: devices lists what the machine has\n");
        return;
    }
    for (uint32_t i = 0; i < sizeof mac; i++)
        mac[i] = (uint8_t)(info.value >> (8u * i));
    row_begin(&r);
    text_string(&r.t, "address            ");
    text_mac(&r.t, mac);
    row_end(s, &r);
    shell_pair(s, "MTU", info.value >> 48);
    row_begin(&r);
    text_string(&r.t, "link");
    row_column(&r, link.value == NIC_LINK_UP ? 34 : link.value == NIC_LINK_DOWN ? 32 : 29);
    text_string(&r.t, link.value < sizeof links / sizeof links[0] ? links[link.value] : "unknown");
    row_end(s, &r);
    counters(s);
}
