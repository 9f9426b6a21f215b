/* SPDX-License-Identifier: BSD-2-Clause */
/* Attacks that need no device: on the ring, with handles that are none, on budgets. */
#include "tests/hostile/program/bench.h"

/* the ring */

void attack_submit_tail(struct bench *b)
{
    strike_enter(b, &b->rt->ring.page->header.submit_tail, RING_SUBMISSIONS + 1u, 0);
}

void attack_submit_tail_back(struct bench *b)
{
    strike_enter(b, &b->rt->ring.page->header.submit_tail, UINT32_MAX, 0);
}

void attack_complete_head(struct bench *b)
{
    strike_enter(b, &b->rt->ring.page->header.complete_head, RING_COMPLETIONS + 1u, 0);
}

void attack_complete_head_back(struct bench *b)
{
    /* The kernel knows the head of the last entry: since then one completion was read. */
    strike_enter(b, &b->rt->ring.page->header.complete_head, UINT32_MAX - 1u, 0);
}

void attack_min_complete(struct bench *b)
{
    strike_enter(b, &b->rt->ring.page->header.submit_tail, 0, RING_COMPLETIONS + 1u);
}

void attack_opcode_none(struct bench *b)
{
    (void)strike(b, &(struct ring_submission){.cap = b->timer});
}

void attack_opcode_beyond(struct bench *b)
{
    (void)strike(b, &(struct ring_submission){.opcode = RING_RELEASE + 1, .cap = b->timer});
}

void attack_flags_unknown(struct bench *b)
{
    (void)strike(b, &(struct ring_submission){.opcode = RING_CALL, .flags = 8, .method = 1, .cap = b->timer});
}

void attack_flags_two(struct bench *b)
{
    (void)strike(b, &(struct ring_submission){.opcode = RING_CALL,
                                              .flags = RING_EXTRA_COPY | RING_EXTRA_MOVE,
                                              .method = 1,
                                              .cap = b->timer,
                                              .extra = b->share.cap});
}

void attack_flags_of_release(struct bench *b)
{
    (void)strike(
        b, &(struct ring_submission){
               .opcode = RING_RELEASE, .flags = RING_EXTRA_COPY, .cap = b->share.cap, .extra = b->timer});
}

void attack_flags_of_object(struct bench *b)
{
    const struct ring_extra extra = ring_move(b->share.cap);
    const struct ring_submission r = ring_make_call(b->timer, TIMER_WAIT, NULL, &extra);

    (void)strike(b, &r);
}

void attack_reserved(struct bench *b)
{
    (void)strike(b,
                 &(struct ring_submission){.opcode = RING_CALL, .method = 1, .reserved = 1, .cap = b->timer});
}

void attack_result_of_call(struct bench *b)
{
    (void)strike(b,
                 &(struct ring_submission){.opcode = RING_CALL, .method = 1, .result = 1, .cap = b->timer});
}

void attack_method_of_release(struct bench *b)
{
    (void)strike(b, &(struct ring_submission){.opcode = RING_RELEASE, .method = 1, .cap = b->share.cap});
}

void attack_cap_of_nop(struct bench *b)
{
    (void)strike(b, &(struct ring_submission){.opcode = RING_NOP, .cap = b->timer});
}

void attack_extra_without_flag(struct bench *b)
{
    (void)strike(b, &(struct ring_submission){
                        .opcode = RING_CALL, .method = 1, .cap = b->timer, .extra = b->share.cap});
}

void attack_offset_without_range(struct bench *b)
{
    (void)strike(b,
                 &(struct ring_submission){.opcode = RING_CALL, .method = 1, .cap = b->timer, .offset = 8});
}

void attack_method_none(struct bench *b)
{
    (void)strike_call(b, b->timer, 0, NULL);
}

void attack_method_beyond(struct bench *b)
{
    (void)strike_call(b, b->timer, UINT16_MAX, NULL);
}

void attack_method_of_another(struct bench *b)
{
    (void)strike_call(b, b->source, MEMORY_BYTES, NULL);
}

/* It shows functions; whatever number is called, it hands none out. */
void attack_inventory_takes(struct bench *b)
{
    (void)strike_call(b, b->inventory, INVENTORY_RELEASE + 1u, RING_ARGS(0));
}

void attack_inbox_beyond(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const struct ring_submission r = ring_make_recv(endpoint, RING_INBOX);

    (void)strike(b, &r);
    released(b, endpoint);
}

void attack_inbox_taken(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const struct ring_submission r = ring_make_recv(endpoint, 0);
    struct ring_completion done;

    MUST(b, ring_recv(&b->rt->ring, 1, endpoint, 0));
    ring_flush(&b->rt->ring);
    (void)strike(b, &r);
    released(b, endpoint);
    MUST(b, ring_wait(&b->rt->ring, RING_FOREVER, &done) && done.status == RING_E_CANCELLED);
}

void attack_token_forged(struct bench *b)
{
    const struct ring_submission r = ring_make_return(12345, 0, 0, NULL);

    (void)strike(b, &r);
}

