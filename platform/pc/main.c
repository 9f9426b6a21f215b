/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's main: from a CPU that runs to the kernel's one entry, and off. The order is the dependency:
 * words first, power before anything that may fail, then interrupts, devices, memory. */
#include "platform/pc/platform_pc.h"

#include "abi/assert.h"
#include "abi/disk.h"
#include "abi/memory.h"
#include "evidence/text.h"
#include "kernel/arch/x86_64/lock.h"
#include "kernel/arch/x86_64/multiboot2.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/arch/x86_64/traps.h"
#include "kernel/main.h"
#include "platform/pc/describe.h"

#define PORT_MAIN     0x3f8u
#define PORT_EVIDENCE 0x2f8u
#define PORT_AUDIT    0x3e8u

#define LEAF_HYPERVISOR 0x40000000u

/* The roots of this image. None is read before it is written. */
static struct platform machine __attribute__((section(".bss.noinit.machine")));
static struct kernel_storage storage __attribute__((aligned(4096), section(".bss.noinit.storage")));
static struct machine_processor processor __attribute__((section(".bss.noinit.processor")));
static struct acpi_survey acpi __attribute__((section(".bss.noinit.acpi")));
static struct kernel_lock kernel_lock;

static uint64_t door_msr_read(void *ctx, uint32_t msr)
{
    (void)ctx;
    return msr_read(msr);
}

static void door_msr_write(void *ctx, uint32_t msr, uint64_t value)
{
    (void)ctx;
    msr_write(msr, value);
}

static uint32_t door_memory_read(void *ctx, uint64_t physical)
{
    return platform_mmio_read(ctx, physical, 4);
}

static void door_memory_write(void *ctx, uint64_t physical, uint32_t value)
{
    platform_mmio_write(ctx, physical, 4, value);
}

static const struct apic_door apic_door = {&machine, door_msr_read, door_msr_write, door_memory_read,
                                           door_memory_write};

static void panic_write(void *ctx, const char *text, size_t bytes)
{
    platform_console_write(ctx, CONSOLE_MAIN, text, bytes);
}

/* With power, and not when it is told: a loader's copy of the root pointer lies in memory that programs get.
 */
static void survey_tables(struct platform *p, uint64_t rsdp)
{
    const struct physical_reader reader = {space_read, p->space};
    acpi_survey(&reader, rsdp, &acpi);
}

static void open_machine(struct platform *p, const struct arch_boot *boot)
{
    memset(p, 0, sizeof *p);
    p->cpu = boot->cpu;
    p->space = boot->space;
    p->map = &boot->info->map;
    pc_uart_open(&p->uarts[0], PORT_MAIN, true);
    pc_uart_open(&p->uarts[1], PORT_EVIDENCE, false);
    pc_uart_open(&p->uarts[2], PORT_AUDIT, false);
    boot->cpu->panic = (struct panic_door){p, panic_write, pc_power_off};
    if (boot->refusal)
        panic_text(boot->refusal);
    pc_clock_start(&p->clock);
    pc_mmio_init(p);
    pc_power_init(p, boot->info->rsdp);
    survey_tables(p, boot->info->rsdp);
    p->apic_error = apic_init(&boot->cpu->apic, &apic_door);
    if (p->apic_error != APIC_OK)
        panic_text("no usable local interrupt controller");
    pc_entropy_init(&p->entropy, (boot->cpu->features & CPU_RDRAND) != 0);
    p->bars_assigned = pc_assign_bars(p);
    pc_dma_init(p);
    if (p->region.bytes == 0)
        panic_text("no memory for devices");
}

static void fact(struct text *t, const char *name, uint64_t value)
{
    text_string(t, name);
    text_u64(t, value);
}

