/* SPDX-License-Identifier: BSD-2-Clause */
/* Loader of program files. Owns nothing: file and pages are the caller's. Trusts no byte of the file: each
 * number is read once, in order of dependence, and compared before it is used; nothing is written before all
 * of it was judged. */
#include "kernel/core/elf.h"

#include "abi/assert.h"
#include "abi/memory.h"

#define HEADER_BYTES     64u
#define PROGRAM_BYTES    56u
#define DYNAMIC_BYTES    16u
#define RELOCATION_BYTES 24u
#define SPAN_MAX         ((uint64_t)ELF_PAGES_MAX * PROCESSOR_PAGE)

#define TYPE_DYN              3u
#define MACHINE_X86_64        62u
#define RELOCATION_RELATIVE   8u
#define FLAG_TEXT_RELOCATIONS 4u /* of DT_FLAGS */

enum { EXECUTE = 1u, WRITE = 2u, READ = 4u };

enum program_kind {
    KIND_NULL = 0,
    KIND_LOAD = 1,
    KIND_DYNAMIC = 2,
    KIND_INTERPRETER = 3,
    KIND_NOTE = 4,
    KIND_HEADERS = 6,
    KIND_EH_FRAME = 0x6474e550,
    KIND_STACK = 0x6474e551,
    KIND_PROPERTY = 0x6474e553
};

enum dynamic_tag {
    TAG_END = 0,
    TAG_HASH = 4,
    TAG_STRINGS = 5,
    TAG_SYMBOLS = 6,
    TAG_RELA = 7,
    TAG_RELA_BYTES = 8,
    TAG_RELA_ENTRY = 9,
    TAG_STRINGS_BYTES = 10,
    TAG_SYMBOL_BYTES = 11,
    TAG_SYMBOLIC = 16,
    TAG_DEBUG = 21,
    TAG_BIND_NOW = 24,
    TAG_FLAGS = 30,
    TAG_GNU_HASH = 0x6ffffef5,
    TAG_RELA_COUNT = 0x6ffffff9,
    TAG_FLAGS_1 = 0x6ffffffb
};

struct program_header {
    uint32_t kind, flags;
    uint64_t offset, address, file_bytes, bytes, align;
};

struct judged {
    const uint8_t *file;
    size_t bytes;
    struct elf_layout layout;
    uint64_t dynamic, dynamic_bytes; /* address and bytes; 0: none */
};

static const char *const names[ELF_ERROR_COUNT] = {
    [ELF_OK] = "loadable",
    [ELF_E_SIZE] = "too short for a program file, or too long",
    [ELF_E_MAGIC] = "not a little-endian ELF64 file",
    [ELF_E_MACHINE] = "not for x86-64",
    [ELF_E_TYPE] = "not position-independent",
    [ELF_E_HEADERS] = "its program headers are malformed",
    [ELF_E_INTERPRETER] = "asks for a dynamic linker",
    [ELF_E_KIND] = "a program header of an unknown kind",
    [ELF_E_STACK] = "asks for an executable stack",
    [ELF_E_SEGMENTS] = "no segment to load, or too many",
    [ELF_E_EXTENT] = "a segment leaves the file or its memory",
    [ELF_E_ALIGN] = "a segment that pages cannot map",
    [ELF_E_ORDER] = "segments out of order, or two in one page",
    [ELF_E_ACCESS] = "a segment writable and executable, or not readable",
    [ELF_E_PAGES] = "takes too many pages",
    [ELF_E_ENTRY] = "does not begin in executable bytes",
    [ELF_E_DYNAMIC] = "its dynamic section is malformed, or asks for libraries",
    [ELF_E_RELOCATION] = "a relocation that is not relative, or not into a writable segment",
    [ELF_E_ROOM] = "no room in the address space",
    [ELF_E_MEMORY] = "no pages for it",
};

