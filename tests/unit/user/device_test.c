/* SPDX-License-Identifier: BSD-2-Clause */
/* Device operations, grants, parameters, memory and text of the runtime: what reaches the kernel for each,
 * and what becomes of what it answers. */
#include <criterion/criterion.h>
#include <string.h>

#include "abi/methods.h"
#include "user/rt/device.h"

#define OBJECT   ((cap_id){30, 1})
#define FUNCTION ((cap_id){40, 1})
#define DEVICE   ((cap_id){41, 7})

static struct {
    struct ring_page page;
    struct startup_page start;
    uint32_t taken;
    uint8_t object[2u * RING_PAGE_BYTES];
    uint32_t object_bytes;
    struct ring_submission last; /* the last but those for memory */
    struct ring_completion answer; /* to it, and to those that follow */
    struct ring_submission all[16];
    struct ring_completion answers[16]; /* by call; `answer` behind */
    uint32_t scripted, calls;
    char text[20000];
    uint32_t text_bytes, serial_takes; /* bytes a call; 0: all */
    bool no_map, no_memory;
} kernel;

static struct rt rt;
static struct rt_device device;

static struct ring_completion serve_memory(const struct ring_submission *s)
{
    struct ring_completion c = {0};

    if (cap_same(s->cap, OBJECT) && s->opcode == RING_CALL && s->method == MEMORY_MAP) {
        c.value = (uint64_t)(uintptr_t)kernel.object;
        c.result = kernel.no_map ? SYS_E_NO_MEMORY : SYS_OK;
    } else if (!cap_same(s->cap, OBJECT)) {
        cr_assert_eq(s->method, MEMORY_CREATE);
        kernel.object_bytes = (uint32_t)s->args[0];
        cr_assert_leq(kernel.object_bytes, sizeof kernel.object);
        c.cap = OBJECT;
        c.exception = kernel.no_memory ? CAP_EX_BUDGET : CAP_EX_NONE;
    } else {
        kernel.object_bytes = 0; /* unmapped, released */
    }
    return c;
}

static struct ring_completion serve_text(const struct ring_submission *s)
{
    uint32_t bytes = s->length;

    cr_assert(s->method == SERIAL_WRITE && s->flags == RING_EXTRA_RANGE && cap_same(s->extra, OBJECT));
    if (kernel.serial_takes && kernel.serial_takes < bytes)
        bytes = kernel.serial_takes;
    memcpy(kernel.text + kernel.text_bytes, kernel.object + s->offset, bytes);
    kernel.text_bytes += bytes;
    return (struct ring_completion){.value = bytes};
}

static uint32_t enter(uint32_t min_complete, uint64_t timeout_ns)
{
    struct ring_header *h = &kernel.page.header;

    (void)min_complete, (void)timeout_ns;
    for (; kernel.taken != h->submit_tail; kernel.taken++) {
        const struct ring_submission s = kernel.page.submissions[kernel.taken % RING_SUBMISSIONS];
        struct ring_completion c;

        if (cap_same(s.cap, OBJECT) || cap_same(s.cap, (cap_id){2, 1})) {
            c = serve_memory(&s);
        } else if (cap_same(s.cap, (cap_id){1, 1})) {
            c = serve_text(&s);
        } else {
            c = kernel.calls < kernel.scripted ? kernel.answers[kernel.calls] : kernel.answer;
            kernel.all[kernel.calls++ % 16u] = kernel.last = s;
        }
        c.user = s.user;
        kernel.page.completions[h->complete_tail++ % RING_COMPLETIONS] = c;
    }
    h->submit_head = kernel.taken;
    return RING_ENTERED;
}

static void grant(const char *name, cap_id cap, uint16_t interface)
{
    struct startup_grant *g = &kernel.start.grants[kernel.start.grant_count++];

    strcpy(g->name, name);
    g->cap = cap;
    g->interface = interface;
}

static void open_rt(void)
{
    memset(&kernel, 0, sizeof kernel);
    kernel.start.magic = STARTUP_MAGIC;
    grant("console", (cap_id){1, 1}, CAP_IF_SERIAL);
    grant("memory", (cap_id){2, 1}, CAP_IF_MEMORY_SOURCE);
    grant("nic", FUNCTION, CAP_IF_FUNCTION);
    grant("other", (cap_id){3, 1}, CAP_IF_SERIAL);
    rt = (struct rt){.start = &kernel.start, .console = (cap_id){1, 1}};
    ring_client_init(&rt.ring, &kernel.page, enter);
}