void attack_range_missing(struct bench *b)
{
    (void)strike_call(b, b->system, SYSTEM_USAGE, NULL);
}

void attack_range_unwanted(struct bench *b)
{
    (void)strike_range(b, b->timer, TIMER_WAIT, NULL, ring_range(b->share.cap, 0, 8));
}

void attack_range_empty(struct bench *b)
{
    (void)strike_range(b, b->system, SYSTEM_USAGE, NULL, ring_range(b->share.cap, 0, 0));
}

void attack_range_beyond(struct bench *b)
{
    (void)strike_range(b, b->system, SYSTEM_USAGE, NULL,
                       ring_range(b->share.cap, BENCH_SHARE_BYTES - 8u, sizeof(struct system_usage)));
}

void attack_range_wraps(struct bench *b)
{
    (void)strike_range(b, b->system, SYSTEM_USAGE, NULL, ring_range(b->share.cap, UINT32_MAX - 7u, 4096));
}

void attack_range_small(struct bench *b)
{
    (void)strike_range(b, b->system, SYSTEM_USAGE, NULL, ring_range(b->share.cap, 0, 8));
}

void attack_range_of_package(struct bench *b)
{
    const cap_id package = made(b, b->spawner, SPAWNER_PACKAGE, NULL);

    (void)strike_range(b, b->system, SYSTEM_USAGE, NULL, ring_range(package, 0, sizeof(struct system_usage)));
    released(b, package);
}

/* handles */

static cap_id memory(struct bench *b, uint64_t bytes)
{
    return made(b, b->source, MEMORY_CREATE, RING_ARGS(bytes));
}

void attack_handle_none(struct bench *b)
{
    (void)strike_call(b, CAP_NONE, MEMORY_BYTES, NULL);
}

void attack_handle_beyond(struct bench *b)
{
    (void)strike_call(b, (cap_id){0x7fffffffu, 1}, MEMORY_BYTES, NULL);
}

void attack_handle_generation(struct bench *b)
{
    (void)strike_call(b, (cap_id){b->share.cap.index, b->share.cap.generation + 1u}, MEMORY_BYTES, NULL);
}

void attack_handle_generation_none(struct bench *b)
{
    (void)strike_call(b, (cap_id){b->share.cap.index, 0}, MEMORY_BYTES, NULL);
}

void attack_handle_released(struct bench *b)
{
    const cap_id gone = memory(b, 1);

    released(b, gone);
    (void)strike_call(b, gone, MEMORY_BYTES, NULL);
}

void attack_handle_reused(struct bench *b)
{
    const cap_id gone = memory(b, 1);

    released(b, gone);
    const cap_id next = memory(b, 1);
    MUST(b, next.index == gone.index && next.generation != gone.generation);
    (void)strike_call(b, gone, MEMORY_BYTES, NULL);
    released(b, next);
}

void attack_handle_moved(struct bench *b)
{
    struct spawn_grant grants[2] = {{.name = "memory", .move = 1}, {.name = "timer", .cap = b->timer}};
    struct ring_completion child;

    grants[0].cap = memory(b, 1);
    child = spawn(b, BENCH_PROGRAM_SELF, "role=stay", grants, 2);
    MUST(b, ring_completed(&child));
    (void)strike_call(b, grants[0].cap, MEMORY_BYTES, NULL);
    released(b, child.cap);
}

/* A handle that is good in another's table, and names a slot that was used here as well. */
void attack_handle_foreign(struct bench *b)
{
    const cap_id child = stay(b, 24);
    const struct ring_extra range = ring_range(b->share.cap, 0, sizeof(struct cap_line));
    cap_id foreign = CAP_NONE;

    for (uint64_t process = 0; process < 16 && cap_is_none(foreign); process++) {
        for (uint64_t slot = 1; slot <= 24 && cap_is_none(foreign); slot++) {
            struct cap_line line;
            const struct ring_completion done =
                ring_call(&b->rt->ring, b->system, SYSTEM_CAP, RING_ARGS(process, slot), &range);

            memcpy(&line, b->share.at, sizeof line);
            /* Ours of this number was made anew, so that it has another generation. */
            if (ring_completed(&done) && line.id.index == child.index && line.interface == CAP_IF_TIMER)
                foreign = line.id;
        }
    }
    MUST(b, !cap_is_none(foreign) && !cap_same(foreign, child));
    (void)strike_call(b, foreign, TIMER_WAIT, NULL);
    released(b, child);
}

void attack_handle_of_ended(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const cap_id client = made(b, endpoint, ENDPOINT_CLIENT, RING_ARGS(CAP_IF_NIC, 1));

    released(b, endpoint); /* the client dies with it */
    (void)strike_call(b, client, NIC_INFO, NULL);
}

void attack_release_none(struct bench *b)
{
    const struct ring_submission r = ring_make_release(CAP_NONE);

    (void)strike(b, &r);
}

