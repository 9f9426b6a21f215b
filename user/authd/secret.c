/* SPDX-License-Identifier: BSD-2-Clause */
/* capos-secret, a program of the host: draws the operator's secret of a run, or reads the one that the
 * operator chose, leaves it in a file of its owner's, and prints the verifier that the system boots with. The
 * secret is on no command line, and printed by nobody here. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/login.h"
#include "argon2.h"
#include "blake2/blake2.h"
#include "user/authd/libc.h"
#include "user/authd/verifier.h"

#define EXIT_USAGE    2
#define EXIT_MISSING  3
#define EXIT_REFUSED  4
#define SECRET_BYTES  16u /* 128 bits */
#define SALT_BYTES    16u
#define HASH_BYTES    32u
#define VERIFIER_TEXT 192u
#define MEMORY_KIB    4096u /* what the manifest lets authd use */
#define MEMORY_MIN    8u /* RFC 9106, clause 3.1, of one lane */
#define MEMORY_MAX    (1u << 20)
#define PASSES        3u

struct cost {
    uint32_t memory_kib, passes;
};

static const char help[] =
    "capos-secret [--secret-file FILE] [--secret-cost KIB,PASSES] [--seed N] OUT\n"
    "\n"
    "  OUT                       where the secret is written, for its owner alone\n"
    "  --secret-file FILE        the secret is the one line of this file; without it, 128 bits are drawn\n"
    "  --secret-cost KIB,PASSES  what a check costs: memory of 8 to 1048576 KiB (4096), 1 to 64 passes (3)\n"
    "  --seed N                  drawn from this number, so that a run can be made again\n"
    "\n"
    "Prints the secret's Argon2id verifier. Exit status: 0, 2 usage, 3 no entropy or no file, 4 secret "
    "refused.\n";

/* The host's, for the reference code (libc.h). */
void *argon2_libc_take(size_t bytes)
{
    return malloc(bytes);
}

void argon2_libc_give(void *at)
{
    free(at);
}

void argon2_libc_wipe(void *at, size_t bytes)
{
    explicit_bzero(at, bytes);
}

size_t argon2_libc_length(const char *text)
{
    return strlen(text);
}

int argon2_libc_compare(const char *a, const char *b, size_t count)
{
    return strncmp(a, b, count);
}

/* The encoder prints numbers: one format, one argument. */
int argon2_libc_print(char *out, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int bytes = vsprintf(out, format, arguments);
    va_end(arguments);
    return bytes;
}

static int refuse(int status, const char *what, const char *detail)
{
    fprintf(stderr, "capos: operator secret: %s%s%s\n", what, detail != NULL ? ": " : "",
            detail != NULL ? detail : "");
    return status;
}

/* Secret and salt, of the host's entropy or of the seed. */
static bool draw(const char *seed, uint8_t out[SECRET_BYTES + SALT_BYTES])
{
    char text[80];

    if (seed == NULL)
        return getrandom(out, SECRET_BYTES + SALT_BYTES, 0) == SECRET_BYTES + SALT_BYTES;
    const int bytes = snprintf(text, sizeof text, "capos operator secret of seed %s", seed);
    return bytes > 0 && (size_t)bytes < sizeof text &&
           blake2b(out, SECRET_BYTES + SALT_BYTES, text, (size_t)bytes, NULL, 0) == 0;
}

/* Five bits a letter, none that is taken for another; five groups of letters. */
static void spell(const uint8_t bits[SECRET_BYTES], char *out)
{
    static const char letters[33] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint32_t held = 0, count = 0;
    uint32_t spelt = 0;

    for (uint32_t i = 0; i < SECRET_BYTES; i++) {
        held = held << 8 | bits[i];
        for (count += 8; count >= 5; count -= 5) {
            if (spelt != 0 && spelt % 5 == 0 && spelt <= 20)
                *out++ = '-';
            *out++ = letters[held >> (count - 5) & 31u];
            spelt++;
        }
        held &= (1u << count) - 1u;
    }
    *out++ = letters[held << (5 - count) & 31u];
    *out = 0;
}

