/* SPDX-License-Identifier: BSD-2-Clause */
/* The peer's metadata server: the least of HTTP/1.1 (RFC 9112) that one GET needs. A request is a guest's:
 * its bytes are bounded, and what is no request is answered 400. */
#include "backend_script.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define END    "\r\n\r\n"
#define FLAVOR "Metadata-Flavor"
#define OWNER  "Google"

/* Has one header field with this value. `at`: the first line's end. */
static bool has_field(const char *at, const char *name, const char *value)
{
    const size_t name_bytes = strlen(name), value_bytes = strlen(value);

    while ((at = strstr(at, "\r\n")) != NULL) {
        at += 2;
        if (strncasecmp(at, name, name_bytes) != 0 || at[name_bytes] != ':')
            continue;
        const char *field = at + name_bytes + 1;
        field += strspn(field, " \t");
        if (strncmp(field, value, value_bytes) == 0 &&
            field[value_bytes + strspn(field + value_bytes, " \t")] == '\r')
            return true;
    }
    return false;
}

/* The path of `GET PATH HTTP/1.x`, without its ending; NULL: no such line. Cuts the request there. */
static char *path_of(char *request, char **rest)
{
    char *end = strstr(request, "\r\n");
    char *path = request + 4;
    char *blank = strncmp(request, "GET ", 4) == 0 ? strchr(path, ' ') : NULL;

    if (!end || !blank || blank > end || strncmp(blank, " HTTP/1.", 8) != 0 || end - blank != 9)
        return NULL;
    *blank = 0;
    *rest = end;
    return path;
}

static const char *body_of(const struct dm_script *s, const char *path)
{
    for (uint32_t i = 0; i < s->page_count; i++)
        if (strcmp(s->pages[i].path, path) == 0)
            return s->pages[i].body;
    return NULL;
}

static void answer(struct dm_script *s, struct dm_tcp *c, const char *status, const char *body)
{
    const int bytes = snprintf((char *)c->buffer, sizeof c->buffer,
                               "HTTP/1.1 %s\r\n" FLAVOR ": " OWNER "\r\nContent-Type: application/text\r\n"
                               "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                               status, strlen(body), body);
    c->held = (uint32_t)bytes;
    if (status[0] == '2')
        s->counts.web_answers++;
    else
        s->counts.web_refused++;
}

bool dm_web_take(struct dm_script *s, struct dm_tcp *c, const uint8_t *data, uint32_t bytes)
{
    char *rest = NULL;

    if (bytes >= sizeof c->request - c->request_bytes || memchr(data, 0, bytes)) {
        answer(s, c, "400 Bad Request", "");
        return true;
    }
    memcpy(c->request + c->request_bytes, data, bytes);
    c->request_bytes += bytes;
    c->request[c->request_bytes] = 0;
    if (!strstr(c->request, END))
        return false;
    const char *path = path_of(c->request, &rest);
    const char *body = path ? body_of(s, path) : NULL;
    if (!path)
        answer(s, c, "400 Bad Request", "");
    else if (!has_field(rest, FLAVOR, OWNER))
        answer(s, c, "403 Forbidden", "");
    else
        answer(s, c, body ? "200 OK" : "404 Not Found", body ? body : "");
    return true;
}