void attack_release_twice(struct bench *b)
{
    const cap_id gone = memory(b, 1);
    const struct ring_submission r = ring_make_release(gone);

    released(b, gone);
    (void)strike(b, &r);
}

void attack_receive_on_memory(struct bench *b)
{
    const struct ring_submission r = ring_make_recv(b->share.cap, 0);

    (void)strike(b, &r);
}

void attack_range_not_memory(struct bench *b)
{
    (void)strike_range(b, b->system, SYSTEM_USAGE, NULL, ring_range(b->timer, 0, 4096));
}

void attack_range_forged(struct bench *b)
{
    (void)strike_range(b, b->system, SYSTEM_USAGE, NULL, ring_range((cap_id){4000, 1}, 0, 4096));
}

void attack_transfer_forged(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const cap_id client = made(b, endpoint, ENDPOINT_CLIENT, RING_ARGS(CAP_IF_NIC, 1));

    (void)strike_range(b, client, NIC_ATTACH, NULL, ring_move((cap_id){4000, 1}));
    released(b, client);
    released(b, endpoint);
}

void attack_spawn_forged(struct bench *b)
{
    const struct spawn_grant grant = {.name = "forged", .cap = {4000, 1}};
    const struct ring_submission r = spawn_submission(b, BENCH_PROGRAM_SELF, "role=stay", &grant, 1);

    (void)strike(b, &r);
}

void attack_client_of_kernel(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);

    (void)strike_call(b, endpoint, ENDPOINT_CLIENT, RING_ARGS(CAP_IF_DEVICE, 1));
    released(b, endpoint);
}

void attack_map_twice(struct bench *b)
{
    (void)strike_call(b, b->share.cap, MEMORY_MAP, RING_ARGS(1));
}

void attack_map_package_writable(struct bench *b)
{
    const cap_id package = made(b, b->spawner, SPAWNER_PACKAGE, NULL);

    (void)strike_call(b, package, MEMORY_MAP, RING_ARGS(1));
    released(b, package);
}

void attack_function_beyond(struct bench *b)
{
    (void)strike_call(b, b->functions, FUNCTIONS_TAKE, RING_ARGS(60000));
}

/* budgets: used up, refused, and one given back is enough for one more */

void attack_pages_at_once(struct bench *b)
{
    (void)strike_call(b, b->source, MEMORY_CREATE, RING_ARGS(16u << 20));
}

void attack_pages_one_by_one(struct bench *b)
{
    const uint64_t *args = RING_ARGS(16u * 4096u);

    use_up(b, b->source, MEMORY_CREATE, args);
    (void)strike_call(b, b->source, MEMORY_CREATE, args);
    recovers(b, b->source, MEMORY_CREATE, args);
}

void attack_endpoints(struct bench *b)
{
    use_up(b, b->endpoints, ENDPOINT_CREATE, NULL);
    (void)strike_call(b, b->endpoints, ENDPOINT_CREATE, NULL);
    recovers(b, b->endpoints, ENDPOINT_CREATE, NULL);
}

void attack_clients(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const uint64_t *args = RING_ARGS(CAP_IF_NIC, 1);

    use_up(b, endpoint, ENDPOINT_CLIENT, args);
    (void)strike_call(b, endpoint, ENDPOINT_CLIENT, args);
    recovers(b, endpoint, ENDPOINT_CLIENT, args);
    released(b, endpoint);
}

void attack_slots(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);

    use_up(b, endpoint, ENDPOINT_CLIENT, RING_ARGS(CAP_IF_NIC, 1));
    use_up(b, b->source, MEMORY_CREATE, RING_ARGS(1));
    (void)strike_call(b, b->endpoints, ENDPOINT_CREATE, NULL);
    recovers(b, b->source, MEMORY_CREATE, RING_ARGS(1));
    released(b, endpoint);
}

void attack_moved_pages(struct bench *b)
{
    struct spawn_grant grant = {.name = "memory", .move = 1};

    grant.cap = memory(b, 16u * 4096u); /* more than the request lets the new process hold */
    const struct ring_submission r = spawn_submission(b, BENCH_PROGRAM_SELF, "role=stay", &grant, 1);
    (void)strike(b, &r);
    released(b, grant.cap);
}

void attack_processes(struct bench *b)
{
    const struct spawn_grant grant = {.name = "timer", .cap = b->timer};

    for (;;) {
        const struct ring_completion done = spawn(b, BENCH_PROGRAM_SELF, "role=stay", &grant, 1);

        if (!ring_completed(&done))
            break;
        b->caps[b->cap_count++] = done.cap;
    }
    MUST(b, b->cap_count > 4);
    const struct ring_submission r = spawn_submission(b, BENCH_PROGRAM_SELF, "role=stay", &grant, 1);
    (void)strike(b, &r);
    released(b, b->caps[--b->cap_count]);
    b->caps[b->cap_count] = stay(b, 1);
    b->cap_count++;
    give_back(b);
}