const char *elf_error_name(enum elf_error error)
{
    return (uint32_t)error < ELF_ERROR_COUNT ? names[error] : "unknown";
}

/* The caller knows that the bytes are there. */
static uint64_t load(const struct judged *j, uint64_t at, uint32_t width)
{
    uint64_t value = 0;

    ASSERT(at <= j->bytes && width <= j->bytes - at);
    for (uint32_t i = 0; i < width; i++)
        value |= (uint64_t)j->file[at + i] << (8u * i);
    return value;
}

static enum elf_error judge_header(const struct judged *j, uint64_t *table, uint32_t *count)
{
    static const uint8_t ident[7] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

    if (j->bytes < HEADER_BYTES || j->bytes > UINT32_MAX)
        return ELF_E_SIZE;
    if (memcmp(j->file, ident, sizeof ident) != 0 || load(j, 20, 4) != 1)
        return ELF_E_MAGIC;
    if (load(j, 18, 2) != MACHINE_X86_64)
        return ELF_E_MACHINE;
    if (load(j, 16, 2) != TYPE_DYN)
        return ELF_E_TYPE;
    *table = load(j, 32, 8);
    *count = (uint32_t)load(j, 56, 2);
    if (load(j, 54, 2) != PROGRAM_BYTES || *count == 0 || *count > ELF_HEADERS_MAX || *table > j->bytes ||
        *count * PROGRAM_BYTES > j->bytes - *table)
        return ELF_E_HEADERS;
    return ELF_OK;
}

static struct program_header program_header(const struct judged *j, uint64_t at)
{
    return (struct program_header){.kind = (uint32_t)load(j, at, 4),
                                   .flags = (uint32_t)load(j, at + 4, 4),
                                   .offset = load(j, at + 8, 8),
                                   .address = load(j, at + 16, 8),
                                   .file_bytes = load(j, at + 32, 8),
                                   .bytes = load(j, at + 40, 8),
                                   .align = load(j, at + 48, 8)};
}

static enum elf_error judge_segment(struct judged *j, const struct program_header *h)
{
    struct elf_layout *l = &j->layout;

    if (l->segment_count == ELF_SEGMENTS_MAX)
        return ELF_E_SEGMENTS;
    if (h->offset > j->bytes || h->file_bytes > j->bytes - h->offset || h->file_bytes > h->bytes ||
        h->bytes == 0)
        return ELF_E_EXTENT;
    if (h->align != PROCESSOR_PAGE || (h->offset - h->address) % PROCESSOR_PAGE != 0)
        return ELF_E_ALIGN;
    if (h->address >= SPAN_MAX || h->bytes > SPAN_MAX - h->address)
        return ELF_E_PAGES;
    const uint32_t first = (uint32_t)(h->address / PROCESSOR_PAGE);
    const uint32_t end = (uint32_t)((h->address + h->bytes + PROCESSOR_PAGE - 1u) / PROCESSOR_PAGE);
    /* The first is the file's own beginning: the program's addresses count from there. */
    if (l->segment_count == 0 ? first != 0 : first < l->pages)
        return ELF_E_ORDER;
    if ((h->flags & READ) == 0 || (h->flags & (WRITE | EXECUTE)) == (WRITE | EXECUTE))
        return ELF_E_ACCESS;
    l->segments[l->segment_count++] = (struct elf_segment){
        .page = first,
        .pages = end - first,
        .offset = (uint32_t)h->offset,
        .bytes = (uint32_t)h->file_bytes,
        .within = (uint32_t)(h->address % PROCESSOR_PAGE),
        .access = (h->flags & EXECUTE) ? PROCESSOR_READ_EXECUTE
                  : (h->flags & WRITE) ? PROCESSOR_READ_WRITE
                                       : PROCESSOR_READ,
    };
    l->pages = end;
    return ELF_OK;
}

