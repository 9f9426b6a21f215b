/* SPDX-License-Identifier: BSD-2-Clause */
/* Telnet's commands taken out of a stream (RFC 854, RFC 855, RFC 1143): what is left are the bytes that were
 * typed. Pure: bytes in, bytes out, answers out; the same however the stream is split. We ask for what a
 * typed line needs (WILL ECHO, WILL SUPPRESS-GO-AHEAD; RFC 857, RFC 858) and say no, once, to everything else
 * that the peer offers or asks: a peer that repeats itself is not answered again, so that two ends cannot
 * talk for ever. Yes to what we asked for needs no answer, no needs one only after a yes; what the peer took
 * back stays off. A subnegotiation is skipped whatever is in it up to IAC SE, and given up when
 * TELNET_SKIP_MAX bytes behind IAC SB were not its end: the stream is refused. */
#ifndef CAPOS_USER_TERMINAL_TELNET_H
#define CAPOS_USER_TERMINAL_TELNET_H

#include <stdbool.h>
#include <stdint.h>

#define TELNET_SKIP_MAX     512u /* bytes of one subnegotiation */
#define TELNET_GREETING     6u /* bytes */
#define TELNET_ANSWER_BYTES 3u /* at most, for one byte that came */

enum telnet_event {
    TELNET_NOTHING = 0, /* part of a command */
    TELNET_BYTE, /* `byte` was typed (also IAC IAC: ff) */
    TELNET_ANSWER, /* `answer` is to be sent */
    TELNET_INTERRUPT, /* IP or BREAK: as ^C */
    TELNET_ERASE, /* EC: as BS */
    TELNET_KILL, /* EL: as ^U */
    TELNET_ALIVE, /* AYT: something visible is to be sent */
    TELNET_REFUSED /* a subnegotiation without an end: close the stream. Every byte after it says the same */
};

struct telnet {
    uint8_t state; /* telnet.c's */
    uint8_t verb;
    uint32_t skipped; /* bytes of the subnegotiation under way */
    uint8_t ours[2]; /* ECHO, SUPPRESS-GO-AHEAD: what the peer says to it */
    uint8_t refused[2][32]; /* offers of the peer, requests of it: a bit an option that we said no to */
    uint64_t commands; /* IAC and what is not IAC; a subnegotiation is one */
};

struct telnet_out {
    enum telnet_event event;
    uint8_t byte;
    uint8_t answer[TELNET_ANSWER_BYTES];
};

/* `greeting` is to be sent first: IAC WILL ECHO, IAC WILL SUPPRESS-GO-AHEAD. */
void telnet_init(struct telnet *t, uint8_t greeting[TELNET_GREETING]);
struct telnet_out telnet_byte(struct telnet *t, uint8_t byte);

#endif
