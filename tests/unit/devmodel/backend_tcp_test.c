/* SPDX-License-Identifier: BSD-2-Clause */
/* The script peer's TCP, segment by segment: handshake, echo, windows, loss, FIN, RST. */
#include "frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define FIN    1
#define SYN    2
#define RST    4
#define PSH    8
#define ACK    16
#define SECOND 1000000000ull

static const uint8_t peer_ip[4] = {10, 0, 2, 2};
static const uint8_t guest_ip[4] = {10, 0, 2, 15};

struct talk {
    struct dm_backend *b;
    uint64_t now_ns;
    uint16_t port, peer_port;
    uint32_t next, peer_next; /* sequence numbers: ours, and what we expect of the peer */
    uint16_t window;
    struct kept_frames kept;
};

static struct talk talk;

static struct talk *start(void)
{
    struct dm_script_config c = {.address = {10, 0, 2, 2}, .guest = {10, 0, 2, 15}};
    memcpy(c.mac, peer_mac, 6);
    memset(&talk, 0, sizeof talk);
    talk.b = dm_script_create(&c);
    talk.port = 40000;
    talk.peer_port = 7;
    talk.next = 0xfffffff0; /* the numbers wrap soon */
    talk.window = 8000;
    return &talk;
}

static void poll_at(struct talk *t, uint64_t now_ns)
{
    t->now_ns = now_ns;
    t->kept.count = 0;
    t->b->ops->poll(t->b, now_ns, FRAMES_KEPT, keep_frame, &t->kept);
    for (uint32_t i = 0; i < t->kept.count; i++)
        cr_assert(frame_sums_right(t->kept.frames[i].data, t->kept.frames[i].bytes));
}

static void say(struct talk *t, uint8_t flags, uint32_t sequence, const void *data, size_t bytes)
{
    uint8_t segment[1600] = {0}, frame[1700];
    frame_put16(segment, t->port);
    frame_put16(segment + 2, t->peer_port);
    frame_put32(segment + 4, sequence);
    frame_put32(segment + 8, flags & ACK ? t->peer_next : 0);
    segment[12] = 5 << 4;
    segment[13] = flags;
    frame_put16(segment + 14, t->window);
    if (bytes)
        memcpy(segment + 20, data, bytes);
    size_t all = frame_ipv4(frame, peer_mac, guest_ip, peer_ip, 6, segment, 20 + bytes);
    t->b->ops->send(t->b, frame, all);
    poll_at(t, t->now_ns);
}

static const uint8_t *heard(const struct talk *t, uint32_t i)
{
    cr_assert(i < t->kept.count, "segment %u did not come", i);
    return t->kept.frames[i].data + 34;
}

static size_t heard_data(const struct talk *t, uint32_t i)
{
    return frame_be16(t->kept.frames[i].data + 16) - 20u - 4u * (heard(t, i)[12] >> 4);
}

static void expect(const struct talk *t, uint32_t i, uint8_t flags, uint32_t sequence, uint32_t acknowledged)
{
    const uint8_t *s = heard(t, i);
    cr_assert(eq(u8, s[13], flags));
    cr_assert(eq(u32, frame_be32(s + 4), sequence));
    cr_assert(eq(u32, frame_be32(s + 8), acknowledged));
    cr_assert(eq(u16, frame_be16(s), t->peer_port));
    cr_assert(eq(u16, frame_be16(s + 2), t->port));
}

static void handshake(struct talk *t)
{
    say(t, SYN, t->next, NULL, 0);
    t->next++;
    cr_assert(eq(u32, t->kept.count, 1));
    uint32_t theirs = frame_be32(heard(t, 0) + 4);
    expect(t, 0, SYN | ACK, theirs, t->next);
    cr_assert(eq(u8, heard(t, 0)[20], 2), "the segment size option");
    t->peer_next = theirs + 1;
    say(t, ACK, t->next, NULL, 0);
    cr_assert(eq(u32, t->kept.count, 0));
}

/* Sends text and takes its echo. */
static void echo(struct talk *t, const char *text)
{
    size_t bytes = strlen(text);
    say(t, PSH | ACK, t->next, text, bytes);
    t->next += (uint32_t)bytes;
    cr_assert(eq(u32, t->kept.count, 1));
    expect(t, 0, PSH | ACK, t->peer_next, t->next);
    cr_assert(eq(sz, heard_data(t, 0), bytes));
    cr_assert(eq(int, memcmp(heard(t, 0) + 20, text, bytes), 0));
    t->peer_next += (uint32_t)bytes;
    say(t, ACK, t->next, NULL, 0);
    cr_assert(eq(u32, t->kept.count, 0));
}

