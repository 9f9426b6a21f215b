/* SPDX-License-Identifier: BSD-2-Clause */
/* What the book of world `process` says of handles, objects and records. */
#include "sim/explore/process_world.h"

bool pw_alive(const struct pw_world *p, uint32_t process, cap_id cap)
{
    const struct pw_process *q = &p->book.processes[process];

    return cap.index >= 1 && cap.index <= PW_SLOTS && q->slot_object[cap.index] != PW_NO_OBJECT &&
           q->slot_generation[cap.index] == cap.generation;
}

cap_id pw_cap(const struct pw_world *p, uint32_t process, uint32_t slot)
{
    return (cap_id){slot, p->book.processes[process].slot_generation[slot]};
}

uint32_t pw_held(const struct pw_world *p, uint32_t process, uint8_t object)
{
    const struct pw_process *q = &p->book.processes[process];
    uint32_t count = 0;

    for (uint32_t i = 1; i <= PW_SLOTS; i++)
        count += q->slot_object[i] == object;
    for (uint32_t i = 0; i < PW_ENTRIES; i++)
        count += q->entries[i].state == PW_OVER && q->entries[i].gives == object;
    return count;
}

uint32_t pw_handles(const struct pw_world *p, uint32_t process)
{
    const struct pw_process *q = &p->book.processes[process];
    uint32_t count = 0;

    for (uint32_t i = 1; i <= PW_SLOTS; i++)
        count += q->slot_object[i] != PW_NO_OBJECT;
    for (uint32_t i = 0; i < PW_ENTRIES; i++)
        count += q->entries[i].state == PW_OVER && (q->entries[i].gives || q->entries[i].made);
    return count;
}

uint32_t pw_waiting(const struct pw_world *p, uint32_t process)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < PW_ENTRIES; i++) {
        const uint8_t state = p->book.processes[process].entries[i].state;

        count += state > PW_WRITTEN && state != PW_OVER;
    }
    return count;
}

uint32_t pw_charged(const struct pw_world *p, uint32_t process, uint8_t first, uint8_t end)
{
    uint32_t count = 0;

    for (uint8_t o = first; o < end; o++)
        count += p->book.objects[o].live && p->book.objects[o].maker == process;
    return count;
}
