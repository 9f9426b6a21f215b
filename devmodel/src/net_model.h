/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of a virtio device, shared by its files: registers, queues, monitors, hostile behaviours. Written
 * for the network device, whose fields it holds; a SCSI host is the same with another class (scsi.c). Private
 * to devmodel. */
#ifndef DM_NET_MODEL_H
#define DM_NET_MODEL_H

#include "bytes.h"
#include "capos/devmodel/net.h"
#include "virtio_queue.h"

#define DM_STATUS_ACKNOWLEDGE 0x01u
#define DM_STATUS_DRIVER      0x02u
#define DM_STATUS_DRIVER_OK   0x04u
#define DM_STATUS_FEATURES_OK 0x08u
#define DM_STATUS_NEEDS_RESET 0x40u
#define DM_STATUS_FAILED      0x80u

#define DM_RX   0u
#define DM_TX   1u
#define DM_CTRL 2u

#define DM_HEADER_SHORT     10u /* legacy without MRG_RXBUF (5.1.6.1) */
#define DM_HEADER_LONG      12u
#define DM_PACKET_BYTES_MIN 14u /* an Ethernet header */
#define DM_NET_CONFIG_BYTES 12u /* mac, status, max_virtqueue_pairs, mtu (5.1.4) */
#define DM_MODEL_BAR_IO     0u
#define DM_MODEL_BAR_MSIX   1u
#define DM_MODEL_BAR_MODERN 4u

/* Feature bits that only this room's checks name. */
#define DM_F_NOTIFY_ON_EMPTY (1ull << 24)
#define DM_F_UNUSED          (1ull << 30)

/* Bits that virtio 1.2 defines for all devices, bit 30 apart (6.3), and for a network device beside those. */
#define DM_COMMON_KNOWN_BITS                                                                                 \
    (1ull << 24 | DM_F_ANY_LAYOUT | DM_F_INDIRECT_DESC | DM_F_EVENT_IDX | 0x000001ff00000000ull)
#define DM_NET_KNOWN_BITS                                                                                    \
    (DM_COMMON_KNOWN_BITS | 0x0000000000ffffafull | 1ull << 6 | 1ull << 56 | 1ull << 57 |                    \
     0xf800000000000000ull)
/* What the models can do; a set beyond it is refused (2.2.2). */
#define DM_COMMON_SUPPORTED_BITS (DM_F_ANY_LAYOUT | DM_F_EVENT_IDX | DM_F_VERSION_1)
#define DM_NET_SUPPORTED_BITS                                                                                \
    (DM_COMMON_SUPPORTED_BITS | DM_NET_F_MTU | DM_NET_F_MAC | DM_NET_F_MRG_RXBUF | DM_NET_F_STATUS |         \
     DM_NET_F_CTRL_VQ | DM_NET_F_MQ | DM_NET_F_GUEST_CSUM)

/* What a monitor must remember of one life: from a reset to the next. */
struct dm_life {
    bool reset_written; /* since power-on */
    bool reset_unconfirmed; /* 0 was written, not yet read back */
    bool reset_itself; /* the device did, and the driver cannot know: no rule is judged */
    bool features_written;
    bool features_ok_read;
    bool features_ok_written;
    bool refusal_read; /* the driver saw FEATURES_OK clear */
    bool needs_reset_read;
    bool used_legacy, used_modern;
    bool generation_read; /* since the last reset */
    bool mac_after_generation; /* MAC read later than the last generation read */
    bool mac_unguarded; /* MAC read before any generation read */
    bool mac_judged; /* MAC_READ was judged at the first transmit */
    uint8_t mac_read; /* bit per byte */
    uint8_t mac_read_twice;
    uint32_t negotiations; /* FEATURES_OK writes since power-on */
};

/* Rings that firmware left running at the end of guest memory. */
struct dm_firmware {
    bool live;
    bool mapped;
    dm_addr at;
    uint32_t bytes;
    uint32_t avail_offset, used_offset;
    uint16_t recycled; /* used elements already re-armed */
};

/* Frames from dm_net_deliver, not yet in a receive buffer: length-prefixed records in a byte ring. */
struct dm_pending {
    uint8_t *bytes;
    uint32_t head, tail; /* offsets: [head, tail) is waiting */
};

