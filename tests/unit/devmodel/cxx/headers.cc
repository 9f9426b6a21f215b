// SPDX-License-Identifier: BSD-2-Clause
// A C++ program over the public headers: compiles, links, and sees the ledger work.
#include "capos/devmodel.h"

int main()
{
    dm_memory_config config = {};
    config.bytes = 4 * DM_PAGE_BYTES;
    config.bus_base = 0x100000000ull;
    config.ledger = true;
    dm_memory *memory = dm_memory_create(&config);
    if (!memory)
        return 1;
    dm_memory_map(memory, 0x18, dm_addr{config.bus_base}, DM_PAGE_BYTES);
    bool exposed = dm_memory_expose(memory, 0x18, dm_addr{config.bus_base}, 64, DM_DEVICE_WRITABLE);
    bool written = dm_dma_write(memory, 0x18, dm_addr{config.bus_base}, "c++", 4);
    bool refused = !dm_dma_write(memory, 0x18, dm_addr{config.bus_base + 64}, "c++", 4);
    bool counted = dm_memory_violations(memory) == 1;
    dm_bus_config bus_config = {};
    bus_config.memory = memory;
    dm_bus *bus = dm_bus_create(&bus_config);
    dm_net_config net_config = dm_net_defaults(DM_MODERN);
    bool made = bus && dm_net_create(bus, &net_config) != nullptr;
    dm_bus_destroy(bus);
    dm_memory_destroy(memory);
    return exposed && written && refused && counted && made ? 0 : 1;
}
