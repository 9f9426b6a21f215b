/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter as a machine of six states. What the peer sends is anything. */
#include "user/terminal/telnet.h"

#include "abi/memory.h"

/* RFC 854; BREAK and the rest of the range below IAC. */
enum {
    COMMAND_SE = 240,
    COMMAND_BREAK = 243,
    COMMAND_IP = 244,
    COMMAND_AYT = 246,
    COMMAND_EC = 247,
    COMMAND_EL = 248,
    COMMAND_SB = 250,
    COMMAND_WILL = 251,
    COMMAND_WONT = 252,
    COMMAND_DO = 253,
    COMMAND_DONT = 254,
    COMMAND_IAC = 255
};

enum { OPTION_ECHO = 1, OPTION_GO_AHEAD = 3 };

enum state { STATE_DATA = 0, STATE_COMMAND, STATE_OPTION, STATE_SKIP, STATE_SKIP_COMMAND, STATE_REFUSED };

/* What became of an option that we ask for. */
enum ours { OURS_ASKED = 0, OURS_AGREED, OURS_OFF };

enum refused { REFUSED_OFFER = 0, REFUSED_REQUEST };

void telnet_init(struct telnet *t, uint8_t greeting[TELNET_GREETING])
{
    static const uint8_t ask[TELNET_GREETING] = {COMMAND_IAC, COMMAND_WILL, OPTION_ECHO,
                                                 COMMAND_IAC, COMMAND_WILL, OPTION_GO_AHEAD};

    *t = (struct telnet){.state = STATE_DATA};
    memcpy(greeting, ask, sizeof(ask));
}

static struct telnet_out event(enum telnet_event what)
{
    return (struct telnet_out){.event = what};
}

static struct telnet_out answer(uint8_t verb, uint8_t option)
{
    return (struct telnet_out){.event = TELNET_ANSWER, .answer = {COMMAND_IAC, verb, option}};
}

/* No to an offer or a request, unless it was said. */
static struct telnet_out refuse(struct telnet *t, enum refused what, uint8_t option)
{
    uint8_t *bits = &t->refused[what][option / 8u];
    const uint8_t bit = (uint8_t)(1u << option % 8u);

    if ((*bits & bit) != 0)
        return event(TELNET_NOTHING);
    *bits |= bit;
    return answer(what == REFUSED_OFFER ? COMMAND_DONT : COMMAND_WONT, option);
}

/* Where it stands what became of the option; NULL: it is none of ours. */
static uint8_t *ours_of(struct telnet *t, uint8_t option)
{
    if (option == OPTION_ECHO)
        return &t->ours[0];
    return option == OPTION_GO_AHEAD ? &t->ours[1] : NULL;
}

static struct telnet_out requested(struct telnet *t, uint8_t option)
{
    uint8_t *ours = ours_of(t, option);

    if (ours == NULL || *ours == OURS_OFF)
        return refuse(t, REFUSED_REQUEST, option);
    *ours = OURS_AGREED;
    return event(TELNET_NOTHING);
}

/* An end to something that is off needs no answer. */
static struct telnet_out forbidden(struct telnet *t, uint8_t option)
{
    uint8_t *ours = ours_of(t, option);
    const bool agreed = ours != NULL && *ours == OURS_AGREED;

    if (ours != NULL)
        *ours = OURS_OFF;
    return agreed ? refuse(t, REFUSED_REQUEST, option) : event(TELNET_NOTHING);
}

static struct telnet_out negotiate(struct telnet *t, uint8_t option)
{
    t->state = STATE_DATA;
    switch (t->verb) {
    case COMMAND_WILL:
        return refuse(t, REFUSED_OFFER, option);
    case COMMAND_DO:
        return requested(t, option);
    case COMMAND_DONT:
        return forbidden(t, option);
    default: /* WONT: we asked the peer for nothing */
        return event(TELNET_NOTHING);
    }
}

static struct telnet_out command(struct telnet *t, uint8_t byte)
{
    t->state = STATE_DATA;
    if (byte == COMMAND_IAC)
        return (struct telnet_out){.event = TELNET_BYTE, .byte = byte};
    t->commands++;
    switch (byte) {
    case COMMAND_IP:
    case COMMAND_BREAK:
        return event(TELNET_INTERRUPT);
    case COMMAND_EC:
        return event(TELNET_ERASE);
    case COMMAND_EL:
        return event(TELNET_KILL);
    case COMMAND_AYT:
        return event(TELNET_ALIVE);
    case COMMAND_SB:
        t->skipped = 0;
        t->state = STATE_SKIP;
        break;
    case COMMAND_WILL:
    case COMMAND_WONT:
    case COMMAND_DO:
    case COMMAND_DONT:
        t->verb = byte;
        t->state = STATE_OPTION;
        break;
    default: /* NOP, data mark, go ahead, and what nobody knows */
        break;
    }
    return event(TELNET_NOTHING);
}

static struct telnet_out skip(struct telnet *t, uint8_t byte)
{
    const bool after_iac = t->state == STATE_SKIP_COMMAND;

    t->skipped++;
    if (after_iac && byte == COMMAND_SE) {
        t->state = STATE_DATA;
        return event(TELNET_NOTHING);
    }
    t->state = !after_iac && byte == COMMAND_IAC ? STATE_SKIP_COMMAND : STATE_SKIP;
    if (t->skipped == TELNET_SKIP_MAX) {
        t->state = STATE_REFUSED;
        return event(TELNET_REFUSED);
    }
    return event(TELNET_NOTHING);
}

struct telnet_out telnet_byte(struct telnet *t, uint8_t byte)
{
    switch ((enum state)t->state) {
    case STATE_DATA:
        if (byte != COMMAND_IAC)
            return (struct telnet_out){.event = TELNET_BYTE, .byte = byte};
        t->state = STATE_COMMAND;
        return event(TELNET_NOTHING);
    case STATE_COMMAND:
        return command(t, byte);
    case STATE_OPTION:
        return negotiate(t, byte);
    case STATE_SKIP:
    case STATE_SKIP_COMMAND:
        return skip(t, byte);
    case STATE_REFUSED:
        break;
    }
    return event(TELNET_REFUSED);
}
