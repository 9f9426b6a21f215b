/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that show what the kernel says of itself: processes, handles, use, functions, evidence, audit. */
#include "abi/device.h"
#include "abi/methods.h"
#include "user/shell/shell.h"

#define SLOTS_MAX   256u
#define MARKERS_MAX 64u
#define NONE        0xffffu

void shell_ps(struct shell *s)
{
    const uint32_t more = shell_name_columns(s) - 16u;
    struct row head;

    row_begin(&head);
    text_string(&head.t, "  # name");
    row_column(&head, 20u + more);
    text_string(&head.t, "process  pages   caps     calls  denied    run ms");
    row_end(s, &head);
    for (uint64_t i = 0; i < SHELL_PROCESSES; i++) {
        struct process_info info;
        struct row r;

        if (!shell_record(s, s->system, SYSTEM_PROCESS, (uint64_t[2]){i}, &info, sizeof info))
            continue;
        row_begin(&r);
        row_number(&r, i, 3);
        row_column(&r, 4);
        row_name(&r, info.name, 16u + more);
        row_number(&r, info.number, 27u + more);
        row_number(&r, info.pages, 34u + more);
        row_number(&r, info.caps, 41u + more);
        row_number(&r, info.calls, 51u + more);
        row_number(&r, info.denials, 59u + more);
        row_number(&r, info.run_ns / 1000000u, 69u + more);
        row_end(s, &r);
    }
}

static const char *interface_name(uint16_t interface)
{
    static const char *const names[CAP_IF_COUNT] = {
        [CAP_IF_DEVICE] = "device",
        [CAP_IF_DEVICE_MMIO] = "device-mmio",
        [CAP_IF_DEVICE_PORTS] = "device-ports",
        [CAP_IF_DMA_POOL] = "dma-pool",
        [CAP_IF_DMA_BUFFER] = "dma-buffer",
        [CAP_IF_DMA_QUEUE] = "dma-queue",
        [CAP_IF_INTERRUPT] = "interrupt",
        [CAP_IF_FUNCTIONS] = "functions",
        [CAP_IF_FUNCTION] = "function",
        [CAP_IF_MEMORY] = "memory",
        [CAP_IF_MEMORY_SOURCE] = "memory-source",
        [CAP_IF_ENDPOINT] = "endpoint",
        [CAP_IF_ENDPOINT_SOURCE] = "endpoint-source",
        [CAP_IF_TIMER] = "timer",
        [CAP_IF_PROCESS] = "process",
        [CAP_IF_SPAWNER] = "spawner",
        [CAP_IF_SERIAL] = "serial",
        [CAP_IF_AUDIT] = "audit",
        [CAP_IF_EVIDENCE] = "evidence",
        [CAP_IF_SYSTEM] = "system",
        [CAP_IF_ENTROPY] = "entropy",
        [CAP_IF_INVENTORY] = "inventory",
        [CAP_IF_AUDIT_NOTE] = "audit-note",
        [CAP_IF_POWER] = "power",
        [CAP_IF_NIC] = "nic",
        [CAP_IF_SUPERVISOR] = "supervisor",
        [CAP_IF_NIC_STATUS] = "nic-status",
        [CAP_IF_NETWORK_MANAGER] = "network-manager",
        [CAP_IF_TCP_LISTEN_AUTHORITY] = "tcp-listen-authority",
        [CAP_IF_TCP_LISTENER] = "tcp-listener",
        [CAP_IF_TCP_SOCKET] = "tcp-socket",
        [CAP_IF_UDP_SOCKET] = "udp-socket",
        [CAP_IF_LOGIN] = "login",
        [CAP_IF_TERMINALS] = "terminals",
        [CAP_IF_TERMINAL] = "terminal",
        [CAP_IF_TERMINAL_MAKER] = "terminal-maker",
        [CAP_IF_NETWORK_STATUS] = "network-status",
        [CAP_IF_TCP_CONNECT_AUTHORITY] = "tcp-connect-authority",
        [CAP_IF_SUPERVISOR_STATUS] = "supervisor-status",
        [CAP_IF_STARTER] = "starter",
        [CAP_IF_STREAM] = "stream",
    };

    return interface < CAP_IF_COUNT && names[interface] != NULL ? names[interface] : "unknown";
}

static void cap_row(struct shell *s, const struct cap_line *cap)
{
    struct row r;

    row_begin(&r);
    row_number(&r, cap->id.index, 5);
    row_number(&r, cap->id.generation, 12);
    row_column(&r, 14);
    text_string(&r.t, interface_name(cap->interface));
    row_number(&r, cap->payload, 40);
    if (cap->bdf != NONE) {
        row_column(&r, 42);
        text_bdf(&r.t, cap->bdf);
    }
    row_end(s, &r);
}

