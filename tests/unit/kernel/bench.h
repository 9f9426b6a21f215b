/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench of the kernel's device tests: one fake machine, one kernel, one owner, and the steps to a running
 * queue. */
#ifndef CAPOS_TESTS_UNIT_KERNEL_BENCH_H
#define CAPOS_TESTS_UNIT_KERNEL_BENCH_H

#include <criterion/criterion.h>
#include <string.h>

#include "kernel/kernel.h"
#include "provider/tables.h"
#include "tests/support/fake_platform.h"

/* Modern layout in BAR 0 of the fake: sections common, notify, device. */
extern const struct reg_window modern_windows[3];
extern const struct reg_window legacy_windows[1];

struct nic {
    cap_id device, registers, pool, rx, tx, queue[2];
    struct dma_queue_view view[2];
    uint8_t *rx_cpu, *tx_cpu;
    bool legacy;
};

struct bench {
    struct platform platform;
    struct kernel kernel;
    struct owner *owner;
    struct kernel_binding binding;
    struct device_authority authority;
    struct kernel_usage before;
};

extern struct bench bench;
#define K   (&bench.kernel)
#define P   (&bench.platform)
#define A   (bench.authority.ops)
#define CTX (bench.authority.ctx)

/* Standard machine, scanned; one owner with generous limits; `before` taken after it was made. */
void bench_start(void);
/* The same over a machine that the test has prepared in bench.platform. */
void bench_start_prepared(void);
/* Steps of a life; each asserts success. */
void nic_claim(struct nic *n, uint16_t bdf);
void nic_open(struct nic *n);
void nic_reset(struct nic *n);
void nic_memory(struct nic *n); /* pool, two buffers of 8 pages, two queues */
void nic_enable(struct nic *n); /* features, addresses, enable, DMA on */
void nic_run(struct nic *n); /* DRIVER_OK */
/* All of them. */
void nic_up(struct nic *n, uint16_t bdf);

struct device_reply write_status(const struct nic *n, uint32_t value);
struct device_reply read_status(const struct nic *n);
struct device_reply select_queue(const struct nic *n, uint16_t queue);

struct dma_segment segment(cap_id buffer, uint32_t offset, uint32_t length, uint8_t direction);
struct dma_publication one(uint16_t slot, struct dma_segment s);
struct device_reply publish_rx(const struct nic *n, uint16_t slot, uint32_t offset, uint32_t length);
/* The device's side: one used element, then the index. */
void device_uses(const struct nic *n, uint32_t queue, uint32_t id, uint32_t length);
void device_index(const struct nic *n, uint32_t queue, uint16_t index);

#define ok(reply)                                                                                            \
    cr_assert(device_reply_ok(reply), "%s %s", cap_exception_name((reply).exception),                        \
              device_error_name((reply).error))
#define refused(reply, code)                                                                                 \
    do {                                                                                                     \
        struct device_reply r_ = (reply);                                                                    \
        cr_assert(r_.exception == CAP_EX_NONE && r_.error == (code), "%s %s, expected %s",                   \
                  cap_exception_name(r_.exception), device_error_name(r_.error), device_error_name(code));   \
    } while (0)
#define excepted(reply, code)                                                                                \
    do {                                                                                                     \
        struct device_reply r_ = (reply);                                                                    \
        cr_assert(r_.exception == (code) && r_.error == DEV_OK, "%s %s, expected %s",                        \
                  cap_exception_name(r_.exception), device_error_name(r_.error), cap_exception_name(code));  \
    } while (0)
/* Bytes from the DMA region's start; and the start of its page. */
uint64_t dma_offset(const void *at);
uint64_t dma_page(const void *at);
/* Bytes from the DMA region's start to a ring of 8 entries: its device area has pages of its own. */
uint64_t dma_ring(const struct nic *n, uint32_t queue);
/* Everything that is held is as it was when the bench started. */
void as_before(void);

#endif