Test(tcp, a_connection_from_handshake_to_close)
{
    struct talk *t = start();
    handshake(t);
    echo(t, "hello");
    echo(t, "a line that takes the sequence number past its end");
    say(t, FIN | ACK, t->next, NULL, 0);
    t->next++;
    cr_assert(eq(u32, t->kept.count, 1));
    expect(t, 0, FIN | ACK, t->peer_next, t->next);
    t->peer_next++;
    say(t, ACK, t->next, NULL, 0);
    cr_assert(eq(u32, t->kept.count, 0));
    say(t, ACK, t->next, NULL, 0);
    expect(t, 0, RST, t->peer_next, 0);
    dm_backend_destroy(t->b);
}

Test(tcp, other_ports_are_refused)
{
    struct talk *t = start();
    t->peer_port = 80;
    say(t, SYN, 100, NULL, 0);
    cr_assert(eq(u32, t->kept.count, 1));
    expect(t, 0, RST | ACK, 0, 101);
    t->peer_next = 77;
    say(t, ACK, 100, "xyz", 3);
    expect(t, 0, RST, 77, 0);
    say(t, RST, 100, NULL, 0);
    cr_assert(eq(u32, t->kept.count, 0), "a reset is never answered");
    dm_backend_destroy(t->b);
}

Test(tcp, data_without_a_connection_is_refused)
{
    struct talk *t = start();
    t->peer_next = 5;
    say(t, ACK | PSH, 100, "xyz", 3);
    cr_assert(eq(u32, t->kept.count, 1));
    expect(t, 0, RST, 5, 0);
    dm_backend_destroy(t->b);
}

Test(tcp, out_of_order_and_repeated_data_is_acknowledged_not_echoed)
{
    struct talk *t = start();
    handshake(t);
    say(t, PSH | ACK, t->next + 10, "later", 5);
    cr_assert(eq(u32, t->kept.count, 1));
    expect(t, 0, ACK, t->peer_next, t->next);
    echo(t, "now");
    say(t, PSH | ACK, t->next - 3, "now", 3);
    cr_assert(eq(u32, t->kept.count, 1));
    expect(t, 0, ACK, t->peer_next, t->next);
    cr_assert(eq(sz, heard_data(t, 0), 0));
    dm_backend_destroy(t->b);
}

Test(tcp, a_lost_echo_is_sent_again_after_a_second)
{
    struct talk *t = start();
    handshake(t);
    say(t, PSH | ACK, t->next, "lost", 4);
    t->next += 4;
    poll_at(t, SECOND - 1);
    cr_assert(eq(u32, t->kept.count, 0));
    poll_at(t, SECOND);
    cr_assert(eq(u32, t->kept.count, 1));
    expect(t, 0, PSH | ACK, t->peer_next, t->next);
    cr_assert(eq(sz, heard_data(t, 0), 4));
    t->peer_next += 4;
    say(t, ACK, t->next, NULL, 0);
    poll_at(t, 10 * SECOND);
    cr_assert(eq(u32, t->kept.count, 0), "acknowledged");
    dm_backend_destroy(t->b);
}

Test(tcp, a_guest_that_fell_silent_is_given_up)
{
    struct talk *t = start();
    handshake(t);
    say(t, PSH | ACK, t->next, "gone", 4);
    t->next += 4;
    uint32_t again = 0;
    for (uint64_t s = 1; s < 30; s++) {
        poll_at(t, s * SECOND);
        again += t->kept.count;
    }
    cr_assert(eq(u32, again, 8));
    say(t, ACK, t->next, NULL, 0);
    expect(t, 0, RST, t->peer_next, 0);
    dm_backend_destroy(t->b);
}

