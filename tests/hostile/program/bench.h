/* SPDX-License-Identifier: BSD-2-Clause */
/* What an attack stands on: the program's capabilities, its device, and the one call that is measured. The
 * program says what it saw; who is right is decided outside, by attacks.def. */
#ifndef CAPOS_TESTS_HOSTILE_BENCH_H
#define CAPOS_TESTS_HOSTILE_BENCH_H

#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/nic.h"
#include "provider/brokered.h"
#include "provider/virtio_net.h"
#include "user/rt/device.h"

#define BENCH_PROGRAM_SELF   0u /* numbers in the package */
#define BENCH_PROGRAM_FAULTS 1u
#define BENCH_TABLE_EMPTY    2u
#define BENCH_TABLES         3u

#define BENCH_SHARE_BYTES 16384u
#define BENCH_CAPS_MAX    160u

/* Of the measured call. */
struct seen {
    uint32_t enter, status, exception;
    uint64_t result; /* of the method; at a fault, how the program ended */
    uint64_t denials, records; /* counted, and in the audit log */
    uint32_t cause; /* `result` of the record */
    bool same; /* what is held is what was held before the call */
    bool empty; /* the refusal brought no value and no capability */
};

struct bench {
    struct rt *rt;
    cap_id spawner, functions, source, endpoints, timer, audit, system, power, inventory;
    struct rt_memory share; /* ranges of the attacks */
    struct rt_memory report; /* usage and audit records */
    uint64_t drained; /* records taken out of the log */
    struct seen seen;
    /* the device */
    struct rt_device device;
    struct device_authority authority;
    cap_id claimed, pool, helper_pool, helper, second;
    struct registers_brokered registers;
    struct author_brokered author;
    struct virtio_net nic;
    struct pci_function_info info;
    bool modern;
    cap_id caps[BENCH_CAPS_MAX]; /* made by an attack that uses something up */
    uint32_t cap_count;
};

/* The program ends with the number of the line that did not hold. */
void bench_must(struct bench *b, bool holds, uint32_t line);
#define MUST(b_, holds_) bench_must((b_), (holds_), __LINE__)

/* The measured call: exactly one an attack. */
struct ring_completion strike(struct bench *b, const struct ring_submission *submission);
struct ring_completion strike_call(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args);
struct ring_completion strike_range(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args,
                                    struct ring_extra range);
void strike_enter(struct bench *b, uint32_t *field, uint32_t by, uint32_t min_complete);

/* Not measured; the second succeeds or ends the program. */
struct ring_completion call(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args);
cap_id made(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args);
void released(struct bench *b, cap_id cap);
void usage(struct bench *b, struct system_usage *out);
/* All but counters. */
bool same_held(const struct system_usage *x, const struct system_usage *y);
/* Makes objects by this call until one is refused, keeps them, gives all of them back. */
void use_up(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args);
void give_back(struct bench *b);
/* One of those is given back and there is room for this one; then all of them are. */
void recovers(struct bench *b, cap_id cap, uint16_t method, const uint64_t *args);
struct ring_completion spawn(struct bench *b, uint32_t program, const char *text,
                             const struct spawn_grant *grants, uint32_t count);
struct ring_submission spawn_submission(struct bench *b, uint32_t program, const char *text,
                                        const struct spawn_grant *grants, uint32_t count);
/* A program that holds `count` handles to the timer and does nothing. */
cap_id stay(struct bench *b, uint32_t count);

/* The device's life. */
void device_find(struct bench *b);
void device_claim(struct bench *b);
void device_run(struct bench *b);
void device_end(struct bench *b);
_Noreturn void helper_main(struct rt *rt);
void helper_start(struct bench *b);
void helper_end(struct bench *b);

/* Ends one program by a fault of this kind; seen.result is the value of PROCESS_WAIT. */
void fault(struct bench *b, const char *kind);

#define ATTACK(phase, name, enter, status, exception, result, denials, cause)                                \
    void attack_##name(struct bench *b);
#include "tests/hostile/program/attacks.def"
#undef ATTACK

#endif
