/* A plugin of QEMU that counts executed instructions, for measure.rs.
 *
 * Arguments: from=ADDRESS,to=ADDRESS of the two marks. For each pair of marks it prints the instructions between
 * them, the most that ran with interrupts masked at one go: from behind `cpsid i` to `cpsie i` or `msr
 * primask`, both included; and those of them between the addresses inside=ADDRESS and outside=ADDRESS. With
 * above=ADDRESS it prints the lowest address from there on to which the program has written when it comes to the
 * second mark, and ends it.
 *
 * QEMU's header is in no Debian package, so what is needed of it (API version 1) is declared here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, void (*)(unsigned, uint32_t, uint64_t, void *), int, int,
                                      void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum { PLAIN, FROM, TO, MASK, UNMASK, INSIDE };
enum { ANY_REGISTERS = 0, STORES = 2 };
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
    case MASK:
        if (!is_masked)
            masked = 1;
        is_masked = 1;
        break;
    case UNMASK: /* nested sections are not told apart: none of ours is one */
        if (masked > longest)
            longest = masked;
        is_masked = masked = 0;
        break;
    }
}

static intptr_t kind_of(const struct qemu_plugin_insn *insn) {
    uint16_t code, more = 0;
    const char *data = qemu_plugin_insn_data(insn);
    uint64_t at = qemu_plugin_insn_vaddr(insn);
    memcpy(&code, data, sizeof code);
    if (qemu_plugin_insn_size(insn) == 4) memcpy(&more, data + 2, sizeof more);
    if (at == from) return FROM;
    if (at == to) return TO;
    if (code == 0xb672) return MASK;
    if (code == 0xb662) return UNMASK;
    if ((code & 0xfff0) == 0xf380 && more == 0x8810) return UNMASK; /* msr primask, register */
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
        if (!strncmp(argv[i], "from=", 5)) from = strtoull(argv[i] + 5, NULL, 0) & ~1ULL;
        if (!strncmp(argv[i], "inside=", 7)) inside = strtoull(argv[i] + 7, NULL, 0) & ~1ULL;
        if (!strncmp(argv[i], "outside=", 8)) outside = strtoull(argv[i] + 8, NULL, 0) & ~1ULL;
        if (!strncmp(argv[i], "above=", 6)) above = strtoull(argv[i] + 6, NULL, 0);
        if (!strncmp(argv[i], "to=", 3)) to = strtoull(argv[i] + 3, NULL, 0) & ~1ULL;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