/* What a device type does where types differ. */
struct dm_class {
    uint16_t type; /* 4.1.2: network 1, SCSI host 8 */
    uint16_t transitional; /* its transitional PCI device id */
    uint32_t class_code; /* of the function */
    uint64_t known, supported; /* feature bits that are defined for it, and that the model can do */
    uint16_t measured_queue; /* whose used lengths hostile behaviours change */
    uint32_t (*config_read)(struct dm_net *net, uint32_t offset, uint8_t width, bool legacy);
    void (*config_write)(struct dm_net *net, uint32_t offset, uint8_t width, uint32_t value, bool legacy);
    /* DRIVER_OK and bus mastering on: at most `budget` steps of the queues' work. */
    uint32_t (*work)(struct dm_net *net, uint32_t budget);
    void (*idle)(struct dm_net *net, uint32_t budget); /* not DRIVER_OK */
};
extern const struct dm_class dm_net_class;

struct dm_net {
    const struct dm_class *class;
    struct dm_bus *bus;
    struct dm_function *function;
    struct dm_memory *memory;
    struct dm_net_config config;
    bool ledger;
    bool removed;
    bool hostile_touched; /* somebody may have armed an attack */
    uint64_t now_ns;
    uint64_t offered, accepted; /* accepted: as written; binding from FEATURES_OK or DRIVER_OK */
    uint32_t device_feature_select, driver_feature_select;
    uint16_t queue_select, config_vector;
    bool config_vector_checked;
    uint8_t status, isr, generation;
    bool reset_pending; /* hostile: 0 was written and has no effect yet */
    uint64_t reset_reads_left;
    uint8_t header_bytes;
    bool receive_first; /* which side works first in this step */
    bool was_bus_master;
    struct dm_queue queues[DM_NET_QUEUES];
    struct dm_life life;
    struct dm_firmware firmware;
    struct dm_pending pending;
    uint8_t *frame; /* DM_FRAME_BYTES_MAX, for frames that lie in pieces */
    uint8_t mac_shown[6];
    dm_addr old_receive_buffer; /* hostile: where a late write goes after reset */
    bool late_write_due;
    uint8_t pci_cfg_at; /* offset of the PCI_CFG capability; 0: none */
    uint8_t caps_from, caps_to; /* configuration bytes of our virtio capabilities */
    struct dm_net_counts counts;
    struct dm_monitor monitor;
    struct dm_hostile hostile;
};

