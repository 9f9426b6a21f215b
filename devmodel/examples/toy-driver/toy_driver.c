/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver and its test on one page: a legacy virtio-net driver (virtio 1.2, 3.1.2, 4.1.4.10) brings a device
 * model up, asks a scripted peer for its MAC address by ARP, and takes everything back.
 * docs/test-your-driver.md explains it. */
#include <capos/devmodel.h>

#include <stdio.h>
#include <string.h>

enum { BDF = 3 << 3, FEATURES = 0, DRIVER_FEATURES = 4, QUEUE_PFN = 8, QUEUE_SIZE = 12, QUEUE_SELECT = 14,
       QUEUE_NOTIFY = 16, STATUS = 18, CONFIG = 20, RX = 0, TX = 1, PAGE = 4096, RING_PAGES = 3, HEADER = 10,
       BUFFERS = 2 * RING_PAGES * PAGE, PAGES = 2 * RING_PAGES + 2 };
#define BUS 0x80000000ull /* device address of the first byte */

struct descriptor { uint64_t address; uint32_t length; uint16_t flags, next; };

struct toy { struct dm_memory *memory; struct dm_bus *bus; struct dm_net *net; uint16_t io; uint8_t mac[6]; };

static uint32_t get(struct toy *t, unsigned reg, uint8_t width)
{
    return dm_port_read(t->bus, (uint16_t)(t->io + reg), width);
}

static void put(struct toy *t, unsigned reg, uint8_t width, uint32_t value)
{
    dm_port_write(t->bus, (uint16_t)(t->io + reg), width, value);
}

static uint8_t *at(struct toy *t, uint32_t offset)
{
    return dm_memory_base(t->memory) + offset;
}

static int bring_up(struct toy *t)
{
    uint8_t again[6];
    t->io = (uint16_t)(dm_pci_read(t->bus, BDF, 0x10, 4) & ~3u);
    put(t, STATUS, 1, 0);                  /* reset first: firmware may have left anything */
    if (get(t, STATUS, 1) != 0)
        return 0;
    dm_pci_write(t->bus, BDF, 4, 2, 7);    /* ports, memory, bus mastering */
    put(t, STATUS, 1, 1);                  /* ACKNOWLEDGE */
    put(t, STATUS, 1, 3);                  /* DRIVER */
    put(t, DRIVER_FEATURES, 4, get(t, FEATURES, 4) & (DM_NET_F_MAC | DM_F_ANY_LAYOUT));
    do {                                   /* a legacy device may change it between two bytes (2.5.4) */
        for (unsigned i = 0; i < 12; i++)
            (i < 6 ? t->mac : again)[i % 6] = (uint8_t)get(t, CONFIG + i % 6, 1);
    } while (memcmp(t->mac, again, 6) != 0);
    for (unsigned q = RX; q <= TX; q++) {  /* descriptors, available ring and used ring in a page each */
        put(t, QUEUE_SELECT, 2, q);
        if (get(t, QUEUE_SIZE, 2) != 256)  /* the only size that this toy lays out */
            return 0;
        put(t, QUEUE_PFN, 4, (uint32_t)(BUS / PAGE) + q * RING_PAGES);
    }
    put(t, STATUS, 1, 7);                  /* DRIVER_OK */
    return 1;
}

static void offer(struct toy *t, unsigned queue, uint32_t bytes)
{
    uint8_t *ring = at(t, queue * RING_PAGES * PAGE);
    struct descriptor d = {BUS + BUFFERS + queue * PAGE, bytes, queue == RX ? 2 : 0, 0};
    uint16_t index = 1;                    /* one buffer a queue: entry 0 names descriptor 0 */
    memcpy(ring, &d, sizeof d);
    memcpy(ring + PAGE + 2, &index, sizeof index); /* on a machine: a barrier before, a full fence after */
    put(t, QUEUE_NOTIFY, 2, queue);
}

static void ask(struct toy *t)
{
    static const uint8_t head[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1}; /* ARP request */
    static const uint8_t from[] = {10, 0, 2, 15}, whom[] = {10, 0, 2, 2};
    uint8_t *frame = at(t, BUFFERS + TX * PAGE) + HEADER;
    memset(frame, 255, 6);
    memcpy(frame + 6, t->mac, 6);
    memcpy(frame + 12, head, sizeof head);
    memcpy(frame + 22, t->mac, 6);
    memcpy(frame + 28, from, 4);
    memcpy(frame + 38, whom, 4);
    offer(t, RX, PAGE);
    offer(t, TX, HEADER + 42);
}

static int answered(struct toy *t)
{
    const uint8_t *used = at(t, 2 * PAGE), *f = at(t, BUFFERS) + HEADER;
    for (uint64_t ms = 1; ms < 100 && used[2] == 0; ms++)
        dm_net_step(t->net, ms * 1000000, 16);
    if (used[2] == 0)
        return 0;
    printf("reply: %u.%u.%u.%u is at %02x:%02x:%02x:%02x:%02x:%02x, used_len=%u\n", f[28], f[29], f[30],
           f[31], f[22], f[23], f[24], f[25], f[26], f[27], used[8] | used[9] << 8);
    return 1;
}

int main(int count, char **words)
{
    struct dm_script_config peer = {{2, 0, 0, 0, 0, 1}, {10, 0, 2, 2}, {10, 0, 2, 15}};
    struct dm_net_config config = dm_net_defaults(DM_LEGACY);
    struct toy t = {.memory = dm_memory_create(&(struct dm_memory_config){PAGES * PAGE, BUS, true})};
    struct dm_backend *backend = dm_script_create(&peer);
    t.bus = dm_bus_create(&(struct dm_bus_config){.memory = t.memory});
    config.backend = backend;
    t.net = dm_net_create(t.bus, &config);
    dm_memory_map(t.memory, BDF, (dm_addr){BUS}, PAGES * PAGE);
    int forget = count > 1 && strcmp(words[1], "--forget-reset") == 0;
    int good = bring_up(&t);
    if (good)
        ask(&t);
    good = good && answered(&t);
    if (!forget)                           /* or the device still owns the rings when the memory goes */
        put(&t, STATUS, 1, 0);
    good = good && get(&t, STATUS, 1) == 0;
    dm_memory_unmap(t.memory, BDF, (dm_addr){BUS}, PAGES * PAGE);
    const struct dm_monitor *monitor = dm_net_monitor(t.net);
    if (monitor->broken_total)
        printf("broken rule: %s\n", monitor->first);
    fflush(stdout);
    if (dm_memory_violations(t.memory))
        dm_violation_print(dm_memory_violation(t.memory, 0), 1);
    good = good && dm_memory_violations(t.memory) == 0 && monitor->broken_total == 0;
    printf("%s\n", good ? "every rule kept" : "FAILED");
    dm_bus_destroy(t.bus);
    dm_backend_destroy(backend);
    dm_memory_destroy(t.memory);
    return good ? 0 : 1;
}