static enum elf_error judge_program_header(struct judged *j, const struct program_header *h)
{
    switch (h->kind) {
    case KIND_LOAD:
        return judge_segment(j, h);
    case KIND_DYNAMIC:
        if (j->dynamic_bytes != 0 || h->file_bytes == 0)
            return ELF_E_DYNAMIC;
        j->dynamic = h->address;
        j->dynamic_bytes = h->file_bytes;
        return ELF_OK;
    case KIND_INTERPRETER:
        return ELF_E_INTERPRETER;
    case KIND_STACK:
        return (h->flags & EXECUTE) ? ELF_E_STACK : ELF_OK;
    case KIND_NULL:
    case KIND_NOTE:
    case KIND_HEADERS:
    case KIND_EH_FRAME:
    case KIND_PROPERTY:
        return ELF_OK;
    default:
        return ELF_E_KIND;
    }
}

static uint64_t address_of(const struct elf_segment *s)
{
    return (uint64_t)s->page * PROCESSOR_PAGE + s->within;
}

/* Whether `bytes` bytes at `address` all come from the file, in one segment, and where they lie in it. */
static bool in_file(const struct judged *j, uint64_t address, uint64_t bytes, uint64_t *offset)
{
    for (uint32_t i = 0; i < j->layout.segment_count; i++) {
        const struct elf_segment *s = &j->layout.segments[i];
        const uint64_t from = address - address_of(s);

        if (address < address_of(s) || from > s->bytes || bytes > s->bytes - from)
            continue;
        *offset = s->offset + from;
        return true;
    }
    return false;
}

/* Whether a relocation may write eight bytes at `address`: whole, in the pages of one writable segment. */
static bool in_writable(const struct judged *j, uint64_t address)
{
    for (uint32_t i = 0; i < j->layout.segment_count; i++) {
        const struct elf_segment *s = &j->layout.segments[i];
        const uint64_t begin = address_of(s);
        const uint64_t end = ((uint64_t)s->page + s->pages) * PROCESSOR_PAGE;

        if (s->access == PROCESSOR_READ_WRITE && address >= begin && address < end && end - address >= 8u)
            return true;
    }
    return false;
}

static enum elf_error judge_relocations(const struct judged *j, uint64_t table, uint64_t bytes)
{
    uint64_t at;

    if (bytes % RELOCATION_BYTES != 0 || !in_file(j, table, bytes, &at))
        return ELF_E_DYNAMIC;
    for (uint64_t end = at + bytes; at < end; at += RELOCATION_BYTES) {
        if (load(j, at + 8, 8) != RELOCATION_RELATIVE || !in_writable(j, load(j, at, 8)))
            return ELF_E_RELOCATION;
    }
    return ELF_OK;
}

static enum elf_error judge_dynamic(const struct judged *j)
{
    uint64_t table = 0;
    uint64_t table_bytes = 0;
    uint64_t at;

    if (j->dynamic_bytes == 0)
        return ELF_OK;
    if (j->dynamic_bytes > ELF_DYNAMIC_MAX * DYNAMIC_BYTES || !in_file(j, j->dynamic, j->dynamic_bytes, &at))
        return ELF_E_DYNAMIC;
    for (uint64_t end = at + j->dynamic_bytes; end - at >= DYNAMIC_BYTES; at += DYNAMIC_BYTES) {
        const uint64_t value = load(j, at + 8, 8);

        switch (load(j, at, 8)) {
        case TAG_END:
            return table_bytes == 0 ? ELF_OK : judge_relocations(j, table, table_bytes);
        case TAG_RELA:
            table = value;
            break;
        case TAG_RELA_BYTES:
            table_bytes = value;
            break;
        case TAG_RELA_ENTRY:
            if (value != RELOCATION_BYTES)
                return ELF_E_DYNAMIC;
            break;
        case TAG_FLAGS:
            if (value & FLAG_TEXT_RELOCATIONS)
                return ELF_E_RELOCATION;
            break;
        case TAG_HASH:
        case TAG_STRINGS:
        case TAG_SYMBOLS:
        case TAG_STRINGS_BYTES:
        case TAG_SYMBOL_BYTES:
        case TAG_SYMBOLIC:
        case TAG_DEBUG:
        case TAG_BIND_NOW:
        case TAG_GNU_HASH:
        case TAG_RELA_COUNT:
        case TAG_FLAGS_1:
            break;
        default:
            return ELF_E_DYNAMIC;
        }
    }
    return ELF_E_DYNAMIC; /* it does not end */
}

