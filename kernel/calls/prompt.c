/* SPDX-License-Identifier: BSD-2-Clause */
/* Who writes to the main console: programs take turns by lines. The line that its reader has not finished, a
 * prompt and what was typed, is kept here and shown again below what others wrote. Trusts no text. */
#include "kernel/calls/parts.h"

static bool runs(const struct calls *c, uint32_t number)
{
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (process_live(c->system, i) && c->system->processes[i].number == number)
            return true;
    }
    return false;
}

static bool is_read(const struct calls *c)
{
    return c->prompt.reads && runs(c, c->prompt.owner);
}

static void own(struct calls_prompt *p, uint32_t process)
{
    if (p->owner == process)
        return;
    p->owner = process;
    p->reads = false;
    p->bytes = p->cursor = 0;
}

static void keep(struct calls_prompt *p, const char *text, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        if (text[i] == '\n')
            p->bytes = 0;
        else if (p->bytes < CALLS_PROMPT_BYTES)
            p->text[p->bytes++] = text[i];
    }
    p->cursor = p->bytes;
}

/* To the cursor's place in the line that was just written. A backslash shows as four characters. */
static void place_cursor(struct calls *c)
{
    const struct calls_prompt *p = &c->prompt;
    uint32_t columns = 0;

    for (uint32_t i = p->cursor; i < p->bytes; i++)
        columns += p->text[i] == '\\' ? 4u : 1u;
    console_back(c->console, columns);
}

static void show(struct calls *c)
{
    console_write(c->console, c->prompt.text, c->prompt.bytes);
    place_cursor(c);
    c->prompt.writer = c->prompt.owner;
}

void calls_prompt_write(struct calls *c, uint32_t process, const char *text, uint32_t bytes)
{
    struct calls_prompt *p = &c->prompt;

    ASSERT(process != PROMPT_KERNEL);
    if (!is_read(c))
        own(p, process);
    if (p->writer != process)
        console_fresh_line(c->console);
    if (p->owner == process && !c->console->mid_line)
        show(c);
    p->writer = process;
    console_write(c->console, text, bytes);
    if (p->owner == process)
        keep(p, text, bytes);
}

void calls_prompt_again(struct calls *c, uint32_t process)
{
    if (process != c->prompt.owner && !c->console->mid_line && is_read(c))
        show(c);
}

void calls_prompt_read(struct calls *c, uint32_t process)
{
    own(&c->prompt, process);
    c->prompt.reads = true;
}

static bool reader(const struct calls *c, uint32_t process)
{
    return c->prompt.owner == process && is_read(c);
}

bool calls_prompt_draw(struct calls *c, uint32_t process, const char *text, uint32_t bytes, uint32_t cursor)
{
    struct calls_prompt *p = &c->prompt;

    ASSERT(bytes <= CALLS_PROMPT_BYTES && cursor <= bytes);
    if (!reader(c, process))
        return false;
    const bool shown = p->writer == process && c->console->mid_line;
    const bool grown =
        shown && p->cursor == p->bytes && bytes > p->bytes && memcmp(p->text, text, p->bytes) == 0;
    const uint32_t kept = grown ? p->bytes : 0;

    if (!shown && p->writer != process)
        console_fresh_line(c->console);
    if (shown && !grown)
        console_erase_line(c->console);
    memcpy(p->text, text, bytes);
    p->bytes = bytes;
    p->cursor = cursor;
    p->writer = process;
    console_write(c->console, text + kept, bytes - kept);
    place_cursor(c);
    return true;
}

bool calls_prompt_clear(struct calls *c, uint32_t process)
{
    if (!reader(c, process))
        return false;
    console_clear(c->console);
    own(&c->prompt, process);
    c->prompt.bytes = c->prompt.cursor = 0;
    c->prompt.writer = process;
    return true;
}
