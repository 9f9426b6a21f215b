/* SPDX-License-Identifier: BSD-2-Clause */
/* Offers of features and sizes of queues, each in a whole life. Three bits decide what the provider does;
 * every set of them is offered with every one and every two of the others, and with each bit that nobody
 * knows. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "provider/format/virtio_ids.h"
#include "tests/support/rig.h"

#define FRAMES 3u

static char scene_text[160];
#define CHECK(condition) cr_assert(condition, "%s: %s", scene_text, #condition)

static uint64_t taken_of(enum dm_transport transport, uint64_t offered)
{
    uint64_t taken = offered & (DM_NET_F_MAC | DM_NET_F_STATUS);
    if (transport == DM_MODERN)
        return taken | DM_F_VERSION_1;
    return taken | (offered & DM_F_ANY_LAYOUT);
}

static void offer(enum dm_transport transport, enum rig_author author, uint64_t offered)
{
    struct rig rig;
    struct rig_config config = rig_defaults(transport, author);
    config.world.nics[0].model.features = offered;
    snprintf(scene_text, sizeof scene_text, "%s, %s, offer %#llx",
             transport == DM_LEGACY ? "legacy" : "modern", author == RIG_DIRECT ? "direct" : "brokered",
             (unsigned long long)offered);
    rig_open(&rig, &config);
    CHECK(rig_attach(&rig) == PROVIDER_OK);
    bool runs = rig_start(&rig) == VNET_RUNNING;
    CHECK(runs == ((offered & DM_NET_F_MAC) != 0)); /* the one bit that we cannot do without */
    if (runs) {
        CHECK(dm_net_accepted(rig_net(&rig)) == taken_of(transport, offered));
        CHECK(rig.nic.header_bytes == (transport == DM_MODERN ? 12 : 10));
        CHECK(rig.nic.header_apart == (transport == DM_LEGACY && !(offered & DM_F_ANY_LAYOUT)));
        CHECK(rig_exchange(&rig, FRAMES) == FRAMES);
    }
    CHECK(rig_stop(&rig) == VNET_STOPPED);
    CHECK(rig.nic.error == (runs ? PROVIDER_OK : PROVIDER_E_FEATURES));
    CHECK(device_reply_ok(rig_take_back(&rig)));
    CHECK(rig_usage_restored(&rig));
    cr_assert(rig_complaints(&rig) == 0, "%s: %s", scene_text, rig_complaint(&rig));
    rig_close(&rig);
}

static const uint64_t deciding[] = {DM_NET_F_MAC, DM_NET_F_STATUS, DM_F_ANY_LAYOUT};
static const uint64_t others[] = {
    DM_NET_F_CSUM,    DM_NET_F_GUEST_CSUM, DM_NET_F_MTU,       DM_NET_F_MRG_RXBUF,
    DM_NET_F_CTRL_VQ, DM_NET_F_MQ,         DM_F_INDIRECT_DESC, DM_F_EVENT_IDX,
};
#define DECIDING (sizeof deciding / sizeof deciding[0])
#define OTHERS   (sizeof others / sizeof others[0])

static uint64_t deciding_set(unsigned set)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < DECIDING; i++)
        bits |= set >> i & 1u ? deciding[i] : 0;
    return bits;
}

static void offer_all(enum dm_transport transport)
{
    uint64_t every = 0;
    uint32_t lives = 0;
    for (unsigned i = 0; i < OTHERS; i++)
        every |= others[i];
    for (unsigned set = 0; set < 1u << DECIDING; set++) {
        uint64_t base = deciding_set(set);
        offer(transport, (enum rig_author)(lives++ & 1u), base);
        offer(transport, (enum rig_author)(lives++ & 1u), base | every);
        for (unsigned i = 0; i < OTHERS; i++)
            for (unsigned j = i; j < OTHERS; j++) /* one of them, then each two */
                offer(transport, (enum rig_author)(lives++ & 1u), base | others[i] | others[j]);
    }
    printf("%u offers\n", lives);
}

Test(conformance_lattice, every_offer_is_answered_with_its_own_subset_on_legacy)
{
    offer_all(DM_LEGACY);
}

Test(conformance_lattice, every_offer_is_answered_with_its_own_subset_on_modern)
{
    offer_all(DM_MODERN);
}

