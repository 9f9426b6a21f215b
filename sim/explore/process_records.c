/* SPDX-License-Identifier: BSD-2-Clause */
/* What programs of world `process` write: records as the ABI has them, and records that break a rule. */
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/process_world.h"

const char *pw_op_name(uint8_t op)
{
    static const char *const names[PW_OPS] = {"NOP",
                                              "CALL",
                                              "CALL with a copy",
                                              "CALL with a move",
                                              "RECV",
                                              "RETURN",
                                              "RETURN with a copy",
                                              "RETURN with a move",
                                              "RETURN with an old token",
                                              "RELEASE",
                                              "timer wait",
                                              "make endpoint",
                                              "make client",
                                              "make memory",
                                              "map",
                                              "unmap",
                                              "CALL with an old handle",
                                              "start process",
                                              "kill",
                                              "wait for the end",
                                              "hostile record",
                                              "cap_enter that waits",
                                              "reading completions",
                                              "cap_enter with a wrong index",
                                              "exit",
                                              "fault",
                                              "killed from outside",
                                              "time"};

    return names[op];
}

static struct ring_submission call(cap_id cap, uint64_t a, uint64_t b)
{
    return (struct ring_submission){.opcode = RING_CALL, .method = 1, .cap = cap, .args = {a, b, 0}};
}

/* The request lies in the first process's MemoryObject; its third argument is the slot that is given. */
static struct ring_submission spawn(struct pw_world *p, const struct pw_action *action)
{
    struct spawn_request request = {.name = "child", .pages = 2};
    struct spawn_grant grant = {.name = "given", .cap = pw_cap(p, 0, action->b)};
    struct ring_submission r = call(pw_cap(p, 0, action->a), 0, action->b != 0);
    uint8_t *memory = p->system.memories[0].memory;
    uint32_t slot = 1;

    while (p->book.processes[0].slot_object[slot] != PW_MEMORIES)
        slot++;
    memcpy(memory, &request, sizeof request);
    memcpy(memory + sizeof request, &grant, sizeof grant);
    r.method = SPAWNER_START;
    r.flags = RING_EXTRA_RANGE;
    r.extra = pw_cap(p, 0, slot);
    r.length = (uint32_t)(sizeof request + (action->b != 0 ? sizeof grant : 0u));
    return r;
}