static const struct device_authority_ops *open_device(void)
{
    open_rt();
    cr_assert(rt_device_init(&device, &rt, FUNCTION));
    cr_assert_eq(kernel.object_bytes, sizeof kernel.object);
    return rt_device_authority(&device).ops;
}

/* What the kernel was asked last. */
static void asked(cap_id cap, uint16_t method, uint64_t first, uint64_t second, uint32_t range)
{
    const struct ring_submission *s = &kernel.last;

    cr_assert_eq(s->opcode, RING_CALL);
    cr_assert(cap_same(s->cap, cap));
    cr_assert_eq(s->method, method);
    cr_assert_eq(s->args[0], first);
    cr_assert_eq(s->args[1], second);
    cr_assert_eq(s->args[2], 0);
    cr_assert_eq(s->length, range);
    cr_assert_eq(s->flags, range ? RING_EXTRA_RANGE : 0);
    cr_assert(cap_same(s->extra, range ? OBJECT : CAP_NONE));
}

Test(rt_device, each_operation_is_one_call)
{
    const struct device_authority_ops *ops = open_device();
    const cap_id cap = {9, 4};

    kernel.answer = (struct ring_completion){.value = 0x1234, .cap = {50, 2}};
    struct device_reply r = ops->claim(&device, 0x20);
    asked(FUNCTION, FUNCTION_CLAIM, 0, 0, 0);
    cr_assert(device_reply_ok(r) && r.value == 0x1234 && cap_same(r.cap, (cap_id){50, 2}));
    ops->reg_read(&device, cap, 7, 3);
    asked(cap, REGISTERS_READ, 7 | 3 << 16, 0, 0);
    ops->reg_write(&device, cap, 7, 3, 0xffffffff);
    asked(cap, REGISTERS_WRITE, 7 | 3 << 16, 0xffffffff, 0);
    ops->reg_write_address(&device, cap, 5, (cap_id){6, 8});
    asked(cap, REGISTERS_WRITE_ADDRESS, 5, 6 | 8ull << 32, 0);
    ops->enable_dma(&device, cap);
    asked(cap, DEVICE_ENABLE_DMA, 0, 0, 0);
    ops->pool_create(&device, cap, 77);
    asked(cap, DEVICE_POOL_CREATE, 77, 0, 0);
    ops->buffer_create(&device, cap, 4096, DMA_FROM_DEVICE);
    asked(cap, POOL_BUFFER_CREATE, 4096, DMA_FROM_DEVICE, 0);
    ops->buffer_map(&device, cap);
    asked(cap, BUFFER_MAP, 0, 0, 0);
    ops->buffer_destroy(&device, cap);
    asked(cap, BUFFER_DESTROY, 0, 0, 0);
    ops->reap(&device, cap);
    asked(cap, QUEUE_REAP, 0, 0, 0);
    ops->queue_destroy(&device, cap);
    asked(cap, QUEUE_DESTROY, 0, 0, 0);
    ops->interrupt_create(&device, cap, 2);
    asked(cap, DEVICE_INTERRUPT_CREATE, 2, 0, 0);
    ops->interrupt_wait(&device, cap);
    asked(cap, INTERRUPT_POLL, 0, 0, 0);
    ops->interrupt_ack(&device, cap);
    asked(cap, INTERRUPT_ACK, 0, 0, 0);
    ops->interrupt_mask(&device, cap, true);
    asked(cap, INTERRUPT_MASK, 1, 0, 0);
    ops->release(&device, cap);
    cr_assert(kernel.last.opcode == RING_RELEASE && cap_same(kernel.last.cap, cap));
    cr_assert_eq(kernel.calls, 16);
    cr_assert_eq(device.refused, 0);
}

Test(rt_device, every_operation_is_there)
{
    const struct device_authority_ops *ops = open_device();

    for (size_t i = 0; i < sizeof *ops / sizeof(void (*)(void)); i++)
        cr_assert_not_null(((void *const *)ops)[i]);
}

Test(rt_device, the_scan_record_is_copied_out)
{
    const struct device_authority_ops *ops = open_device();
    struct pci_function_info info;

    memset(kernel.object, 0x42, sizeof info);
    cr_assert(device_reply_ok(ops->info(&device, DEVICE, &info)));
    asked(DEVICE, DEVICE_INFO, 0, 0, sizeof info);
    cr_assert_eq(memcmp(&info, kernel.object, sizeof info), 0);
    kernel.answer.exception = CAP_EX_STALE;
    kernel.object[0] = 0;
    cr_assert_eq(ops->info(&device, DEVICE, &info).exception, CAP_EX_STALE);
    cr_assert_eq(((uint8_t *)&info)[0], 0x42, "written on a refusal");
}

