/* SPDX-License-Identifier: BSD-2-Clause */
/* Health tests of a noise source as SP 800-90B, 4.4 has them, over words that claim full entropy: a source
 * that sticks or leans is found while it runs. A word that was given before the failure is not taken back. */
#ifndef CAPOS_PLATFORM_PC_HEALTH_H
#define CAPOS_PLATFORM_PC_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

/* 4.4.1, repetition count, of words: two equal ones in a row are one chance in 2^64. */
#define HEALTH_REPEATS 2u
/* 4.4.2, adaptive proportion, of bytes: in a window of 512 its first byte counted 20 times, itself included,
 * is one chance in 2^40. */
#define HEALTH_WINDOW 512u
#define HEALTH_CUTOFF 20u
/* 4.3: before the first use 1,024 samples, here bytes. */
#define HEALTH_STARTUP_WORDS (1024u / 8u)

struct entropy_health {
    uint64_t last;
    uint32_t repeats; /* of `last`, in a row; 0: no word yet */
    uint32_t window; /* bytes of the present window */
    uint32_t counted; /* of them equal to `sample` */
    uint8_t sample;
    bool failed; /* for good */
};

/* The next word of the source. False: the source has failed, now or before. */
bool entropy_health(struct entropy_health *h, uint64_t word);

#endif
