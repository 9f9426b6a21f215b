/* SPDX-License-Identifier: BSD-2-Clause */
/* The teardown matrix: what its rows and columns are (matrix.def), what is expected of a cell, and the engine
 * that plays one. A cell is played in a world of its own with ledger, monitors, kernel and provider; the
 * first thing that is not as its rule says ends it and is kept in words. */
#ifndef CAPOS_TESTS_TEARDOWN_MATRIX_H
#define CAPOS_TESTS_TEARDOWN_MATRIX_H

#include "tests/support/rig.h"
#include "tests/teardown/faulty.h"

enum matrix_cause {
#define CAUSE(name, title, text) CAUSE_##name,
#include "tests/teardown/matrix.def"
    CAUSE_COUNT
};

enum matrix_phase {
#define PHASE(name, title, text) PHASE_##name,
#include "tests/teardown/matrix.def"
    PHASE_COUNT
};

enum matrix_load {
#define LOAD(name, title, text) LOAD_##name,
#include "tests/teardown/matrix.def"
    LOAD_COUNT
};

enum matrix_confirm {
#define CONFIRM(name, title, text) CONFIRM_##name,
#include "tests/teardown/matrix.def"
    CONFIRM_COUNT
};

/* What the provider comes to. */
enum matrix_kind {
    KIND_IMPOSSIBLE = 0,
    KIND_NONE, /* there is none yet */
    KIND_GOES_ON, /* frames pass again; then it is stopped in order */
    KIND_STOPS, /* it sees the cause and stops by itself */
    KIND_ORDERLY, /* it was asked to stop */
    KIND_CUT_OFF, /* its calls are refused: QUARANTINED, for it cannot know */
    KIND_LOST, /* no answer makes sense any more: QUARANTINED */
    KIND_LET_GO, /* nobody runs it any more */
    KIND_KEEPS, /* it was at its end before */
    KIND_COUNT
};

/* Who gets a reset confirmed. */
enum matrix_reset {
    RESET_NOTHING = 0, /* everybody: there is nothing to confirm */
    RESET_ASKED, /* as the column says: the provider at once and late, the kernel too late as well */
    RESET_KERNEL, /* the kernel as the column says, the provider never */
    RESET_NOBODY
};

#define MATRIX_ANY PROVIDER_E_COUNT /* some error */

struct matrix_rule {
    const char *name, *text;
    uint32_t authors, transports, causes, phases, loads, confirms; /* a bit each value */
    enum matrix_kind kind;
    enum provider_error error;
    enum matrix_reset reset;
};

struct matrix_cell {
    enum rig_author author;
    enum dm_transport transport;
    enum matrix_cause cause;
    enum matrix_phase phase;
    enum matrix_load load;
    enum matrix_confirm confirm;
};

struct matrix_expectation {
    const struct matrix_rule *rule;
    enum matrix_kind kind;
    enum vnet_state end; /* STOPPED or QUARANTINED; CLOSED: no provider, or not run to an end */
    enum provider_error error; /* MATRIX_ANY: not PROVIDER_OK */
    bool restored; /* everything back; false: quarantine */
};

struct matrix_result {
    enum matrix_kind kind;
    enum vnet_state end;
    enum provider_error error;
    bool restored;
    bool again; /* claimed, started, frames passed, given back: after everything */
    uint32_t pages; /* in quarantine */
    char wrong[240]; /* empty: as the rule says */
};

extern const struct matrix_rule matrix_rules[];
extern const uint32_t matrix_rule_count;
const char *matrix_kind_name(enum matrix_kind kind);

/* The first rule that fits; its program ends when there is none. */
struct matrix_expectation matrix_expect(const struct matrix_cell *cell);
struct matrix_result matrix_play(const struct matrix_cell *cell, struct rig_lent *lent);

/* One cell being played; shared by the engine's files. */
#define MATRIX_HANDLES 8u

struct scene {
    struct matrix_cell cell;
    struct matrix_expectation expected;
    struct matrix_result result;
    struct rig rig;
    struct vnet_env env;
    struct faulty faulty; /* between provider and authority: refuses a publication on demand */
    cap_id handles[MATRIX_HANDLES]; /* every capability that the driver ever held, by enum scene_handle */
    struct nic_rx_frame lent_frames[4];
    uint16_t lent_count, lent_slot;
    bool opened; /* a provider runs */
    bool caused;
    enum vnet_state before; /* the provider's state as the cause came */
    uint32_t pages; /* that the device may know */
    struct device_reply release; /* how the end of the claim was answered */
};

/* Keeps the first fault in words; returns false. */
bool scene_wrong(struct scene *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define NEED(s, condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return scene_wrong((s), "%s:%d: %s", __func__, __LINE__, #condition);                            \
    } while (0)

/* Brings the world to the cell's phase with the cell's load. */
bool scene_reach(struct scene *s);
/* Arms or disarms what the device does with its reset. */
void scene_confirm(struct scene *s);
/* vnet_open over the faulty seams; closes registers that were opened by hand. */
enum provider_error scene_open(struct scene *s);
/* Takes note of the capabilities that the driver holds now. */
void scene_note_handles(struct scene *s);
/* The next publication is refused; `meanwhile`: what happens within that call, NULL: nothing. */
bool scene_publish_refused(struct scene *s, void (*meanwhile)(void *ctx));
/* For IMPOSSIBLE cells: shows that phase and load do not meet. */
bool scene_show_impossible(struct scene *s);
/* After the end: handles, pages, command register, usage, quarantine, the next life. */
bool scene_old_handles_refused(struct scene *s);
bool scene_check_after(struct scene *s);
bool scene_live_again(struct scene *s);

#endif
