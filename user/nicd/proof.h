/* SPDX-License-Identifier: BSD-2-Clause */
/* The proofs of a run in mode proof, from within the driver process: what it may do and what it may not, one
 * life of the device after the other. Each step asks for its marker only after its condition held here; the
 * kernel looks for itself before it writes the line. Trusts nothing from the wire. */
#ifndef CAPOS_USER_NICD_PROOF_H
#define CAPOS_USER_NICD_PROOF_H

#include "user/frames/frame.h"
#include "user/nicd/nicd.h"
#include "user/prove/prove.h"

#define PROOF_RECEIVES 2u /* stand from the beginning: a client may call once meanwhile */

struct proof {
    struct nicd *n;
    struct prove prove;
    struct frame_addresses addresses;
    uint64_t exchanges;
    bool vpc; /* Compute Engine's network: its router answers ARP, and no echo */
    /* what was seen, over the polled life */
    uint64_t sent, received;
    uint64_t arp_replies, echo_replies, other_frames;
    uint16_t first_ethertype;
    uint32_t first_used_length;
    uint8_t first_header[VNET_HEADER_MODERN]; /* its first `header_bytes`: a copy */
    struct vnet_leftovers leftovers;
};

/* All proofs, in order. The process's exit code: NICD_EXIT_PROOF when one did not hold, which was said on the
 * console. */
uint32_t proof_run(struct nicd *n);

/* proof_denied.c: of a claimed device; every use of what is not this process's is refused, and nothing
 * changes. */
bool proof_denials(struct proof *p);
/* proof_bind.c: grants composed over the function and taken back; no register of it written. */
bool proof_bind(struct proof *p);
/* proof_interrupt.c: a life of its own for one claim: the device raises a vector by itself, an Interrupt
 * delivers it, holds it back masked, and wakes nobody once it is gone. The Device is given back at the end
 * with everything live. True without MSI-X: not attempted. */
bool proof_interrupt(struct proof *p);
/* proof_life.c: the polled life, from claim to running, and from whatever state to teardown: stale handles
 * tried, the marker only when all of it holds, this and, by `held`, what was before: a log of a life that
 * failed has no end of it, and the gate refuses it. */
bool proof_up(struct proof *p);
bool proof_down(struct proof *p, bool held);
/* proof_frames.c: the first ARP request and its reply; then `exchanges` times one ARP and one ICMP echo. */
bool proof_first_frame(struct proof *p);
bool proof_exchange(struct proof *p);

/* proof.c */
/* Says which claim did not hold. Returns false. */
bool proof_fail(struct proof *p, const char *claim);
/* Claims the function anew, every handle recorded. */
bool proof_claim(struct proof *p);

#endif