static enum elf_error judge_entry(struct judged *j)
{
    const uint64_t entry = load(j, 24, 8);

    for (uint32_t i = 0; i < j->layout.segment_count; i++) {
        const struct elf_segment *s = &j->layout.segments[i];

        if (s->access == PROCESSOR_READ_EXECUTE && entry >= address_of(s) &&
            entry - address_of(s) < s->bytes) {
            j->layout.entry = (uint32_t)entry;
            return ELF_OK;
        }
    }
    return ELF_E_ENTRY;
}

enum elf_error elf_measure(const uint8_t *file, size_t bytes, struct elf_layout *out)
{
    struct judged j = {.file = file, .bytes = bytes};
    uint64_t table = 0;
    uint32_t count = 0;
    enum elf_error error = judge_header(&j, &table, &count);

    for (uint32_t i = 0; error == ELF_OK && i < count; i++) {
        const struct program_header h = program_header(&j, table + (uint64_t)i * PROGRAM_BYTES);
        error = judge_program_header(&j, &h);
    }
    if (error == ELF_OK && j.layout.segment_count == 0)
        error = ELF_E_SEGMENTS;
    if (error == ELF_OK)
        error = judge_entry(&j);
    if (error == ELF_OK)
        error = judge_dynamic(&j);
    if (error == ELF_OK)
        *out = j.layout;
    return error;
}

enum elf_error elf_place(const uint8_t *file, const struct elf_layout *layout, uint8_t *memory,
                         const struct processor *processor, uint16_t space, uint64_t *at, uint64_t *entry)
{
    const uint64_t base = processor->ops->reserve(processor->ctx, space, memory, layout->pages);

    ASSERT(layout->pages > 0 && layout->pages <= ELF_PAGES_MAX);
    if (base == 0)
        return ELF_E_ROOM;
    for (uint32_t i = 0; i < layout->segment_count; i++) {
        const struct elf_segment *s = &layout->segments[i];
        const size_t from = (size_t)s->page * PROCESSOR_PAGE;

        ASSERT(s->page < layout->pages && s->pages <= layout->pages - s->page);
        ASSERT((uint64_t)s->within + s->bytes <= (uint64_t)s->pages * PROCESSOR_PAGE);
        memcpy(memory + from + s->within, file + s->offset, s->bytes);
        if (!processor->ops->map(processor->ctx, space, base + from, memory + from, s->pages,
                                 (enum processor_access)s->access)) {
            processor->ops->unmap(processor->ctx, space, base, layout->pages);
            return ELF_E_ROOM;
        }
    }
    *at = base;
    *entry = base + layout->entry;
    return ELF_OK;
}

uint32_t elf_load(const uint8_t *file, uint64_t length, uint16_t space, const struct processor *processor,
                  struct page_source *pages, struct program_image *out)
{
    struct elf_layout layout;
    enum elf_error error = elf_measure(file, length, &layout);

    if (error != ELF_OK)
        return error;
    struct program_image image = {.memory = page_source_take(pages, layout.pages), .pages = layout.pages};
    if (image.memory == NULL)
        return ELF_E_MEMORY;
    error = elf_place(file, &layout, image.memory, processor, space, &image.at, &image.entry);
    if (error != ELF_OK) {
        page_source_give(pages, image.memory, image.pages);
        return error;
    }
    *out = image;
    return ELF_OK;
}
