/* SPDX-License-Identifier: BSD-2-Clause */
/* The web client as webd serves it: its documents and their assets, compiled into the program by
   webui/CMakeLists.txt. Whole and constant; nothing here changes after the build. */
#ifndef CAPOS_USER_WEBD_ASSETS_H
#define CAPOS_USER_WEBD_ASSETS_H

#include <stdbool.h>
#include <stdint.h>

/* One file. All strings end with NUL and are of ASCII. */
struct web_asset {
    const char *path;     /* of the request, from its slash: "/", "/shell", "/assets/NAME-HASH.js" */
    const char *type;     /* value of Content-Type */
    const char *etag;     /* value of ETag, its quotes with it: SHA-256 of `bytes`, 64 hexadecimal digits */
    const uint8_t *bytes; /* the body, gzip-compressed (RFC 1952): served with Content-Encoding: gzip */
    uint32_t length;      /* of `bytes`, at least 1 */
    bool hashed;          /* its path changes with its content: kept for ever; the others by no cache */
};

/* Sorted by path, byte by byte; no path twice. At most 307,200 bytes of bodies together. */
extern const struct web_asset web_assets[];
extern const uint32_t web_assets_count;

#endif