/* monitor.c: a rule was broken; counts it and keeps the first text. */
void dm_rule_broken(struct dm_net *net, enum dm_rule rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define dm_check(net, rule, condition, ...)                                                                  \
    do {                                                                                                     \
        if ((net)->monitor.enabled && !(net)->life.reset_itself) {                                           \
            (net)->monitor.exercised[rule]++;                                                                \
            if (!(condition))                                                                                \
                dm_rule_broken((net), (rule), __VA_ARGS__);                                                  \
        }                                                                                                    \
    } while (0)

/* hostile.c: one opportunity for an attack, of whatever list, or of the ring's; true when it fires. */
bool dm_arm_fires(struct dm_attack_arm *arm);
bool dm_hostile_fires(struct dm_hostile *h, enum dm_attack attack);
static inline bool dm_attacks(struct dm_net *net, enum dm_attack attack)
{
    return net->hostile_touched && dm_hostile_fires(&net->hostile, attack);
}
static inline uint64_t dm_attack_value(const struct dm_net *net, enum dm_attack attack)
{
    return net->hostile.arms[attack].value;
}

/* virtio_status.c: what both transports share. */
void dm_status_write(struct dm_net *net, uint8_t value, bool legacy);
uint8_t dm_status_read(struct dm_net *net, bool legacy);
uint8_t dm_isr_read(struct dm_net *net);
uint16_t dm_vector_accept(const struct dm_net *net, uint16_t wanted);
void dm_notified(struct dm_net *net, uint32_t index, uint8_t width, uint16_t by_address);
void dm_device_needs_reset(struct dm_net *net);
void dm_device_resets_itself(struct dm_net *net);
void dm_config_changed(struct dm_net *net);
void dm_interrupt(struct dm_net *net, uint16_t vector, uint8_t isr_bit);
/* True for any register write that re-initialises: broken while a reset is not confirmed or after FAILED. */
void dm_check_write(struct dm_net *net, const char *what);
static inline bool dm_running(const struct dm_net *net)
{
    return (net->status & (DM_STATUS_DRIVER_OK | DM_STATUS_NEEDS_RESET | DM_STATUS_FAILED)) ==
           DM_STATUS_DRIVER_OK;
}
static inline bool dm_negotiated(const struct dm_net *net, uint64_t bit)
{
    return (net->accepted & bit) != 0;
}

/* virtio_features.c */
uint64_t dm_features_shown(struct dm_net *net, bool legacy);
void dm_features_written(struct dm_net *net, bool high, uint32_t value, bool legacy);
/* Judges the accepted set; true when the device can work with it. */
bool dm_features_judge(struct dm_net *net, bool legacy);

/* net_config.c: the device configuration structure (5.1.4). */
uint32_t dm_net_config_read(struct dm_net *net, uint32_t offset, uint8_t width, bool legacy);
void dm_net_config_write(struct dm_net *net, uint32_t offset, uint8_t width, uint32_t value, bool legacy);
uint8_t dm_generation_read(struct dm_net *net);

/* net.c: a virtio device of `bytes` that starts with struct dm_net, attached to the bus. NULL: the slot is
 * taken, more vectors than there may be, no memory. Freed with the bus. */
struct dm_net *dm_virtio_create(struct dm_bus *bus, const struct dm_class *class,
                                const struct dm_net_config *config, size_t bytes);

/* virtio_legacy.c, virtio_modern.c, virtio_caps.c */
uint32_t dm_legacy_read(struct dm_net *net, uint32_t offset, uint8_t width);
void dm_legacy_write(struct dm_net *net, uint32_t offset, uint8_t width, uint32_t value);
uint32_t dm_modern_read(struct dm_net *net, uint32_t offset, uint8_t width);
void dm_modern_write(struct dm_net *net, uint32_t offset, uint8_t width, uint32_t value);
void dm_caps_add(struct dm_net *net);
void dm_caps_written(struct dm_net *net, uint16_t offset, uint8_t width);
void dm_caps_reading(struct dm_net *net, uint16_t offset, uint8_t width);

/* net_tx.c, net_rx.c: at most `budget` frames; the queue is live and bus mastering on. Return frames done. */
uint32_t dm_net_transmit(struct dm_net *net, uint32_t budget);
uint32_t dm_net_control(struct dm_net *net, uint32_t budget);
uint32_t dm_net_receive(struct dm_net *net, uint32_t budget);
/* Takes frames from the wire and drops them: nobody listens. */
void dm_net_drop_wire(struct dm_net *net, uint32_t budget);
/* One frame into armed buffers. False: none fits. Not visible before dm_queue_publish. */
bool dm_net_place(struct dm_net *net, const uint8_t *frame, size_t bytes);

/* firmware.c */
bool dm_firmware_start(struct dm_net *net);
void dm_firmware_recycle(struct dm_net *net);
/* Its pages are unmapped: after a reset, or when the machine took bus mastering away and with it all memory.
 */
void dm_firmware_unmap(struct dm_net *net);

/* lies.c: hostile behaviours that need more than a changed value. */
struct dm_lie {
    uint32_t id, length;
    bool lost; /* the real chain is never completed */
    bool late; /* the element is written after the index */
    bool twice;
};
void dm_lie_element(struct dm_net *net, struct dm_queue *q, struct dm_lie *lie);
void dm_lie_index(struct dm_net *net, struct dm_queue *q);
void dm_lie_fetched(struct dm_net *net, struct dm_queue *q, uint16_t head);
void dm_lie_header(struct dm_net *net, uint8_t *header, uint32_t header_bytes);
void dm_lie_step(struct dm_net *net);
void dm_lie_queue_enabled(struct dm_net *net, struct dm_queue *q);
void dm_lie_flood(struct dm_net *net);

#endif
