/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/pc/describe.h"

#include "abi/assert.h"
#include "evidence/text.h"

#define LINE_BYTES     240u
#define HYPERVISOR_BIT (1u << 31)
#define GIB4           (1ull << 32)
#define WORD_CHARS     4u
#define PRINTABLE_LOW  0x21
#define PRINTABLE_HIGH 0x7e

struct out {
    void (*write)(void *ctx, const char *text, size_t bytes);
    void *ctx;
};

static void say(const struct out *o, struct text *t)
{
    text_string(t, "\n");
    ASSERT(!t->overflow);
    o->write(o->ctx, t->at, t->used);
}

static void number(struct text *t, const char *name, uint64_t value)
{
    text_string(t, name);
    text_u64(t, value);
}

/* As few digits as it needs. */
static void hex(struct text *t, const char *name, uint64_t value)
{
    unsigned digits = 1;
    while (digits < 16u && value >> (4u * digits) != 0)
        digits++;
    text_string(t, name);
    text_string(t, "0x");
    text_hex(t, value, digits);
}

static void yes_no(struct text *t, const char *name, bool value)
{
    text_string(t, name);
    text_string(t, value ? "yes" : "no");
}

/* Firmware's and the CPU's letters: what is no letter could be a newline, and is a question mark. */
static void letters(struct text *t, const char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        const bool plain = from[i] >= PRINTABLE_LOW && from[i] <= PRINTABLE_HIGH;
        text_bytes(t, plain ? &from[i] : "?", 1);
    }
}

static void word(struct text *t, uint32_t value)
{
    char bytes[WORD_CHARS];
    size_t used = 0;
    for (uint32_t i = 0; i < WORD_CHARS; i++) {
        const char c = (char)(value >> (8u * i) & 0xffu);
        if (c != 0) /* KVM ends its name with zeroes */
            bytes[used++] = c;
    }
    letters(t, bytes, used);
}

static void leaf(struct text *t, const char *name, struct describe_leaf l)
{
    text_string(t, name);
    text_hex(t, l.eax, 8);
    text_string(t, ",");
    text_hex(t, l.ebx, 8);
    text_string(t, ",");
    text_hex(t, l.ecx, 8);
    text_string(t, ",");
    text_hex(t, l.edx, 8);
}

static void say_tables(const struct out *o, const struct acpi_survey *s)
{
    char buffer[LINE_BYTES];
    const uint32_t kept = s->count < ACPI_SURVEY_TABLES ? s->count : ACPI_SURVEY_TABLES;
    struct text t = text_over(buffer, sizeof buffer);
    hex(&t, "machine: acpi rsdp=", s->rsdp);
    number(&t, " revision=", s->rsdp_revision);
    text_string(&t, " root=");
    text_string(&t, s->root_width == 8 ? "XSDT" : s->root_width == 4 ? "RSDT" : "none");
    number(&t, " tables=", s->count);
    yes_no(&t, " mcfg=", s->has_mcfg);
    yes_no(&t, " hpet=", s->has_hpet);
    say(o, &t);
    for (uint32_t i = 0; i < kept; i++) {
        const struct acpi_survey_table *table = &s->tables[i];
        t = text_over(buffer, sizeof buffer);
        text_string(&t, "machine: table ");
        letters(&t, table->signature, sizeof table->signature);
        number(&t, " bytes=", table->bytes);
        number(&t, " revision=", table->revision);
        hex(&t, " at=", table->at);
        yes_no(&t, " sound=", table->sound);
        say(o, &t);
    }
}

static void say_power(const struct out *o, const struct description *d)
{
    char buffer[LINE_BYTES];
    const struct acpi_survey *s = d->acpi;
    struct text t = text_over(buffer, sizeof buffer);
    hex(&t, "machine: power pm1a_evt=", d->power->event_a);
    hex(&t, " pm1a_cnt=", d->power->control_a);
    hex(&t, " pm1b_cnt=", d->power->control_b);
    number(&t, " sci=", s->sci);
    text_string(&t, " s5=");
    if (d->power_error == ACPI_OK) {
        number(&t, "", d->power->sleep_a);
        number(&t, ",", d->power->sleep_b);
    } else {
        text_string(&t, "none");
    }
    text_string(&t, " reset=");
    if (s->reset_address != 0) {
        number(&t, "", s->reset_space);
        hex(&t, ":", s->reset_address);
        hex(&t, "=", s->reset_value);
    } else {
        text_string(&t, "none");
    }
    say(o, &t);
}

