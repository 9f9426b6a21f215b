/* SPDX-License-Identifier: BSD-2-Clause */
/* A scripted function for unit tests of the provider: registers and author in one struct, both transports.
 * The test is the device: it pops what was published and completes it as it likes. Any call can be made to
 * fail. */
#ifndef CAPOS_TESTS_PROVIDER_FAKE_H
#define CAPOS_TESTS_PROVIDER_FAKE_H

#include "provider/virtio_net.h"

#define FAKE_BUS 0x7000000000ull /* device addresses are handles: bus + offset in the arena of the fake */
#define FAKE_LOG 256

struct fake_queue {
    struct split_ring ring;
    uint8_t *memory;
    uint16_t size_offered;
    uint16_t popped; /* device's index into the available ring */
    uint16_t used; /* device's used index */
    bool live, enabled;
    uint16_t avail_flags;
};

struct fake {
    bool legacy;
    /* device behaviour */
    uint64_t offered;
    uint8_t config[8];
    bool config_moves; /* the generation (legacy: the first byte) differs at each read */
    bool refuse_features;
    bool gone; /* all registers read all ones */
    uint32_t reset_reads; /* status reads until a reset shows; UINT32_MAX: never */
    uint16_t num_queues;
    uint16_t notify_off[2];
    /* device state */
    uint8_t status, generation;
    bool resetting;
    bool status_override; /* the status register reads status_value whatever happens */
    uint8_t status_value;
    uint32_t reset_left;
    uint64_t accepted;
    uint32_t feature_select, driver_select;
    uint16_t queue_select;
    struct fake_queue queues[2];
    /* what is held */
    bool open, dma;
    uint32_t rings_live, buffers_live;
    struct {
        uint8_t *memory;
        uint32_t bytes;
        uint8_t direction;
        bool live;
    } buffers[8];
    /* failure injection: call number `fail_at` (counted from 0 over all fallible calls) fails; fail_on: and
     * all later */
    uint32_t calls, fail_at;
    bool fail_on;
    bool refuse_publish;
    uint32_t publishes, bells_before_ok;
    /* status bytes in the order written */
    uint8_t statuses[FAKE_LOG];
    uint32_t status_count;
};

void fake_init(struct fake *f, bool legacy);
void fake_free(struct fake *f);
/* A scan record of the function: both kinds with sound BARs and capabilities. */
struct pci_function_info fake_info(bool legacy);
struct vnet_env fake_env(struct fake *f, const struct pci_function_info *info, void *arena, uint16_t slots);
/* Opens and polls to the end of the start. */
enum vnet_state fake_start(struct virtio_net *nic, const struct vnet_env *env);
/* Polls until nothing moves any more: STOPPED or QUARANTINED. */
enum vnet_state fake_finish(struct virtio_net *nic);

/* The device's side. */
bool fake_pop(struct fake *f, uint16_t queue, uint16_t *head);
struct fake_segment {
    uint8_t *data;
    uint32_t length;
    bool writable;
    bool more;
    uint16_t next;
};
struct fake_segment fake_descriptor(struct fake *f, uint16_t queue, uint16_t slot);
void fake_use(struct fake *f, uint16_t queue, uint32_t id, uint32_t length);
/* Writes a used element without moving the index. */
void fake_element(struct fake *f, uint16_t queue, uint16_t at, uint32_t id, uint32_t length);
void fake_used_index(struct fake *f, uint16_t queue, uint16_t index);
/* Fills the next armed buffer with header and frame; num_buffers as given. */
void fake_deliver(struct fake *f, const uint8_t *frame, uint32_t bytes, uint16_t num_buffers);

#endif