static int read_secret(const char *path, char secret[LOGIN_SECRET_BYTES_MAX + 1])
{
    char line[LOGIN_SECRET_BYTES_MAX + 3];
    FILE *in = fopen(path, "r");

    if (in == NULL)
        return refuse(EXIT_MISSING, path, strerror(errno));
    const size_t bytes = fread(line, 1, sizeof line, in);
    fclose(in);
    const size_t length = bytes > 0 && line[bytes - 1] == '\n' ? bytes - 1 : bytes;
    int status = 0;
    if (length < LOGIN_SECRET_BYTES_MIN || length > LOGIN_SECRET_BYTES_MAX)
        status = refuse(EXIT_REFUSED, path, "it has 8 to 128 characters");
    for (size_t i = 0; status == 0 && i < length; i++) {
        if (line[i] < ' ' || line[i] > '~')
            status = refuse(EXIT_REFUSED, path, "it is one line of printable ASCII: others cannot be typed");
    }
    if (status == 0) {
        memcpy(secret, line, length);
        secret[length] = 0;
    }
    explicit_bzero(line, sizeof line);
    return status;
}

static int write_secret(const char *path, const char *secret)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    const size_t bytes = strlen(secret);
    bool written = fd >= 0 && write(fd, secret, bytes) == (ssize_t)bytes && write(fd, "\n", 1) == 1;

    if (fd >= 0 && close(fd) != 0)
        written = false;
    return written ? 0 : refuse(EXIT_MISSING, path, strerror(errno));
}

static bool parse_cost(const char *text, struct cost *out)
{
    char *end = NULL;

    if (text[0] < '0' || text[0] > '9')
        return false;
    const unsigned long memory = strtoul(text, &end, 10);
    if (end[0] != ',' || end[1] < '0' || end[1] > '9')
        return false;
    const unsigned long passes = strtoul(end + 1, &end, 10);
    *out = (struct cost){(uint32_t)memory, (uint32_t)passes};
    return *end == 0 && memory >= MEMORY_MIN && memory <= MEMORY_MAX && passes >= 1 &&
           passes <= VERIFIER_PASSES_MAX;
}

static int make(const char *file, const char *seed, const struct cost *cost, const char *out)
{
    uint8_t drawn[SECRET_BYTES + SALT_BYTES];
    char secret[LOGIN_SECRET_BYTES_MAX + 1];
    char verifier[VERIFIER_TEXT];
    int status = 0;

    if (!draw(seed, drawn))
        return refuse(EXIT_MISSING, "the host gives no entropy", NULL);
    if (file != NULL)
        status = read_secret(file, secret);
    else
        spell(drawn, secret);
    if (status == 0)
        status = write_secret(out, secret);
    if (status == 0 &&
        argon2id_hash_encoded(cost->passes, cost->memory_kib, 1, secret, strlen(secret), drawn + SECRET_BYTES,
                              SALT_BYTES, HASH_BYTES, verifier, sizeof verifier) != ARGON2_OK)
        status = refuse(EXIT_MISSING, "no memory for the verifier", NULL);
    if (status == 0)
        puts(verifier);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(drawn, sizeof drawn);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"secret-file", required_argument, NULL, 'f'},
                                            {"secret-cost", required_argument, NULL, 'c'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *file = NULL, *seed = NULL;
    struct cost cost = {MEMORY_KIB, PASSES};
    int code;

    while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (code == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (code == '?')
            return EXIT_USAGE;
        if (code == 'c' && !parse_cost(optarg, &cost))
            return refuse(EXIT_USAGE, "--secret-cost is KIB,PASSES, 8 to 1048576 and 1 to 64", optarg);
        if (code != 'c')
            *(code == 'f' ? &file : &seed) = optarg;
    }
    if (optind + 1 != argc) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    return make(file, seed, &cost, argv[optind]);
}