/* What this machine was, for a reader: after the log has ended, outside of the evidence. */
static void say_machine(struct platform *p)
{
    char buffer[320];
    struct text t = text_over(buffer, sizeof buffer);
    text_string(&t, "machine: apic=");
    text_string(&t, p->cpu->apic.registers->name);
    fact(&t, " tsc_khz=", p->clock.hz / 1000u);
    text_string(&t, " entropy=");
    text_string(&t, pc_entropy_name(&p->entropy));
    text_string(&t, " power=");
    text_string(&t, p->acpi_error == ACPI_OK ? "acpi-s5" : acpi_error_name(p->acpi_error));
    fact(&t, " smep=", (p->cpu->features & CPU_SMEP) != 0);
    fact(&t, " smap=", (p->cpu->features & CPU_SMAP) != 0);
    fact(&t, " umip=", (p->cpu->features & CPU_UMIP) != 0);
    fact(&t, " bars_assigned=", p->bars_assigned);
    fact(&t, " tables=", p->space->paging.used);
    fact(&t, " memory_ranges_refused=", p->map->refused);
    fact(&t, " spurious=", p->cpu->trap_count[APIC_VECTOR_SPURIOUS]);
    text_string(&t, "\n");
    platform_console_write(p, CONSOLE_MAIN, t.at, t.used);
}

static struct describe_leaf leaf_of(uint32_t number)
{
    const struct cpuid r = cpuid(number, 0);
    return (struct describe_leaf){r.eax, r.ebx, r.ecx, r.edx};
}

/* The rest of it, line by line: what is not known of a machine on which this kernel was never run. */
static void describe_machine(struct platform *p)
{
    struct description d = {.acpi = &acpi, .power = &p->power, .power_error = p->acpi_error, .map = p->map};
    d.vendor = leaf_of(0);
    d.features = leaf_of(1);
    d.tsc_khz = p->clock.hz / 1000u;
    if (describe_has_hypervisor(d.features))
        d.hypervisor = leaf_of(LEAF_HYPERVISOR);
    if (d.hypervisor.eax > LEAF_HYPERVISOR)
        d.hypervisor_features = leaf_of(LEAF_HYPERVISOR + 1u);
    describe(&d, panic_write, p);
}

/* Their pages stay out of everything else's hands: the loader's parser took them from the map's RAM. */
static const uint8_t *package_of(const struct arch_boot *boot)
{
    if (boot->module_refusal)
        panic_text(boot->module_refusal);
    if (boot->info->package_bytes == 0)
        return NULL;
    const uint8_t *package = space_read(boot->space, boot->info->package, boot->info->package_bytes);
    if (!package)
        panic_text("the boot package lies where it cannot be read");
    return package;
}

static const uint8_t *run_block_of(const struct arch_boot *boot)
{
    if (boot->info->run_block == 0)
        return NULL;
    const uint8_t *block = space_read(boot->space, boot->info->run_block, RUN_BLOCK_BYTES);
    if (!block)
        panic_text("the run block lies where it cannot be read");
    return block;
}

void machine_main(const struct arch_boot *boot)
{
    open_machine(&machine, boot);
    processor_init(&processor, boot->cpu, boot->space, &machine);
    const uint8_t *package = package_of(boot);
    uint64_t package_bytes = boot->info->package_bytes;
    if (package && boot->info->package_padding_max > 0)
        package_bytes = multiboot2_package_bytes(package, package_bytes, boot->info->package_padding_max);
    const struct kernel_boot kernel = {
        .platform = &machine,
        .command_line = boot->info->command_line,
        .command_line_bytes = boot->info->command_line_bytes,
        .run_block = run_block_of(boot),
        .line_open = boot->info->line_open,
        .package = package,
        .package_bytes = package_bytes,
        .processor = &processor.processor,
    };
    kernel_lock_take(&kernel_lock);
    kernel_main(&storage, &kernel);
    kernel_lock_release(&kernel_lock);
    say_machine(&machine);
    describe_machine(&machine);
    if (storage.reboot) {
        static const char text[] = "machine: restarts\n";

        platform_console_write(&machine, CONSOLE_MAIN, text, sizeof text - 1u);
        pc_restart(&machine);
    }
    pc_power_off(&machine);
    for (;;)
        cpu_halt();
}
