/* SPDX-License-Identifier: BSD-2-Clause */
/* A world: memory, bus, NICs, what is behind them, the machine over them, and the run's choices. Everything
 * that a run consists of hangs from one struct; several worlds live side by side. Single thread, virtual
 * time. */
#ifndef CAPOS_SIM_WORLD_H
#define CAPOS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "capos/devmodel/client.h"
#include "capos/devmodel/net.h"
#include "capos/devmodel/nvme.h"
#include "capos/devmodel/scsi.h"
#include "platform/sim/platform_sim.h"
#include "sim/choose.h"
#include "sim/metadata.h"

#define SIM_NICS_MAX             4u
#define SIM_MEMORY_BYTES_DEFAULT (16u << 20)
#define SIM_BUS_BASE             0x100000000ull /* device addresses start here: never a host pointer */
#define SIM_STEPS_A_TURN         64u

enum sim_backend_kind {
    SIM_BACKEND_NONE = 0,
    SIM_BACKEND_LOOP,
    SIM_BACKEND_SCRIPT,
    SIM_BACKEND_SLIRP,
    SIM_BACKEND_VPC,
    SIM_BACKEND_GIVEN
};

struct sim_nic_config {
    struct dm_net_config model; /* backend and bdf are filled in by the world where 0 */
    enum sim_backend_kind backend;
    struct dm_backend *given; /* GIVEN: the caller's own; the world's from sim_world_open() on, even if that
                               * fails, and destroyed with it */
    const char *pcap; /* file for a tap, or NULL */
    const char *nonce; /* VPC: of the run, 32 hex digits, lent while the world is open */
    uint32_t forward_count; /* SLIRP, VPC: ports of the host that lead to the guest */
    const struct dm_forward *forwards; /* lent while the world opens */
    dm_client_fill client_fill; /* SCRIPT, VPC: a TCP client on the same wire, which sends this; NULL: none */
    void *client_ctx;
    uint32_t client_connections; /* that it may make, up to DM_CLIENT_CONNECTIONS; 0: 1 */
};

enum sim_disk_kind { SIM_DISK_NONE = 0, SIM_DISK_SCSI_LEGACY, SIM_DISK_SCSI_MODERN, SIM_DISK_NVME };

/* One disk on 00:03.0, where Compute Engine has it. */
struct sim_disk_config {
    enum sim_disk_kind kind;
    struct dm_scsi_config scsi; /* of a SCSI host: bdf, transport and medium are filled in by the world */
    struct dm_nvme_config nvme; /* of an NVMe controller: bdf and medium are */
    struct dm_medium medium; /* the caller's, outlives the world */
};

struct sim_world_config {
    uint64_t seed;
    enum sim_choose_mode mode;
    bool idle_turns; /* a turn may pass without the device doing anything: a choice */
    bool bridge_chipset; /* host bridge 00:00.0 and ISA bridge, as a PC has them */
    size_t memory_bytes; /* 0: SIM_MEMORY_BYTES_DEFAULT */
    struct dm_memory
        *memory; /* lent for many lives: reset here, stays the caller's; NULL: made and destroyed */
    size_t programs_bytes; /* memory of programs, whole pages; 0: none */
    bool ledger;
    bool traced;
    uint32_t nic_count;
    struct sim_nic_config nics[SIM_NICS_MAX];
    struct sim_disk_config disk;
    void *console_ctx;
    void (*console)(void *ctx, enum platform_console port, const char *text, size_t bytes);
    size_t (*console_read)(void *ctx, enum platform_console port, char *buffer,
                           size_t bytes); /* NULL: nobody types */
    int (*end_requested)(void *ctx);
    uint64_t (*host_ns)(void); /* a clock that never goes back: a turn then takes the time that it took; NULL:
                                  all turns take the same */
    void (*entropy)(void *buffer, size_t bytes); /* of a run with secrets that nobody is to foretell; NULL: of
                                                    the seed */
};

struct sim_world {
    struct sim_world_config config;
    struct dm_memory *memory;
    struct dm_bus *bus;
    struct dm_net *nets[SIM_NICS_MAX];
    struct dm_scsi *scsi; /* the disk, or NULL */
    struct dm_nvme *nvme; /* the same, of the other kind */
    struct dm_backend *backends[SIM_NICS_MAX];
    struct dm_web_page pages[SIM_METADATA_PAGES]; /* VPC: of the metadata server */
    struct dm_backend *client; /* of the first NIC that has one, or NULL */
    struct platform platform;
    uint64_t turned_ns; /* the host's time at the end of the last turn */
    struct sim_choices choices;
    struct sim_prng entropy; /* a second stream of the same seed, so that a replay keeps it */
};

/* A world with one NIC of this transport on 00:04.0, libslirp behind it, ledger, monitors and trace on. */
struct sim_world_config sim_world_defaults(enum dm_transport transport);
/* A disk of this kind, honest, with this medium. */
struct sim_disk_config sim_disk_defaults(enum sim_disk_kind kind, struct dm_medium medium);
/* NULL on success, else one line of constant text: what could not be had. On failure nothing is held.
 * `w` must not move while it is open. */
const char *sim_world_open(struct sim_world *w, const struct sim_world_config *config);
void sim_world_close(struct sim_world *w);
/* Ledger violations and broken rules, printed to `fd` when not -1. 0: the world saw nothing wrong. */
size_t sim_world_complaints(const struct sim_world *w, int fd);

#endif
