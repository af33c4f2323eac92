/* A plugin of QEMU that counts executed instructions, for measure.rs.
 *
 * Arguments: from=ADDRESS,to=ADDRESS of the two marks. For each pair of marks it prints the instructions between
 * them, the most that ran with interrupts masked at one go: from behind `cpsid i` to `cpsie i` or `msr
 * primask`, both included; and those of them between the addresses inside=ADDRESS and outside=ADDRESS. With
 * above=ADDRESS it prints the lowest address from there on to which the program has written when it comes to the
 * second mark, and ends it.
 */
#include "plugin.h"
#include <unistd.h>

enum { PLAIN, FROM, TO, MASKS, UNMASKS, INSIDE };
static uint64_t from, to, inside, outside, above, lowest = UINT64_MAX, counted, part, masked, longest;
static int counting, is_masked;

static void executed(unsigned cpu, void *kind) {
    (void)cpu;
    counted++;
    masked += is_masked;
    switch ((intptr_t)kind) {
    case FROM:
        counting = 1;
        counted = part = longest = 0;
        break;
    case TO:
        if (counting)
            printf("count %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", counted, longest, part);
        if (above)
            printf("lowest %" PRIu64 "\n", lowest);
        fflush(stdout);
        if (above)
            _exit(0);
        counting = 0;
        break;
    case INSIDE:
        part++;
        break;
    case MASKS:
        if (!is_masked)
            masked = 1;
        is_masked = 1;
        break;
    case UNMASKS: /* nested sections are not told apart: none of ours is one */
        if (masked > longest)
            longest = masked;
        is_masked = masked = 0;
        break;
    }
}

static intptr_t kind_of(const struct qemu_plugin_insn *insn) {
    uint64_t at = qemu_plugin_insn_vaddr(insn);
    if (at == from) return FROM;
    if (at == to) return TO;
    switch (mask_of(insn)) {
    case MASK:
        return MASKS;
    case UNMASK:
        return UNMASKS;
    case NEITHER:
        break;
    }
    if (at >= inside && at < outside) return INSIDE;
    return PLAIN;
}

static void stored(unsigned cpu, uint32_t access, uint64_t at, void *none) {
    (void)cpu, (void)access, (void)none;
    if (at >= above && at < lowest) lowest = at;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, ANY_REGISTERS, (void *)kind_of(insn));
        if (above) qemu_plugin_register_vcpu_mem_cb(insn, stored, ANY_REGISTERS, STORES, NULL);
    }
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
                                                               char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        from = number(argv[i], "from", from) & ~1ULL;
        inside = number(argv[i], "inside", inside) & ~1ULL;
        outside = number(argv[i], "outside", outside) & ~1ULL;
        above = number(argv[i], "above", above);
        to = number(argv[i], "to", to) & ~1ULL;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
