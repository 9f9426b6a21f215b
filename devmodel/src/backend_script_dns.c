/* SPDX-License-Identifier: BSD-2-Clause */
/* The peer's DNS server (RFC 1035, 4.1): A records from a small table, and the answers that dns_cases.def
 * names. Queries are a guest's: one question, no compression in it, within its length. */
#include "backend_script.h"

#include <string.h>

#define HEADER_BYTES   12u
#define NAME_BYTES_MAX 255u
#define LABEL_MAX      63u
#define MESSAGE_MAX    512u /* RFC 1035, 2.3.4 */
#define TYPE_A         1u
#define TYPE_CNAME     5u
#define CLASS_IN       1u
#define POINTER        0xc000u
#define FLAG_QR        0x8000u
#define FLAG_TC        0x0200u
#define FLAG_RD        0x0100u
#define FLAG_RA        0x0080u
#define RCODE_FAILURE  2u
#define RCODE_NO_NAME  3u

struct query {
    uint16_t id, flags, type;
    uint32_t name_bytes; /* with the root label */
    const struct dm_dns_name *known; /* NULL: not in the table */
};

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* `labels` was checked: it ends with the root label. */
static bool same_name(const uint8_t *labels, const char *name)
{
    const char *at = name;
    for (; *labels; labels += 1u + *labels) {
        if (at != name && *at++ != '.')
            return false;
        for (uint32_t i = 1; i <= *labels; i++, at++)
            if (*at == 0 || lower(labels[i]) != lower((uint8_t)*at))
                return false;
    }
    return *at == 0;
}

static bool parse(const struct dm_script *s, const uint8_t *m, uint32_t bytes, struct query *q)
{
    uint32_t at = HEADER_BYTES;
    if (bytes < HEADER_BYTES || (dm_get_be16(m + 2) & FLAG_QR) != 0 || dm_get_be16(m + 4) != 1)
        return false;
    while (at < bytes && m[at] != 0) {
        if (m[at] > LABEL_MAX)
            return false;
        at += 1u + m[at];
    }
    q->name_bytes = at + 1u - HEADER_BYTES;
    if (at + 5u > bytes || q->name_bytes > NAME_BYTES_MAX || dm_get_be16(m + at + 3) != CLASS_IN)
        return false;
    q->id = dm_get_be16(m);
    q->flags = dm_get_be16(m + 2);
    q->type = dm_get_be16(m + at + 1);
    q->known = NULL;
    for (uint32_t i = 0; i < s->name_count && !q->known; i++)
        if (same_name(m + HEADER_BYTES, s->names[i].name))
            q->known = &s->names[i];
    return true;
}

/* One record at `at`; returns the bytes that it takes. */
static uint32_t put_record(const struct dm_script *s, const struct query *q, uint8_t *m, uint32_t at)
{
    uint32_t name = HEADER_BYTES, data_bytes = 4, ttl = q->known->ttl_s, type = TYPE_A;
    if (s->dns_case == DM_DNS_COMPRESSION_LOOP)
        name = at;
    if (s->dns_case == DM_DNS_POINTER_BEYOND)
        name = 0x3fff;
    dm_put_be16(m + at, POINTER | name);
    if (s->dns_case == DM_DNS_LABEL_BEYOND)
        dm_put_be16(m + at, LABEL_MAX << 8 | 'x');
    if (s->dns_case == DM_DNS_TTL_MAX)
        ttl = UINT32_MAX;
    if (s->dns_case == DM_DNS_ALIAS_LOOP)
        type = TYPE_CNAME;
    dm_put_be16(m + at + 2, type);
    dm_put_be16(m + at + 4, CLASS_IN);
    dm_put_be32(m + at + 6, ttl);
    if (type == TYPE_CNAME) {
        data_bytes = 2;
        dm_put_be16(m + at + 12, POINTER | HEADER_BYTES);
    } else {
        memcpy(m + at + 12, q->known->address, 4);
    }
    dm_put_be16(m + at + 10, s->dns_case == DM_DNS_DATA_LENGTH_LIE ? s->dns_value : data_bytes);
    return 12u + data_bytes;
}

/* The answer in `out`; its bytes. */
static uint32_t build(const struct dm_script *s, const struct query *q, const uint8_t *m, uint8_t *out)
{
    enum dm_dns_case kind = q->known ? s->dns_case : DM_DNS_HONEST;
    uint32_t flags = FLAG_QR | FLAG_RA | (q->flags & FLAG_RD), bytes = HEADER_BYTES + q->name_bytes + 4u;
    bool record = q->known && q->type == TYPE_A && kind != DM_DNS_SERVER_FAILURE && kind != DM_DNS_TRUNCATED;
    if (!q->known)
        flags |= RCODE_NO_NAME;
    if (kind == DM_DNS_SERVER_FAILURE)
        flags |= RCODE_FAILURE;
    if (kind == DM_DNS_TRUNCATED)
        flags |= FLAG_TC;
    if (kind == DM_DNS_NOT_A_RESPONSE)
        flags &= ~FLAG_QR;
    memset(out, 0, HEADER_BYTES);
    dm_put_be16(out, kind == DM_DNS_WRONG_ID ? q->id ^ 0xffffu : q->id);
    dm_put_be16(out + 2, flags);
    dm_put_be16(out + 4, 1);
    memcpy(out + HEADER_BYTES, m + HEADER_BYTES, q->name_bytes + 4u);
    if (kind == DM_DNS_WRONG_QUESTION)
        out[HEADER_BYTES + 1u] = lower(out[HEADER_BYTES + 1u]) == 'x' ? 'y' : 'x';
    if (record) {
        dm_put_be16(out + 6, kind == DM_DNS_COUNT_LIE ? 0xffffu : 1u);
        bytes += put_record(s, q, out, bytes);
    }
    return kind == DM_DNS_CUT && s->dns_value < bytes ? s->dns_value : bytes;
}

void dm_dns_receive(struct dm_script *s, const struct dm_packet *p, const uint8_t *m, uint32_t bytes)
{
    struct query q;
    uint8_t out[MESSAGE_MAX];
    if (!parse(s, m, bytes, &q))
        return;
    s->counts.dns_queries++;
    s->counts.dns_known += q.known != NULL;
    if (q.known && s->dns_case == DM_DNS_SILENT)
        return;
    const struct dm_ends back = {p->source_mac, p->destination, p->source};
    bool other_port = q.known && s->dns_case == DM_DNS_WRONG_PORT;
    uint32_t out_bytes = build(s, &q, m, out);
    dm_station_udp(&s->station, &back, other_port ? DM_PORT_DNS + 1u : DM_PORT_DNS, dm_get_be16(p->payload),
                   out, out_bytes);
}
