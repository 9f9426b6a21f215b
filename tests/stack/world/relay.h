/* SPDX-License-Identifier: BSD-2-Clause */
/* What a test types to the program `relay`, and what it prints. A request is one line of hexadecimal numbers
 * with one space between them, in the order of enum relay_word, and may end with bytes, two digits each, that
 * are put at the offset RELAY_AT of a region first. A call's completion is one line, in the order of enum
 * relay_answer, behind RELAY_MARK. */
#ifndef CAPOS_TESTS_STACK_WORLD_RELAY_H
#define CAPOS_TESTS_STACK_WORLD_RELAY_H

#define RELAY_MARK         "= "
#define RELAY_LINE_BYTES   4096u
#define RELAY_SLOTS        32u /* capabilities: of the network, of one port, and what calls brought */
#define RELAY_REGIONS      6u
#define RELAY_REGION_BYTES 16384u

enum { RELAY_NETWORK = 0, RELAY_AUTHORITY, RELAY_FREE_FIRST };

enum relay_word {
    RELAY_ID = 0, /* the answer names it */
    RELAY_SLOT, /* whose method; RELAY_DUMP, RELAY_RELEASE */
    RELAY_METHOD, /* RELAY_RELEASE: the slot; RELAY_DUMP: the region */
    RELAY_A, /* RELAY_DUMP: offset */
    RELAY_B, /* RELAY_DUMP: bytes */
    RELAY_C,
    RELAY_REGION, /* 0: none goes along; else that one's number from 1 */
    RELAY_TO, /* the slot of the capability that comes back */
    RELAY_AT, /* offset in the region of the bytes behind */
    RELAY_WORDS
};

#define RELAY_DUMP    0xf0u /* answers with the bytes behind its other words */
#define RELAY_RELEASE 0xf1u

enum relay_answer {
    RELAY_ANSWER_ID = 0,
    RELAY_ANSWER_STATUS,
    RELAY_ANSWER_EXCEPTION,
    RELAY_ANSWER_RESULT,
    RELAY_ANSWER_VALUE,
    RELAY_ANSWERS
};

#endif