Test(rt_device, windows_go_along_and_tables_by_number)
{
    static const struct reg_table named = {.section_count = 3};
    static const struct reg_table empty = {.section_count = 0};
    static const struct reg_table unnamed = {.section_count = 3};
    const struct reg_window windows[3] = {{.bar = 1, .length = 2}, {.bar = 3}, {.bar = 4, .offset = 5}};
    const struct device_authority_ops *ops = open_device();

    rt_device_table(&device, &empty, 3);
    rt_device_table(&device, &named, 12);
    cr_assert(device_reply_ok(ops->open_registers(&device, DEVICE, &named, windows)));
    asked(DEVICE, DEVICE_OPEN_REGISTERS, 12, 0, sizeof windows);
    cr_assert_eq(memcmp(kernel.object, windows, sizeof windows), 0);
    cr_assert(device_reply_ok(ops->open_registers(&device, DEVICE, &empty, NULL)));
    asked(DEVICE, DEVICE_OPEN_REGISTERS, 3, 0, 0);
    const uint32_t calls = kernel.calls;
    cr_assert_eq(ops->open_registers(&device, DEVICE, &unnamed, windows).error, DEV_E_TABLE);
    cr_assert_eq(kernel.calls, calls);
}

Test(rt_device, a_queue_is_made_and_seen)
{
    const struct device_authority_ops *ops = open_device();
    const cap_id pool = {9, 1};
    const cap_id registers = {10, 3};
    struct dma_queue_view view;

    kernel.scripted = 2;
    kernel.answers[0].cap = (cap_id){60, 1};
    kernel.answers[1].value = 0x7000;
    const struct device_reply r = ops->queue_create(&device, pool, registers, 1, 256, 4, 1, &view);
    cr_assert(device_reply_ok(r) && cap_same(r.cap, (cap_id){60, 1}));
    cr_assert_eq((uintptr_t)view.device_area, 0x7000);
    cr_assert_null(view.driver_area);
    cr_assert_eq(view.size, 256);
    cr_assert_eq(kernel.all[0].args[0], 10 | 3ull << 32);
    cr_assert_eq(kernel.all[0].args[1], 1 | 256ull << 16 | 4ull << 32 | 1ull << 48);
    cr_assert(kernel.all[1].method == QUEUE_VIEW && cap_same(kernel.all[1].cap, (cap_id){60, 1}));
}

Test(rt_device, a_queue_that_cannot_be_seen_goes_back)
{
    const struct device_authority_ops *ops = open_device();
    struct dma_queue_view view = {.size = 5};

    kernel.scripted = 2;
    kernel.answers[0].cap = (cap_id){60, 1};
    kernel.answers[1].result = DEV_E_NO_MEMORY;
    const struct device_reply r = ops->queue_create(&device, DEVICE, DEVICE, 0, 16, 0, 0, &view);
    cr_assert_eq(r.error, DEV_E_NO_MEMORY);
    cr_assert(kernel.calls == 3 && kernel.last.method == QUEUE_DESTROY);
    cr_assert(cap_same(kernel.last.cap, (cap_id){60, 1}));
    cr_assert_eq(view.size, 5);
    kernel.scripted = 4;
    kernel.answers[3].exception = CAP_EX_BUDGET;
    cr_assert_eq(ops->queue_create(&device, DEVICE, DEVICE, 0, 16, 0, 0, &view).exception, CAP_EX_BUDGET);
    cr_assert_eq(kernel.calls, 4);
}

Test(rt_device, a_batch_is_copied_and_bounded)
{
    static struct dma_publication batch[DMA_BATCH_MAX];
    const struct device_authority_ops *ops = open_device();

    memset(batch, 0x17, sizeof batch);
    kernel.answer.value = DMA_BATCH_MAX;
    cr_assert_eq(ops->publish(&device, DEVICE, batch, DMA_BATCH_MAX).value, DMA_BATCH_MAX);
    asked(DEVICE, QUEUE_PUBLISH, DMA_BATCH_MAX, 0, sizeof batch);
    cr_assert_eq(memcmp(kernel.object, batch, sizeof batch), 0);
    cr_assert_eq(ops->publish(&device, DEVICE, batch, 0).error, DEV_E_VALUE);
    cr_assert_eq(ops->publish(&device, DEVICE, batch, DMA_BATCH_MAX + 1u).error, DEV_E_VALUE);
    cr_assert_eq(kernel.calls, 1);
}

