/* SPDX-License-Identifier: BSD-2-Clause */
/* Bring-up: what stands where processes will. An owner claims a NIC, runs the provider through its
 * capabilities alone, proves what it can and gives everything back. Each step prints its marker only after
 * its condition holds. It trusts nothing from the wire, and uses the authority exactly as a process would: by
 * handles. */
#ifndef CAPOS_KERNEL_BRINGUP_BRINGUP_H
#define CAPOS_KERNEL_BRINGUP_BRINGUP_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/bootparams.h"
#include "evidence/emit.h"
#include "kernel/bringup/frames.h"
#include "kernel/bringup/handles.h"
#include "kernel/kernel.h"
#include "provider/brokered.h"
#include "provider/virtio_net.h"

#define BRINGUP_POOL_PAGES 1024u /* 4 MiB: two rings of 8192 entries and the slots below */
#define BRINGUP_RX_SLOTS   128u
#define BRINGUP_TX_SLOTS   64u
#define BRINGUP_BUDGET     64u /* completions a poll */
/* One answer may take this many turns of the world and, where a turn is short, at least this long: a wait
 * ends when both are over. */
#define BRINGUP_TURNS_MAX   100000u
#define BRINGUP_WAIT_NS     500000000u
#define BRINGUP_ARENA_BYTES (640u << 10)

struct bringup_wait {
    uint32_t turns;
    uint64_t start_ns;
};

struct bringup {
    /* around it */
    struct kernel *kernel;
    struct platform *platform;
    struct evidence *evidence;
    struct console *console;
    const struct boot_params *params;
    const char *provider_object;
    /* the NIC under proof */
    uint16_t bdf;
    struct pci_function_info info;
    struct owner *owner;
    struct handles handles;
    struct device_authority authority; /* the owner's, recording */
    cap_id device;
    struct registers_brokered registers;
    struct author_brokered author;
    struct virtio_net nic;
    struct frame_addresses addresses;
    struct kernel_usage before; /* all counters before the owner existed */
    uint32_t interrupts_before; /* device interrupts taken before the polled life: it adds none */
    /* what was seen */
    uint64_t sent, received; /* frames, over the whole life */
    uint64_t proof_sent; /* frames of the interrupt proof, not among them */
    bool interrupts_attempted; /* the function has MSI-X: its delivery is this run's claim */
    uint64_t arp_replies, echo_replies, other_frames;
    uint16_t first_ethertype;
    uint32_t first_used_length;
    struct vnet_leftovers leftovers; /* of the provider, at its stop */
    const char *failed; /* constant text: the first claim that did not hold */
    _Alignas(16) uint8_t arena[BRINGUP_ARENA_BYTES];
};

/* Binds the struct to its surroundings; touches the arena not at all. */
void bringup_init(struct bringup *b, struct kernel *kernel, struct platform *platform,
                  struct evidence *evidence, struct console *console, const struct boot_params *params,
                  const char *provider_object);
/* Scan record as evidence. Returns the number of virtio network functions; the first becomes the NIC under
 * proof. */
uint32_t bringup_inventory(struct bringup *b);
/* Grants composed over the function and taken back; no register of it written. */
bool bringup_prove_bind(struct bringup *b);
/* A life of its own for one claim: the device raises a vector by itself, an Interrupt delivers it, holds it
 * back masked, and wakes nobody once it is gone. The owner is killed at the end. True without MSI-X: not
 * attempted. */
bool bringup_prove_interrupt(struct bringup *b);
/* Provider opened through capabilities, polled until it runs. */
bool bringup_start(struct bringup *b);
/* The first ARP request and its reply. */
bool bringup_first_frame(struct bringup *b);
/* `exchanges` times one ARP and one ICMP echo, each answered. Ends early, as failed, when an end was
 * requested. */
bool bringup_exchange(struct bringup *b);
/* One turn while the system stays up: housekeeping and received frames, which are counted and recycled. */
bool bringup_serve_turn(struct bringup *b);
/* Teardown from whatever state, stale handles tried, budgets compared; the marker only when all of it holds.
 */
bool bringup_stop(struct bringup *b);

/* Steps of every life. Owner and claim; what is held when one fails is taken back by who called it. */
bool bringup_claim(struct bringup *b);
/* Pool and provider, polled until it runs; transmit completions raise `tx_vector` where that is wanted. */
bool bringup_open_provider(struct bringup *b, struct vnet_vector tx_vector);

/* Starts a wait; counts one turn of it, false once it has lasted long enough. */
struct bringup_wait bringup_wait_begin(struct bringup *b);
bool bringup_wait_goes_on(struct bringup *b, struct bringup_wait *w);

/* Notes the first failed claim and prints it. Returns false. */
bool bringup_fail(struct bringup *b, const char *claim);

#endif