/* What breaks a rule, one field each. First: what the record is before. */
enum on { ON_NOP, ON_ANY, ON_CLIENT, ON_ENDPOINT, ON_NO_ENDPOINT, ON_KERNEL, ON_TOKEN, ON_OTHERS };
enum field {
    F_NONE,
    F_OPCODE,
    F_FLAGS,
    F_RESERVED,
    F_METHOD,
    F_RESULT,
    F_CAP,
    F_GENERATION,
    F_EXTRA,
    F_NEXT_EXTRA, /* a handle that will be */
    F_NEXT,
    F_OFFSET,
    F_LENGTH,
    F_ARGS
};
static const struct {
    uint8_t opcode, on, flags, field;
    uint64_t value;
} hostile[] = {
    {RING_NOP, ON_NOP, 0, F_OPCODE, 0},
    {RING_NOP, ON_NOP, 0, F_OPCODE, RING_RELEASE + 1u},
    {RING_CALL, ON_ANY, 0, F_OPCODE, 0xff},
    {RING_CALL, ON_CLIENT, 0, F_FLAGS, RING_EXTRA_COPY | RING_EXTRA_MOVE},
    {RING_CALL, ON_CLIENT, 0, F_FLAGS, RING_EXTRA_RANGE | RING_EXTRA_MOVE},
    {RING_CALL, ON_CLIENT, 0, F_FLAGS, 8},
    {RING_CALL, ON_CLIENT, 0, F_FLAGS, 0xff},
    {RING_RECV, ON_ENDPOINT, 0, F_FLAGS, RING_EXTRA_COPY},
    {RING_RELEASE, ON_ANY, 0, F_FLAGS, RING_EXTRA_MOVE},
    {RING_NOP, ON_NOP, 0, F_FLAGS, RING_EXTRA_RANGE},
    {RING_CALL, ON_CLIENT, 0, F_RESERVED, 1},
    {RING_RECV, ON_ENDPOINT, 0, F_RESERVED, 0x8000},
    {RING_RELEASE, ON_ANY, 0, F_RESERVED, 1},
    {RING_CALL, ON_CLIENT, 0, F_RESULT, 1},
    {RING_RECV, ON_ENDPOINT, 0, F_METHOD, 1},
    {RING_RELEASE, ON_ANY, 0, F_METHOD, 1},
    {RING_CALL, ON_KERNEL, 0, F_METHOD, 0},
    {RING_CALL, ON_KERNEL, 0, F_METHOD, 0xffff},
    {RING_CALL, ON_ANY, 0, F_CAP, 0},
    {RING_CALL, ON_ANY, 0, F_CAP, CAP_SLOTS_MAX},
    {RING_CALL, ON_ANY, 0, F_CAP, 0xffffffff},
    {RING_RECV, ON_ANY, 0, F_CAP, 0xffffffff},
    {RING_RELEASE, ON_ANY, 0, F_CAP, 0},
    {RING_RELEASE, ON_ANY, 0, F_CAP, 0x10001},
    {RING_NOP, ON_NOP, 0, F_CAP, 1},
    {RING_CALL, ON_ANY, 0, F_GENERATION, 0},
    {RING_CALL, ON_ANY, 0, F_GENERATION, 0xffffffff},
    {RING_RECV, ON_ANY, 0, F_NEXT, 0},
    {RING_RELEASE, ON_ANY, 0, F_NEXT, 0},
    {RING_RELEASE, ON_ANY, 0, F_GENERATION, 0},
    {RING_CALL, ON_CLIENT, RING_EXTRA_COPY, F_EXTRA, 0},
    {RING_CALL, ON_CLIENT, RING_EXTRA_MOVE, F_EXTRA, 0xffffffff},
    {RING_CALL, ON_CLIENT, RING_EXTRA_MOVE, F_NEXT_EXTRA, 0},
    {RING_CALL, ON_CLIENT, 0, F_EXTRA, 1},
    {RING_CALL, ON_CLIENT, RING_EXTRA_RANGE, F_LENGTH, 1},
    {RING_CALL, ON_KERNEL, RING_EXTRA_RANGE, F_LENGTH, 1},
    {RING_CALL, ON_KERNEL, RING_EXTRA_COPY, F_NEXT_EXTRA, 0},
    {RING_CALL, ON_CLIENT, 0, F_OFFSET, 1},
    {RING_CALL, ON_CLIENT, 0, F_LENGTH, 0xffffffff},
    {RING_RECV, ON_NO_ENDPOINT, 0, F_ARGS, 0},
    {RING_RECV, ON_ENDPOINT, 0, F_ARGS, RING_INBOX},
    {RING_RECV, ON_ENDPOINT, 0, F_ARGS, UINT64_MAX},
    {RING_RETURN, ON_TOKEN, 0, F_ARGS, 0},
    {RING_RETURN, ON_TOKEN, 0, F_ARGS, UINT64_MAX},
    {RING_RETURN, ON_OTHERS, 0, F_NONE, 0},
    {RING_RETURN, ON_TOKEN, 0, F_CAP, 1},
    {RING_RETURN, ON_TOKEN, 0, F_METHOD, 1},
    {RING_RETURN, ON_TOKEN, 0, F_FLAGS, RING_EXTRA_RANGE},
    {RING_RETURN, ON_TOKEN, 0, F_OFFSET, 0x80000000},
    {RING_RETURN, ON_TOKEN, RING_EXTRA_MOVE, F_EXTRA, 0xffffffff},
};

uint32_t pw_hostile_count(void)
{
    return (uint32_t)(sizeof hostile / sizeof *hostile);
}

static bool fits(enum on on, uint8_t kind)
{
    switch (on) {
    case ON_CLIENT:
        return kind == CAP_IF_NIC;
    case ON_ENDPOINT:
        return kind == CAP_IF_ENDPOINT;
    case ON_NO_ENDPOINT:
        return kind != CAP_IF_ENDPOINT;
    case ON_KERNEL:
        return kind != CAP_IF_NIC;
    default:
        return true;
    }
}

/* The first handle that fits; none: one that never was. */
static cap_id handle(const struct pw_world *p, uint32_t process, enum on on)
{
    for (uint32_t s = 1; s <= PW_SLOTS; s++) {
        const uint8_t object = p->book.processes[process].slot_object[s];

        if (object != PW_NO_OBJECT && fits(on, pw_kind(object)))
            return pw_cap(p, process, s);
    }
    return (cap_id){CAP_SLOTS_MAX - 1u, 1};
}

/* Of a call that the process has to answer, or that another has. None: 0. */
static uint64_t token(const struct pw_world *p, uint32_t process, bool own)
{
    for (uint32_t i = 0; i < PW_PROCESSES * PW_ENTRIES; i++) {
        const struct pw_entry *e = &p->book.processes[i / PW_ENTRIES].entries[i % PW_ENTRIES];

        if (e->state == PW_RECEIVED && (e->server == process) == own)
            return e->token;
    }
    return 0;
}

