/* SPDX-License-Identifier: BSD-2-Clause */
/* Capability handles: what a program holds, and nothing that it could compute with.
 * A handle is valid only while its slot is live, its generation matches and its interface is the one asked
 * for. */
#ifndef CAPOS_ABI_CAP_H
#define CAPOS_ABI_CAP_H

#include <stdbool.h>
#include <stdint.h>

/* Index and generation of a slot in the holder's own table. Index 0 is never valid. */
typedef struct cap_id {
    uint32_t index;
    uint32_t generation;
} cap_id;

#define CAP_NONE ((cap_id){0u, 0u})

static inline bool cap_is_none(cap_id id)
{
    return id.index == 0u;
}

static inline bool cap_same(cap_id a, cap_id b)
{
    return a.index == b.index && a.generation == b.generation;
}

/* What an object can be asked. The interface is the permission: there is no rights mask beside it. */
enum cap_interface {
    CAP_IF_NONE = 0, /* an empty slot */
    CAP_IF_DEVICE, /* one claimed PCI function */
    CAP_IF_DEVICE_MMIO, /* table-checked registers in memory BARs */
    CAP_IF_DEVICE_PORTS, /* table-checked registers in an I/O BAR */
    CAP_IF_DMA_POOL, /* a budget of pages for one function */
    CAP_IF_DMA_BUFFER, /* pages of a pool that a program may map and name */
    CAP_IF_DMA_QUEUE, /* one ring of the function, written by the kernel */
    CAP_IF_INTERRUPT, /* one MSI-X route */
    CAP_IF_FUNCTIONS, /* the scan record; hands out functions */
    CAP_IF_FUNCTION, /* one PCI function that may be claimed */
    CAP_IF_MEMORY, /* a MemoryObject: pages that can be mapped and shared */
    CAP_IF_MEMORY_SOURCE, /* makes MemoryObjects, charged to its holder */
    CAP_IF_ENDPOINT, /* the receiving side of calls; makes client capabilities */
    CAP_IF_ENDPOINT_SOURCE, /* makes endpoints */
    CAP_IF_TIMER, /* waits until a time */
    CAP_IF_PROCESS, /* one running program: kill, wait for its end */
    CAP_IF_SPAWNER, /* starts programs of the boot package */
    CAP_IF_SERIAL, /* one serial port: read, write */
    CAP_IF_AUDIT, /* drains the audit log */
    CAP_IF_EVIDENCE, /* EvidenceSink: emits markers of one list of names */
    CAP_IF_SYSTEM, /* what runs and what is held, to look at */
    CAP_IF_ENTROPY, /* random bytes of the kernel's source */
    CAP_IF_INVENTORY, /* the scan record to look at; takes out of quarantine, hands nothing out */
    CAP_IF_AUDIT_NOTE, /* writes records of log-ins to the audit log */
    CAP_IF_POWER, /* ends the system: off, or anew */
    /* served by programs, through endpoints */
    CAP_IF_NIC, /* frames, MAC, MTU, link */
    CAP_IF_SUPERVISOR, /* services by name: list, restart, kill */
    CAP_IF_NIC_STATUS, /* what a Nic says of itself; no frames */
    CAP_IF_NETWORK_MANAGER, /* configuration, counters, ping; makes outgoing sockets */
    CAP_IF_TCP_LISTEN_AUTHORITY, /* one local TCP port */
    CAP_IF_TCP_LISTENER, /* takes connections of one port */
    CAP_IF_TCP_SOCKET, /* one connection */
    CAP_IF_UDP_SOCKET, /* one local UDP port */
    CAP_IF_LOGIN, /* checks what was typed against the operator's secret */
    CAP_IF_TERMINALS, /* terminal sessions of one kind, one after the other */
    CAP_IF_TERMINAL, /* one person at one byte stream: lines in, text out */
    CAP_IF_TERMINAL_MAKER, /* makes terminals of connections that are moved to it */
    CAP_IF_NETWORK_STATUS, /* what a NetworkManager says, and ping; makes no socket */
    CAP_IF_TCP_CONNECT_AUTHORITY, /* outgoing connections to one address and port */
    CAP_IF_SUPERVISOR_STATUS, /* services by name: list alone */
    CAP_IF_STARTER, /* one service that runs when it is asked for */
    CAP_IF_STREAM, /* the far side of a terminal: what is typed, what is shown */
    CAP_IF_COUNT
};

#endif
