/* SPDX-License-Identifier: BSD-2-Clause */
#include "user/diskd/diskd.h"

static struct diskd diskd;

/* Down whatever was before: the kernel would do it too, but then nobody tried the old handles. What a disk
 * whose block was read leaves behind is said, also when its package did not hold. */
static bool down(struct diskd *d, bool read)
{
    const struct device_authority *a = &d->authority;
    struct stale_result stale;
    struct text t = prove_words(&d->prove);

    if (cap_is_none(d->device))
        return false; /* it was never up */
    const bool stopped = diskd_stop(d);
    if (!device_reply_ok(a->ops->release(a->ctx, d->device)))
        return prove_fail(&d->prove, "the device could not be released");
    if (!stopped || !prove_stale(&d->prove, &d->handles, &stale) || !read)
        return false;
    prove_u64(&t, "leftover", d->leftover);
    prove_u64(&t, "stale_tried", stale.tried);
    return prove_emit(&d->prove, EVIDENCE_STORAGE_TEARDOWN, &t);
}

uint32_t program_main(struct rt *rt)
{
    struct diskd *d = &diskd;
    const cap_id function = diskd_function(rt);

    if (!rt_parameter_is(rt, "mode", "proof")) { /* an operator asked; the markers have their place */
        (void)rt_print(rt, "diskd: it reads in a proof alone\n");
        return 0;
    }
    if (cap_is_none(function)) {
        (void)rt_print(rt, "diskd: this machine has no disk for it\n");
        return 0;
    }
    if (!prove_init(&d->prove, rt, "diskd: ") || !diskd_prepare(d, function))
        return DISKD_EXIT_GRANT;
    if (!diskd_prove_bind(d))
        return DISKD_EXIT_PROOF;
    const bool read = diskd_claim(d) && diskd_start(d) && diskd_prove_read(d);
    const bool holds = read && diskd_prove_package(d);
    return down(d, read) && holds ? 0 : DISKD_EXIT_PROOF;
}