Test(conformance_lattice, each_unknown_bit_alone_changes_nothing)
{
    for (unsigned at = 0; at < 4; at++)
        for (unsigned bit = 0; bit < 64; bit++) {
            enum dm_transport transport = at & 1u ? DM_MODERN : DM_LEGACY;
            if (transport == DM_LEGACY && bit >= 32)
                continue;
            offer(transport, (enum rig_author)(at >> 1),
                  DM_NET_F_MAC | DM_NET_F_STATUS | DM_F_ANY_LAYOUT | 1ull << bit);
        }
}

struct size_case {
    uint16_t size;
    enum provider_error error;
};

static void offer_size(enum dm_transport transport, enum rig_author author, unsigned queue,
                       struct size_case c)
{
    struct rig rig;
    struct rig_config config = rig_defaults(transport, author);
    config.world.nics[0].model.queue_size[queue] = c.size;
    config.pool_pages = 400;
    snprintf(scene_text, sizeof scene_text, "%s, %s, queue %u of size %u",
             transport == DM_LEGACY ? "legacy" : "modern", author == RIG_DIRECT ? "direct" : "brokered",
             queue, c.size);
    rig_open(&rig, &config);
    CHECK(rig_attach(&rig) == PROVIDER_OK);
    CHECK((rig_start(&rig) == VNET_RUNNING) == (c.error == PROVIDER_OK));
    if (c.error == PROVIDER_OK) {
        CHECK((queue == 0 ? rig.nic.rx.size : rig.nic.tx.size) == c.size);
        CHECK(rig_exchange(&rig, 40) == 40);
    }
    CHECK(rig_stop(&rig) == VNET_STOPPED);
    CHECK(rig.nic.error == c.error);
    if (c.error == PROVIDER_E_QUEUE_SIZE)
        CHECK(rig.nic.rejected_queue_size == c.size); /* refused with the number */
    CHECK(device_reply_ok(rig_take_back(&rig)));
    CHECK(rig_usage_restored(&rig));
    cr_assert(rig_complaints(&rig) == 0, "%s: %s", scene_text, rig_complaint(&rig));
    rig_close(&rig);
}

Test(conformance_sizes, each_size_of_the_list_lives_or_is_refused_with_its_number)
{
    static const struct size_case cases[] = {
        {1, PROVIDER_OK},
        {2, PROVIDER_OK},
        {4, PROVIDER_OK},
        {256, PROVIDER_OK},
        {1024, PROVIDER_OK},
        {4096, PROVIDER_OK},
        {8192, PROVIDER_OK},
        {0, PROVIDER_E_QUEUE_ABSENT},
        {3, PROVIDER_E_QUEUE_SIZE},
        {255, PROVIDER_E_QUEUE_SIZE},
        {8191, PROVIDER_E_QUEUE_SIZE},
        {16384, PROVIDER_E_QUEUE_SIZE},
        {32768, PROVIDER_E_QUEUE_SIZE},
        {32769, PROVIDER_E_QUEUE_SIZE},
        {65535, PROVIDER_E_QUEUE_SIZE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned at = 0; at < 8; at++)
            offer_size(at & 1u ? DM_MODERN : DM_LEGACY, at & 2u ? RIG_DIRECT : RIG_BROKERED, at >> 2,
                       cases[i]);
}

/* 5.1.6.6: header and frame apart need two descriptors; a queue of one cannot hold them. */
Test(conformance_sizes, queue_of_one_is_too_small_where_the_header_stands_apart)
{
    for (unsigned author = 0; author < 2; author++)
        for (uint16_t size = 1; size <= 2; size++) {
            struct rig rig;
            struct rig_config config = rig_defaults(DM_LEGACY, (enum rig_author)author);
            struct dm_net_config *model = &config.world.nics[0].model;
            model->features &= ~DM_F_ANY_LAYOUT;
            model->queue_size[0] = size;
            model->queue_size[1] = size;
            snprintf(scene_text, sizeof scene_text, "author %u, size %u", author, size);
            rig_open(&rig, &config);
            CHECK(rig_attach(&rig) == PROVIDER_OK);
            CHECK((rig_start(&rig) == VNET_RUNNING) == (size == 2));
            if (size == 2)
                CHECK(rig_exchange(&rig, 20) == 20);
            CHECK(rig_stop(&rig) == VNET_STOPPED);
            CHECK(rig.nic.error == (size == 2 ? PROVIDER_OK : PROVIDER_E_QUEUE_SIZE));
            CHECK(device_reply_ok(rig_take_back(&rig)));
            CHECK(rig_usage_restored(&rig));
            CHECK(rig_complaints(&rig) == 0);
            rig_close(&rig);
        }
}
