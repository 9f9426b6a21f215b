/* SPDX-License-Identifier: BSD-2-Clause */
/* What all worlds share: a step that cannot take the explorer down, snapshots, verdicts. Trusts the world's
 * list of regions to be complete. */
#include "sim/explore/world.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"

/* Code under test has no context to hand over: a stray access and a failed assertion find their world here.
 */
struct xp_world *xp_current;

static const struct {
    const char *name, *text;
} properties[XP_PROPERTY_COUNT] = {
    [XP_HOLDS] = {"holds", ""},
#define XP_PROPERTY(name, text) [XP_##name] = {#name, text},
#include "sim/explore/property.def"
#undef XP_PROPERTY
};

const char *xp_property_name(enum xp_property p)
{
    return properties[p].name;
}

const char *xp_property_text(enum xp_property p)
{
    return properties[p].text;
}

const char *xp_mark_text(enum xp_mark mark)
{
    static const char *const texts[XP_MARK_COUNT] = {
#define XP_MARK(name, text) [XP_M_##name] = text,
#include "sim/explore/mark.def"
#undef XP_MARK
    };

    return texts[mark];
}

void xp_violate(struct xp_world *w, enum xp_property property, const char *format, ...)
{
    va_list arguments;

    if (w->verdict.property == XP_HOLDS) {
        w->verdict.property = property;
        va_start(arguments, format);
        vsnprintf(w->verdict.what, sizeof w->verdict.what, format, arguments);
        va_end(arguments);
    }
    ASSERT(w->in_step);
    longjmp(w->escape, 1);
}

void xp_note_text(struct xp_world *w, enum xp_lane lane, const char *format, ...)
{
    char text[200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    w->note(w->note_ctx, lane, text);
}

void capos_assert_failed(const char *expression, const char *file, unsigned line)
{
    if (xp_current && xp_current->in_step)
        xp_violate(xp_current, XP_P6, "assertion failed: %s, %s:%u", expression, file, line);
    fprintf(stderr, "assertion failed: %s, %s:%u\n", expression, file, line);
    _Exit(134);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (xp_current && xp_current->in_step)
        xp_violate(xp_current, XP_P6, "stray access: signal %d at %p", number, info->si_addr);
    signal(number, SIG_DFL);
    raise(number);
}

void xp_catch_faults(void)
{
    static uint8_t stack[65536];
    const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};

    sigaltstack(&alternative, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGILL, &action, NULL);
}

static bool begin(struct xp_world *w)
{
    ASSERT(!w->in_step);
    w->verdict.property = XP_HOLDS;
    xp_current = w;
    w->in_step = true;
    return true;
}

bool xp_protected_step(struct xp_world *w, enum xp_step *out)
{
    *out = XP_STEP_NOTHING;
    if (begin(w) && setjmp(w->escape) == 0)
        *out = w->ops->step(w);
    w->in_step = false;
    return w->verdict.property == XP_HOLDS;
}

bool xp_protected_start(struct xp_world *w)
{
    if (begin(w) && setjmp(w->escape) == 0)
        w->ops->start(w);
    w->in_step = false;
    return w->verdict.property == XP_HOLDS;
}

bool xp_protected_heal(struct xp_world *w, enum xp_heal *out)
{
    *out = XP_HEAL_ON;
    if (begin(w) && setjmp(w->escape) == 0)
        *out = w->ops->heal(w);
    w->in_step = false;
    return w->verdict.property == XP_HOLDS;
}