Test(tcp, the_guests_window_is_kept)
{
    struct talk *t = start();
    char data[1000];
    memset(data, 'w', sizeof data);
    handshake(t);
    t->window = 300;
    say(t, PSH | ACK, t->next, data, sizeof data);
    t->next += sizeof data;
    cr_assert(eq(u32, t->kept.count, 1));
    cr_assert(eq(sz, heard_data(t, 0), 300));
    t->peer_next += 300;
    t->window = 0;
    say(t, ACK, t->next, NULL, 0);
    cr_assert(eq(u32, t->kept.count, 0));
    poll_at(t, 2 * SECOND);
    cr_assert(eq(u32, t->kept.count, 1), "a probe");
    cr_assert(eq(sz, heard_data(t, 0), 1));
    t->window = 8000;
    say(t, ACK, t->next, NULL, 0);
    size_t rest = 0;
    for (uint32_t i = 0; i < t->kept.count; i++) {
        cr_assert(heard_data(t, i) <= 536, "no option: segments of 536");
        rest += heard_data(t, i);
    }
    cr_assert(rest >= 699, "%zu", rest);
    dm_backend_destroy(t->b);
}

Test(tcp, a_full_buffer_takes_no_more_than_it_can_hold)
{
    struct talk *t = start();
    char data[1400];
    memset(data, 'f', sizeof data);
    handshake(t);
    t->window = 0; /* nothing can be echoed: the peer's buffer fills */
    uint32_t taken = t->next;
    for (int i = 0; i < 8; i++) {
        say(t, PSH | ACK, t->next, data, sizeof data);
        uint32_t acknowledged = frame_be32(heard(t, 0) + 8);
        cr_assert(acknowledged - t->next <= sizeof data);
        t->next = acknowledged;
    }
    cr_assert(eq(u32, t->next - taken, 8192));
    cr_assert(eq(u16, frame_be16(heard(t, 0) + 14), 0), "its window is closed");
    dm_backend_destroy(t->b);
}

Test(tcp, a_lost_answer_to_the_handshake_is_given_again)
{
    struct talk *t = start();
    say(t, SYN, t->next, NULL, 0);
    uint32_t theirs = frame_be32(heard(t, 0) + 4);
    say(t, SYN, t->next, NULL, 0);
    expect(t, 0, SYN | ACK, theirs, t->next + 1);
    poll_at(t, SECOND);
    expect(t, 0, SYN | ACK, theirs, t->next + 1);
    dm_backend_destroy(t->b);
}

Test(tcp, a_guest_that_starts_anew_gets_a_new_connection)
{
    struct talk *t = start();
    handshake(t);
    uint32_t old = t->peer_next;
    t->next = 1000;
    handshake(t);
    cr_assert(ne(u32, t->peer_next, old));
    echo(t, "again");
    dm_backend_destroy(t->b);
}

Test(tcp, a_reset_ends_only_when_it_is_in_order)
{
    struct talk *t = start();
    handshake(t);
    say(t, RST, t->next + 99, NULL, 0);
    echo(t, "still here");
    say(t, RST, t->next, NULL, 0);
    say(t, ACK, t->next, NULL, 0);
    expect(t, 0, RST, t->peer_next, 0);
    dm_backend_destroy(t->b);
}

Test(tcp, an_acknowledgement_of_what_was_never_sent_changes_nothing)
{
    struct talk *t = start();
    handshake(t);
    uint32_t honest = t->peer_next;
    t->peer_next += 5000;
    say(t, ACK, t->next, NULL, 0);
    t->peer_next = honest;
    echo(t, "fine");
    dm_backend_destroy(t->b);
}

Test(tcp, the_quietest_connection_makes_room_for_a_new_one)
{
    struct talk *t = start();
    for (uint16_t i = 0; i < 17; i++) {
        t->port = (uint16_t)(50000 + i);
        t->now_ns = 1000u + i;
        handshake(t);
    }
    echo(t, "the newest");
    t->port = 50000;
    say(t, ACK, t->next, NULL, 0);
    cr_assert(eq(u8, heard(t, 0)[13], RST), "the oldest is gone");
    dm_backend_destroy(t->b);
}

Test(tcp, header_lengths_that_lie_are_ignored)
{
    struct talk *t = start();
    uint8_t segment[40] = {0}, frame[128];
    for (unsigned words = 0; words < 16; words++) {
        frame_put16(segment, 40000);
        frame_put16(segment + 2, 7);
        segment[12] = (uint8_t)(words << 4);
        segment[13] = SYN;
        memset(segment + 20, 2, 20); /* options: kind 2, length 2, over and over */
        size_t bytes = frame_ipv4(frame, peer_mac, guest_ip, peer_ip, 6, segment, sizeof segment);
        t->b->ops->send(t->b, frame, bytes);
        poll_at(t, words);
        cr_assert(t->kept.count == (words >= 5 && words <= 10 ? 1u : 0u), "%u words", words);
    }
    dm_backend_destroy(t->b);
}
