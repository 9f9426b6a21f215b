/* SPDX-License-Identifier: BSD-2-Clause */
/* The test bench of the hostile, teardown and conformance suites: a world, a kernel, an owner and a provider
 * in it, by either author. Everything is placed by rig_open and checked by rig_close: nothing may be left. */
#ifndef CAPOS_TESTS_RIG_H
#define CAPOS_TESTS_RIG_H

#include <stdbool.h>

#include "kernel/kernel.h"
#include "provider/brokered.h"
#include "provider/direct.h"
#include "provider/virtio_net.h"
#include "sim/world.h"

#define RIG_POOL_PAGES 64u
#define RIG_TURNS_MAX  20000u
#define RIG_WAIT_TURNS 64u /* for one frame */
#define RIG_VECTOR     2u

enum rig_author { RIG_BROKERED = 0, RIG_DIRECT };

/* Memory for many lives, one after the other: zeroed before its first use, filled by rig_open, given back by
 * rig_lent_free. */
struct rig_lent {
    struct kernel *kernel;
    uint8_t *arena;
    struct dm_memory *memory;
};

struct rig_config {
    struct rig_lent *lent; /* NULL: each life has its own */
    struct sim_world_config world;
    enum rig_author author;
    uint16_t rx_slots, tx_slots;
    uint32_t pool_pages;
    bool interrupts; /* brokered: both queues on RIG_VECTOR, its Interrupt in rig.interrupt, unmasked */
    struct budget_limits limits; /* of the owner */
};

struct rig {
    struct rig_config config;
    struct sim_world world;
    struct kernel *kernel;
    struct owner *owner; /* brokered; NULL after its end */
    struct kernel_binding binding;
    struct device_authority authority;
    cap_id device, pool, interrupt;
    struct registers_brokered registers_brokered;
    struct author_brokered author_brokered;
    struct kernel_direct direct;
    struct registers_direct registers_direct;
    struct author_direct author_direct;
    struct virtio_net nic;
    struct pci_function_info info;
    uint16_t bdf;
    uint8_t *arena;
    struct kernel_usage before; /* after the scan, before any owner */
    uint32_t turns; /* polls so far */
    uint32_t audited[AUDIT_KIND_COUNT]; /* drained audit records by kind */
    struct audit_record last_denial;
    uint8_t audit_chain[DIGEST_BYTES];
    bool claimed;
};

/* Loop backend, 16 receive and 16 transmit slots, 64-entry queues, RIG_POOL_PAGES, ledger and monitors on. */
struct rig_config rig_defaults(enum dm_transport transport, enum rig_author author);
/* World and kernel up, PCI scanned; asserts that a virtio NIC was found unless nic_count is 0. */
void rig_open(struct rig *r, const struct rig_config *config);
/* Claims and opens the provider; may be called again after rig_take_back. The error of claim, pool or
 * vnet_open. */
enum provider_error rig_attach(struct rig *r);
/* The first half of rig_attach: claim and memory, nothing of the provider yet. */
enum provider_error rig_claim(struct rig *r, struct vnet_env *env);
/* The two parts of that: the claim alone, and what a provider needs beside it. */
enum provider_error rig_claim_function(struct rig *r);
enum provider_error rig_fund(struct rig *r, struct vnet_env *env);
/* Polls, turning the world, until RUNNING or an end state. */
enum vnet_state rig_start(struct rig *r);
/* One turn of the world and one poll. */
enum vnet_state rig_turn(struct rig *r);
/* Sends one frame of `length` bytes filled from `seed`; false on back-pressure. */
bool rig_send(struct rig *r, uint16_t length, uint8_t seed);
/* `count` frames through the loop, each compared byte for byte with what was sent. How many came back right.
 */
uint32_t rig_exchange(struct rig *r, uint32_t count);
/* vnet_stop and polls until STOPPED or QUARANTINED. */
enum vnet_state rig_stop(struct rig *r);
/* Provider closed, device released, owner ended. Returns the reply of the device's release. */
struct device_reply rig_take_back(struct rig *r);
/* Equal in every field? Prints each that is not. */
bool rig_usage_same(const struct kernel_usage *now, const struct kernel_usage *expected);
/* Usage as before the first attach? */
bool rig_usage_restored(const struct rig *r);
/* Usage as before, but for this function in quarantine with exactly `pages` pages? Prints what differs. */
bool rig_usage_quarantined(const struct rig *r, uint32_t pages);
/* Pages that one running provider of this configuration has named to its device: rings and buffers. */
uint32_t rig_pages_published(const struct rig *r);
/* What a claim is answered now; a claim that succeeds is given back at once. */
struct device_reply rig_try_claim(struct rig *r);
/* Drains the audit log, checking its chain, into r->audited. False: the chain is broken. */
bool rig_drain_audit(struct rig *r);
/* Message control of the function's MSI-X capability (PCI 3.0, 6.8.2.3); 0 when it has none. */
uint32_t rig_msix_control(struct rig *r);
/* For the direct author, whose device the kernel cannot reset: who forces the release of a quarantine does it
 * first, and waits as long as the kernel would. False: status does not read 0. */
bool rig_reset_by_hand(struct rig *r);
struct dm_net *rig_net(struct rig *r);
/* Ledger violations and broken rules so far. */
size_t rig_complaints(struct rig *r);
/* The first of them in words; valid until rig_close. */
const char *rig_complaint(struct rig *r);
/* Ends whatever is still up without judging it. */
void rig_close(struct rig *r);
void rig_lent_free(struct rig_lent *lent);

#endif