Test(rt_device, each_refusal_is_one_of_its_layer)
{
    static const struct {
        struct ring_completion said;
        enum cap_exception exception;
        enum device_error error;
    } table[] = {
        {{.exception = CAP_EX_BUDGET}, CAP_EX_BUDGET, DEV_OK},
        {{.exception = CAP_EX_COUNT}, CAP_EX_INVALID, DEV_OK},
        {{.result = DEV_E_UNCONFIRMED}, CAP_EX_NONE, DEV_E_UNCONFIRMED},
        {{.result = DEV_E_COUNT}, CAP_EX_NONE, DEV_E_STATE},
        {{.status = RING_E_CANCELLED}, CAP_EX_STALE, DEV_OK},
        {{.status = RING_E_DISCONNECTED}, CAP_EX_STALE, DEV_OK},
        {{.status = RING_E_METHOD}, CAP_EX_INVALID, DEV_OK},
        {{.status = RING_E_RANGE}, CAP_EX_INVALID, DEV_OK},
    };
    const struct device_authority_ops *ops = open_device();

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        kernel.answer = table[i].said;
        const struct device_reply r = ops->reap(&device, DEVICE);
        cr_assert_eq(r.exception, table[i].exception);
        cr_assert_eq(r.error, table[i].error);
        cr_assert_not(device_reply_ok(r));
        cr_assert_eq(device.refused, i + 1u);
    }
}

Test(rt, a_grant_is_found_by_name_and_interface)
{
    open_rt();
    cr_assert(cap_same(rt_grant(&rt, "nic", CAP_IF_FUNCTION), FUNCTION));
    cr_assert(cap_is_none(rt_grant(&rt, "nic", CAP_IF_DEVICE)));
    cr_assert(cap_is_none(rt_grant(&rt, "ni", CAP_IF_FUNCTION)));
    cr_assert(cap_is_none(rt_grant(&rt, "nic2", CAP_IF_FUNCTION)));
    cr_assert(cap_same(rt_grant(&rt, "other", CAP_IF_SERIAL), (cap_id){3, 1}));
    cr_assert(cap_same(rt_first(&rt, CAP_IF_SERIAL), (cap_id){1, 1}));
    cr_assert(cap_is_none(rt_first(&rt, CAP_IF_TIMER)));
}

Test(rt, parameters_are_words)
{
    size_t bytes;

    open_rt();
    strcpy(kernel.start.text,
           "a=1  long=2345 empty= big=18446744073709551616 max=18446744073709551615 no=12x");
    kernel.start.text_bytes = (uint32_t)strlen(kernel.start.text);
    cr_assert_eq(rt_parameter_u64(&rt, "a", 9), 1);
    cr_assert_eq(rt_parameter_u64(&rt, "long", 9), 2345);
    cr_assert_eq(rt_parameter_u64(&rt, "on", 9), 9);
    cr_assert_eq(rt_parameter_u64(&rt, "lon", 9), 9);
    cr_assert_eq(rt_parameter_u64(&rt, "empty", 9), 9);
    cr_assert_eq(rt_parameter_u64(&rt, "big", 9), 9);
    cr_assert_eq(rt_parameter_u64(&rt, "max", 9), UINT64_MAX);
    cr_assert_eq(rt_parameter_u64(&rt, "no", 9), 9);
    const char *text = rt_parameter(&rt, "no", &bytes);
    cr_assert(bytes == 3 && memcmp(text, "12x", 3) == 0);
    cr_assert_null(rt_parameter(&rt, "none", &bytes));
}

Test(rt, text_goes_out_whole_whatever_is_taken)
{
    static char long_text[10000];

    open_rt();
    memset(long_text, 'x', sizeof long_text - 1u);
    kernel.serial_takes = 1000;
    cr_assert(rt_print(&rt, long_text));
    cr_assert(rt_print(&rt, "end"));
    cr_assert_eq(kernel.text_bytes, sizeof long_text - 1u + 3u);
    cr_assert_eq(memcmp(kernel.text + sizeof long_text - 1u, "end", 3), 0);
}

Test(rt, without_memory_it_is_mute)
{
    open_rt();
    kernel.no_map = true;
    cr_assert_not(rt_print(&rt, "text"));
    cr_assert_eq(kernel.object_bytes, 0, "an object is held");
    cr_assert(rt.mute);
    open_rt();
    kernel.no_memory = true;
    cr_assert_not(rt_print(&rt, "text"));
    cr_assert_not(rt_device_init(&device, &rt, FUNCTION));
}

Test(rt, memory_goes_back)
{
    struct rt_memory memory;

    open_rt();
    cr_assert(rt_memory_make(&rt, 5000, &memory));
    cr_assert(memory.at == kernel.object && memory.bytes == 5000);
    rt_memory_drop(&rt, &memory);
    cr_assert_eq(kernel.object_bytes, 0);
    cr_assert_null(memory.at);
}
