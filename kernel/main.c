/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's boot order on one page: landmark, parameters, package, evidence, scan, programs, the end.
 * Whatever fails, the way out is the same: every process is ended, every device taken back, the log closed.
 */
#include "kernel/main.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/markers.h"
#include "evidence/text.h"
#include "kernel/run_block.h"

#define LANDMARK       "capos kernel starting"
#define STATUS_HOLDS   0
#define STATUS_FAILED  1
#define STATUS_REFUSED 4

/* What this run does not try, by name: a reader need not guess. */
struct item {
    const char *name;
    uint32_t marker; /* tried where it was emitted, and in a proof whose package grants this marker to a
                        service; ITEM_NEVER: by no run of this kernel; ITEM_VECTORS: in a proof with a NIC
                        that has MSI-X */
};
#define SECOND_NS    1000000000ull
#define ITEM_NEVER   UINT32_MAX
#define ITEM_VECTORS (UINT32_MAX - 1u)
#define ITEMS_BYTES  160u

static const struct item items[] = {
    {"interrupt-delivery", ITEM_VECTORS},
    {"device-autonomous-raise", ITEM_VECTORS},
    {"iommu", ITEM_NEVER},
    {"storage", EVIDENCE_STORAGE_BOUND},
    {"storage-package", EVIDENCE_STORAGE_PACKAGE},
    {"dhcp", EVIDENCE_DHCP_LEASE},
    {"metadata", EVIDENCE_METADATA_NONCE},
    {"l4", EVIDENCE_L4_ROUND_TRIP},
    {"web", EVIDENCE_WEB_UI_L4},
    {"access-path", EVIDENCE_ACCESS_PATH},
    {"process-isolation", ITEM_NEVER},
    {"smp", ITEM_NEVER},
    {"gvnic", ITEM_NEVER},
};

static void line(struct console *c, const char *text)
{
    size_t bytes = 0;
    while (text[bytes] != 0)
        bytes++;
    console_line(c, text, bytes);
}

/* What firmware wrote on the evidence port ends here: OVMF writes on both. */
static void begin_evidence_port(struct platform *p)
{
    static const char text[] = "\n" LANDMARK "\n";
    platform_console_write(p, CONSOLE_EVIDENCE, text, sizeof text - 1u);
}

static bool claim_failed(struct kernel_storage *k, const char *claim)
{
    char buffer[160];
    struct text t = text_over(buffer, sizeof buffer);

    text_string(&t, "claim failed: ");
    text_string(&t, claim);
    console_line(&k->console, t.at, t.used);
    return false;
}

static int refuse_parameters(struct console *c, struct boot_parse parse)
{
    char buffer[96];
    struct text t = text_over(buffer, sizeof buffer);
    text_string(&t, "boot parameters refused: ");
    text_string(&t, boot_error_name(parse.error));
    text_string(&t, " at byte ");
    text_u64(&t, parse.at);
    console_line(c, t.at, t.used);
    return STATUS_REFUSED;
}

static int refuse_run_block(struct console *c, const char *why)
{
    char buffer[96];
    struct text t = text_over(buffer, sizeof buffer);
    text_string(&t, "boot parameters refused: run block: ");
    text_string(&t, why);
    console_line(c, t.at, t.used);
    return STATUS_REFUSED;
}

static int refuse_package(struct console *c, enum package_error error, struct package_place at)
{
    char buffer[96];
    struct text t = text_over(buffer, sizeof buffer);
    text_string(&t, "boot package refused: ");
    text_string(&t, package_error_name(error));
    text_string(&t, " at ");
    text_string(&t, package_list_name((enum package_list)at.list));
    text_string(&t, " ");
    text_u64(&t, at.entry);
    console_line(c, t.at, t.used);
    return STATUS_REFUSED;
}

static void emit_platform(struct kernel_storage *k, const struct kernel_boot *boot)
{
    uint64_t bytes = platform_memory_bytes(boot->platform);
    const struct evidence_platform facts = {
        .name = platform_name(boot->platform),
        .memory_bytes = bytes,
        .pages = bytes / DMA_PAGE_BYTES,
        .commit = k->params.commit,
    };
    evidence_emit_platform(&k->evidence, &facts);
}

/* The programs of the package, until somebody asks for the end or a proof is over. */
static bool run_programs(struct kernel_storage *k, const struct kernel_boot *boot)
{
    const struct userland_setup setup = {
        .kernel = &k->kernel,
        .platform = boot->platform,
        .evidence = &k->evidence,
        .console = &k->console,
        .processor = boot->processor,
        .package = &k->package,
        .params = &k->params,
    };
    const char *failed = userland_run(&k->userland, &setup);

    k->reboot = k->userland.calls.power == CALLS_POWER_REBOOT;
    k->asked = k->userland.calls.asked;
    return failed == NULL || claim_failed(k, failed);
}

/* What the service drives is there. */
static bool has_device(const struct kernel_storage *k, uint32_t service)
{
    for (uint32_t g = 0; g < k->package.services[service].grant_count; g++) {
        for (uint16_t i = 0; i < kernel_function_count(&k->kernel); i++) {
            if (package_grant_fits(package_grant(&k->package, service, g),
                                   kernel_function_info(&k->kernel, i)))
                return true;
        }
    }
    return false;
}

/* A proof starts it. */
static bool proves(const struct kernel_storage *k, const struct package_service *s)
{
    return s->when != WHEN_SERVE && (s->when != WHEN_SERVE_PROBE || k->params.probe[0] != 0);
}

