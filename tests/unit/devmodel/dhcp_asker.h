/* SPDX-License-Identifier: BSD-2-Clause */
/* A DHCP client by hand for the tests of the scripted server: asks one thing, keeps the one answer. */
#ifndef TEST_DHCP_ASKER_H
#define TEST_DHCP_ASKER_H

#include "capos/devmodel.h"
#include "frames.h"

#define XID 0xfeedbeefu

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };
enum ask { ASK_DISCOVER, ASK_REQUEST, ASK_REBOOT, ASK_RENEW, ASK_REBIND, ASK_DECLINE };

extern const uint8_t dhcp_server_ip[4], dhcp_guest_ip[4];
extern struct kept_frames dhcp_kept; /* what the last question brought */

/* A message of the client that has or wants `address`; true: it was answered. */
bool ask(struct dm_backend *b, enum ask kind, const uint8_t address[4]);
/* The answer. */
const uint8_t *message(void);
size_t message_bytes(void);
/* Length byte of the nth option with this code between two offsets of the message; NULL: none, or it runs
 * over the end. */
const uint8_t *option_in(uint8_t code, unsigned nth, size_t from, size_t to);
/* The same in the option field. */
const uint8_t *option(uint8_t code);
void expect_type(uint8_t type);
/* An option of four bytes. */
void expect_word(uint8_t code, uint32_t value);
void expect_answer(struct dm_backend *b, enum ask kind, const uint8_t address[4], uint8_t type);
/* DISCOVER and REQUEST get the guest's address. */
void expect_lease(struct dm_backend *b);

#endif
