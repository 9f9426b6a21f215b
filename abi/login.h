/* SPDX-License-Identifier: BSD-2-Clause */
/* Served by authd: is what was typed the operator's secret? Who asks learns yes or no, and nothing of the
 * secret; what it does with the answer is its own. No secret is part of a call: it lies in memory that the
 * caller shares for the call, and is zeroed there before it is looked at. */
#ifndef CAPOS_ABI_LOGIN_H
#define CAPOS_ABI_LOGIN_H

#include <stdint.h>

#define LOGIN_SECRET_BYTES_MIN 8u
#define LOGIN_SECRET_BYTES_MAX 128u /* longer ones are refused, never cut */
#define LOGIN_HOLD_MS          4000u /* a check that is due within that time is held until then */

/* Where a secret was typed: the console, or an address from afar: any other number, the same for the same
 * peer. An IPv4 address a.b.c.d is d | c << 8 | b << 16 | a << 24. */
#define LOGIN_SOURCE_CONSOLE 0u

/* CAP_IF_LOGIN. Results: enum login_error. */
enum login_method {
    LOGIN_CHECK = 1, /* with a MemoryObject copied along: the secret lies in it. args[0]: offset, args[1]:
                        bytes, args[2]: source. Completes when it was checked, which takes its time, and after
                        wrong ones begins later each time (docs/processes.md). One call a source at a time */
    LOGIN_ENDED, /* the session that a right secret began is over. args[0]: source */
    LOGIN_CHANGE /* with a MemoryObject copied along: the secret lies in it, and right behind it the one that
                    is to be it. args[0]: offset, args[1]: bytes of the first | bytes of the second << 32,
                    args[2]: source. The first is checked as by LOGIN_CHECK. If it is right, the second alone
                    is the secret from the answer on, as long as authd runs; sessions stay as they are.
                    LOGIN_E_VALUE also: the second is too short or too long, or is the first */
};

enum login_error {
    LOGIN_OK = 0, /* it is the secret */
    LOGIN_E_WRONG, /* it is not */
    LOGIN_E_WAIT, /* not looked at: too early after wrong ones. value: ms until it would be */
    LOGIN_E_NO_VERIFIER, /* nobody can log in in this run: there is nothing to check against */
    LOGIN_E_VALUE, /* the bytes do not lie in the memory, or are too few or too many */
    LOGIN_E_BUSY, /* a secret of that source is being held already, or too many are */
    LOGIN_E_AUDIT, /* it could not be recorded: nobody is let in, nothing is changed */
    LOGIN_E_ENTROPY, /* change: it was right, and there is no source good enough for a new salt */
    LOGIN_ERROR_COUNT
};

#endif