static void break_field(struct ring_submission *r, enum field field, uint64_t value)
{
    switch (field) {
    case F_NONE:
        return;
    case F_OPCODE:
        r->opcode = (uint8_t)value;
        return;
    case F_FLAGS:
        r->flags = (uint8_t)value;
        return;
    case F_RESERVED:
        r->reserved = (uint16_t)value;
        return;
    case F_METHOD:
        r->method = (uint16_t)value;
        return;
    case F_RESULT:
        r->result = (uint16_t)value;
        return;
    case F_CAP:
        r->cap.index = (uint32_t)value;
        return;
    case F_GENERATION:
        r->cap.generation = (uint32_t)value;
        return;
    case F_EXTRA:
        r->extra = (cap_id){(uint32_t)value, 1};
        return;
    case F_NEXT_EXTRA:
        r->extra = (cap_id){r->cap.index, r->cap.generation + 1u};
        return;
    case F_NEXT:
        r->cap.generation++;
        return;
    case F_OFFSET:
        r->offset = (uint32_t)value;
        return;
    case F_LENGTH:
        r->length = (uint32_t)value;
        return;
    case F_ARGS:
        r->args[0] = value;
        return;
    }
}

static struct ring_submission hostile_record(const struct pw_world *p, const struct pw_action *action)
{
    const enum on on = hostile[action->a].on;
    struct ring_submission r = {.opcode = hostile[action->a].opcode, .flags = hostile[action->a].flags};

    if (on == ON_TOKEN || on == ON_OTHERS)
        r.args[0] = token(p, action->process, on == ON_TOKEN);
    else if (on != ON_NOP)
        r.cap = handle(p, action->process, on);
    if (r.opcode == RING_CALL)
        r.method = 1;
    if (r.opcode == RING_CALL && r.flags == RING_EXTRA_RANGE)
        r.extra = r.cap;
    break_field(&r, hostile[action->a].field, hostile[action->a].value);
    return r;
}

static struct ring_submission answer(const struct pw_world *p, const struct pw_action *action)
{
    const struct pw_entry *e = &p->book.processes[action->a / PW_ENTRIES].entries[action->a % PW_ENTRIES];

    return (struct ring_submission){.opcode = RING_RETURN, .args = {e->token, e->user, 0}};
}

static struct ring_submission with(struct ring_submission r, uint8_t flags, cap_id extra)
{
    r.flags = flags;
    r.extra = extra;
    return r;
}

struct ring_submission pw_record(struct pw_world *p, const struct pw_action *action)
{
    const uint32_t process = action->process;
    const bool slots = action->op != PW_HOSTILE && !(action->op >= PW_RETURN && action->op <= PW_RETURN_MOVE);
    const cap_id cap = slots ? pw_cap(p, process, action->a) : CAP_NONE;
    struct ring_submission r = call(cap, 0, 0);

    switch ((enum pw_op)action->op) {
    case PW_NOP:
        return (struct ring_submission){.opcode = RING_NOP};
    case PW_CALL_COPY:
        return with(r, RING_EXTRA_COPY, pw_cap(p, process, action->b));
    case PW_CALL_MOVE:
        return with(r, RING_EXTRA_MOVE, pw_cap(p, process, action->b));
    case PW_STALE:
        r.cap.generation--;
        return r;
    case PW_RECV:
        return (struct ring_submission){.opcode = RING_RECV, .cap = cap};
    case PW_RETURN:
        return answer(p, action);
    case PW_RETURN_COPY:
        return with(answer(p, action), RING_EXTRA_COPY, pw_cap(p, process, action->b));
    case PW_RETURN_MOVE:
        return with(answer(p, action), RING_EXTRA_MOVE, pw_cap(p, process, action->b));
    case PW_RETURN_DEAD:
        return (struct ring_submission){.opcode = RING_RETURN, .args = {p->book.dead_token, 0, 0}};
    case PW_RELEASE:
        return (struct ring_submission){.opcode = RING_RELEASE, .cap = cap};
    case PW_MAKE_CLIENT: {
        uint8_t object = PW_CLIENTS;

        while (p->book.objects[object].live)
            object++;
        return call(cap, CAP_IF_NIC, object);
    }
    case PW_MAKE_MEMORY:
        return call(cap, PROCESSOR_PAGE, 0);
    case PW_UNMAP:
        r.method = MEMORY_UNMAP;
        return r;
    case PW_SPAWN:
        return spawn(p, action);
    case PW_KILL:
        r.method = PROCESS_KILL;
        return r;
    case PW_HOSTILE:
        return hostile_record(p, action);
    default:
        return r;
    }
}