static void say_interrupts(const struct out *o, const struct acpi_survey *s)
{
    char buffer[LINE_BYTES];
    const uint32_t ioapics = s->ioapics_count < ACPI_SURVEY_IOAPICS ? s->ioapics_count : ACPI_SURVEY_IOAPICS;
    const uint32_t overrides =
        s->overrides_count < ACPI_SURVEY_OVERRIDES ? s->overrides_count : ACPI_SURVEY_OVERRIDES;
    struct text t = text_over(buffer, sizeof buffer);
    hex(&t, "machine: madt local_apic=", s->local_apic);
    number(&t, " processors=", s->processors);
    number(&t, " ioapics=", s->ioapics_count);
    number(&t, " overrides=", s->overrides_count);
    yes_no(&t, " cut=", s->madt_cut);
    say(o, &t);
    for (uint32_t i = 0; i < ioapics; i++) {
        t = text_over(buffer, sizeof buffer);
        number(&t, "machine: ioapic id=", s->ioapics[i].id);
        hex(&t, " address=", s->ioapics[i].address);
        number(&t, " gsi=", s->ioapics[i].gsi);
        say(o, &t);
    }
    for (uint32_t i = 0; i < overrides; i++) {
        t = text_over(buffer, sizeof buffer);
        number(&t, "machine: override irq=", s->overrides[i].irq);
        number(&t, " gsi=", s->overrides[i].gsi);
        hex(&t, " flags=", s->overrides[i].flags);
        say(o, &t);
    }
}

static void say_cpu(const struct out *o, const struct description *d)
{
    char buffer[LINE_BYTES];
    struct text t = text_over(buffer, sizeof buffer);
    text_string(&t, "machine: cpu vendor=");
    word(&t, d->vendor.ebx);
    word(&t, d->vendor.edx);
    word(&t, d->vendor.ecx);
    leaf(&t, " leaf1=", d->features);
    number(&t, " tsc_khz=", d->tsc_khz);
    say(o, &t);
    t = text_over(buffer, sizeof buffer);
    text_string(&t, "machine: hypervisor vendor=");
    if (describe_has_hypervisor(d->features)) {
        word(&t, d->hypervisor.ebx);
        word(&t, d->hypervisor.ecx);
        word(&t, d->hypervisor.edx);
        hex(&t, " most=", d->hypervisor.eax);
        leaf(&t, " features=", d->hypervisor_features);
    } else {
        text_string(&t, "none");
    }
    say(o, &t);
}

static void say_memory(const struct out *o, const struct memory_map *m)
{
    static const char *const kinds[] = {"none", "ram", "firmware", "reserved"};
    char buffer[LINE_BYTES];
    uint64_t low = 0, high = 0, end = 0, ram_end = 0;
    uint32_t holes = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct memory_range *r = &m->ranges[i];
        holes += r->base > end;
        end = r->base + r->bytes;
        if (r->kind != MEMORY_RAM)
            continue;
        const uint64_t below = r->base >= GIB4 ? 0 : end <= GIB4 ? r->bytes : GIB4 - r->base;
        low += below;
        high += r->bytes - below;
        ram_end = end;
    }
    struct text t = text_over(buffer, sizeof buffer);
    number(&t, "machine: memory ranges=", m->count);
    number(&t, " refused=", m->refused);
    number(&t, " holes=", holes);
    number(&t, " ram_below_4g=", low);
    number(&t, " ram_above_4g=", high);
    hex(&t, " ram_end=", ram_end);
    say(o, &t);
    for (uint32_t i = 0; i < m->count && i < DESCRIBE_RANGES_MAX; i++) {
        const struct memory_range *r = &m->ranges[i];
        ASSERT(r->kind < sizeof kinds / sizeof kinds[0]);
        t = text_over(buffer, sizeof buffer);
        hex(&t, "machine: range first=", r->base);
        hex(&t, " end=", r->base + r->bytes);
        text_string(&t, " kind=");
        text_string(&t, kinds[r->kind]);
        say(o, &t);
    }
}

bool describe_has_hypervisor(struct describe_leaf features)
{
    return (features.ecx & HYPERVISOR_BIT) != 0;
}

void describe(const struct description *d, void (*write)(void *ctx, const char *text, size_t bytes),
              void *ctx)
{
    const struct out o = {write, ctx};
    ASSERT(d != NULL);
    ASSERT(write != NULL);
    say_tables(&o, d->acpi);
    say_power(&o, d);
    say_interrupts(&o, d->acpi);
    say_cpu(&o, d);
    say_memory(&o, d->map);
}