void shell_caps(struct shell *s)
{
    struct process_info info;
    uint64_t process = 0;

    if (!shell_number(s->word[1], &process) ||
        !shell_record(s, s->system, SYSTEM_PROCESS, (uint64_t[2]){process}, &info, sizeof info)) {
        shell_say(s, "no such process: caps takes a number of the first column of ps\n");
        return;
    }
    shell_say(s, " slot  lives  interface           object function\n");
    for (uint64_t slot = 1; slot < SLOTS_MAX; slot++) {
        struct cap_line cap;

        if (!shell_record(s, s->system, SYSTEM_CAP, (uint64_t[2]){process, slot}, &cap, sizeof cap))
            break;
        if (cap.interface != CAP_IF_NONE)
            cap_row(s, &cap);
    }
}

void shell_usage(struct shell *s)
{
    struct system_usage u;

    if (!shell_record(s, s->system, SYSTEM_USAGE, (uint64_t[2]){0}, &u, sizeof u))
        return;
    shell_pair(s, "processes", u.processes);
    shell_pair(s, "handles", u.caps);
    shell_pair(s, "pages of programs, used", u.pages_used);
    shell_pair(s, "pages of programs, free", u.pages_free);
    shell_pair(s, "DMA pages, used", u.dma_pages_used);
    shell_pair(s, "DMA pages, free", u.dma_pages_free);
    shell_pair(s, "devices claimed", u.devices_claimed);
    shell_pair(s, "devices in quarantine", u.devices_quarantined);
    shell_pair(s, "interrupts", u.interrupts);
    shell_pair(s, "denials", u.denials);
}

static const char *class_name(uint32_t class_code)
{
    static const struct {
        uint32_t class;
        const char *name;
    } names[] = {{0x0100, "SCSI controller"}, {0x0101, "IDE controller"}, {0x0106, "SATA controller"},
                 {0x0108, "NVMe controller"}, {0x0200, "network card"},   {0x0300, "display"},
                 {0x0600, "host bridge"},     {0x0601, "ISA bridge"},     {0x0604, "PCI bridge"},
                 {0x0680, "bridge"},          {0x0c05, "SMBus"}};

    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].class == class_code >> 8)
            return names[i].name;
    }
    return "";
}

void shell_devices(struct shell *s)
{
    const struct ring_completion count = shell_call(s, s->inventory, INVENTORY_COUNT, 0, 0);

    shell_say(s, "function vendor:device  class\n");
    for (uint64_t i = 0; ring_completed(&count) && i < count.value; i++) {
        struct pci_function_info info;
        struct row r;

        if (!shell_record(s, s->inventory, INVENTORY_INFO, (uint64_t[2]){i}, &info, sizeof info))
            continue;
        row_begin(&r);
        text_bdf(&r.t, info.bdf);
        row_column(&r, 9);
        text_hex(&r.t, info.vendor, 4);
        text_string(&r.t, ":");
        text_hex(&r.t, info.device, 4);
        row_column(&r, 24);
        text_hex(&r.t, info.class_code, 6);
        text_string(&r.t, " ");
        text_string(&r.t, class_name(info.class_code));
        row_end(s, &r);
    }
}

void shell_evidence(struct shell *s)
{
    uint64_t lines = 0;

    shell_say(s, "marker                        lines\n");
    for (uint64_t i = 0; i < MARKERS_MAX; i++) {
        struct evidence_count count;
        struct row r;

        if (!shell_record(s, s->system, SYSTEM_EVIDENCE, (uint64_t[2]){i}, &count, sizeof count))
            break;
        if (count.lines == 0)
            continue;
        lines += count.lines;
        row_begin(&r);
        row_name(&r, count.name, sizeof count.name);
        row_number(&r, count.lines, 35);
        row_end(s, &r);
    }
    shell_pair(s, "together", lines);
}

void shell_audit(struct shell *s)
{
    struct system_usage u;
    struct row r;

    if (!shell_record(s, s->system, SYSTEM_USAGE, (uint64_t[2]){0}, &u, sizeof u))
        return;
    shell_pair(s, "records", u.audit_records);
    shell_pair(s, "not yet drained", u.audit_waiting);
    row_begin(&r);
    text_string(&r.t, "chain head ");
    text_hex_bytes(&r.t, u.audit_head, sizeof u.audit_head);
    row_end(s, &r);
    shell_say(s, "auditd writes each record to the third serial port: audit.log of the run\n");
}