/* A service of this run may ask for the marker; of a disk's, one that has a disk. */
static bool granted(const struct kernel_storage *k, uint32_t marker)
{
    const struct package *p = &k->package;

    for (uint32_t i = 0; i < p->header->services; i++) {
        const struct package_service *s = &p->services[i];

        for (uint32_t g = 0; i != p->init && proves(k, s) && g < s->grant_count; g++) {
            if ((package_grant(p, i, g)->markers >> marker & 1u) != 0 &&
                (marker != EVIDENCE_STORAGE_BOUND || has_device(k, i)))
                return true;
        }
    }
    return false;
}

/* What a run was, as far as it decides what was not attempted in it. */
struct ran {
    bool packaged; /* with a boot package */
    bool vectors; /* over a card that has some */
    bool held; /* nothing that was claimed failed */
};

static bool tried(const struct kernel_storage *k, const struct item *item, const struct ran *ran)
{
    if (item->marker < EVIDENCE_MARKERS_MAX &&
        (k->evidence.lines[item->marker] != 0 || (k->asked >> item->marker & 1u) != 0))
        return true;
    if (k->params.mode != BOOT_MODE_PROOF || item->marker == ITEM_NEVER)
        return false;
    /* The disk has none, which fails nothing; or it could not be read: then the log is short of it. */
    if (item->marker == EVIDENCE_STORAGE_PACKAGE)
        return ran->packaged && !ran->held && granted(k, EVIDENCE_STORAGE_BOUND);
    if (item->marker == EVIDENCE_METADATA_NONCE &&
        (k->params.network != BOOT_NETWORK_VPC || k->params.nonce[0] == 0))
        return false;
    return item->marker == ITEM_VECTORS ? ran->vectors : ran->packaged && granted(k, item->marker);
}

static void emit_end(struct kernel_storage *k, const struct ran *ran)
{
    calls_audit_rest(&k->kernel, k->console.platform); /* it is what the line below says */
    char head[2 * DIGEST_BYTES + 1];
    struct text t = text_over(head, sizeof head - 1);
    text_hex_bytes(&t, kernel_audit_head(&k->kernel), DIGEST_BYTES);
    head[t.used] = 0;
    const struct evidence_audit audit = {.records = kernel_audit_count(&k->kernel), .head = head};
    char list[ITEMS_BYTES];
    t = text_over(list, sizeof list - 1);
    for (uint32_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        if (tried(k, &items[i], ran))
            continue;
        text_string(&t, t.used == 0 ? "" : "+");
        text_string(&t, items[i].name);
    }
    ASSERT(!t.overflow);
    list[t.used] = 0;
    const struct evidence_not_attempted not_attempted = {.items = list};
    evidence_emit_audit(&k->evidence, &audit);
    evidence_emit_not_attempted(&k->evidence, &not_attempted);
    evidence_end(&k->evidence);
}

/* A cloud may give no output of a machine that is off: whoever fetches it has this long after the last line.
 */
static void hold(const struct kernel_storage *k, struct platform *platform)
{
    const uint64_t until_ns = platform_now_ns(platform) + (uint64_t)k->params.hold_s * SECOND_NS;

    while (platform_now_ns(platform) < until_ns && !platform_end_requested(platform))
        platform_relax(platform);
}

static int run(struct kernel_storage *k, const struct kernel_boot *boot)
{
    bool holds;

    evidence_begin(&k->evidence, &k->console, k->params.chain_key, k->params.boot);
    emit_platform(k, boot);
    kernel_init(&k->kernel, boot->platform);
    kernel_scan(&k->kernel);
    const struct kernel_nics nics = kernel_inventory(k);
    if (boot->package == NULL)
        holds = claim_failed(k, "there is no boot package");
    else
        holds = run_programs(k, boot);
    emit_end(k, &(struct ran){boot->package != NULL, nics.first_has_vectors, holds});
    hold(k, boot->platform);
    return holds ? STATUS_HOLDS : STATUS_FAILED;
}

int kernel_main(struct kernel_storage *k, const struct kernel_boot *boot)
{
    ASSERT(k != NULL);
    ASSERT(boot->platform != NULL);
    ASSERT(boot->package == NULL || boot->processor != NULL);
    k->reboot = false;
    console_init(&k->console, boot->platform);
    k->console.mid_line = boot->line_open;
    line(&k->console, LANDMARK);
    if (boot->line_open)
        begin_evidence_port(boot->platform);
    struct run_block_text text = {NULL, 0};
    enum run_block_error block = RUN_BLOCK_OK;
    if (boot->run_block != NULL)
        block = run_block_read(boot->run_block, &text);
    if (block != RUN_BLOCK_OK)
        return refuse_run_block(&k->console, run_block_error_name(block));
    if (text.bytes == 0)
        text = (struct run_block_text){boot->command_line, boot->command_line_bytes};
    else if (boot->command_line_bytes != 0) /* which of the two was meant, nobody can say */
        return refuse_run_block(&k->console, "the loader has a boot line as well");
    struct boot_parse parse = boot_params_parse(text.at, text.bytes, &k->params);
    if (parse.error != BOOT_OK)
        return refuse_parameters(&k->console, parse);
    struct package_place place = {0, 0};
    enum package_error refused = PACKAGE_OK;
    if (boot->package != NULL)
        refused = package_check(boot->package, boot->package_bytes, &k->package, &place);
    if (refused != PACKAGE_OK)
        return refuse_package(&k->console, refused, place);
    return run(k, boot);
}
