/* What the plugins of QEMU share: its interface, API version 1, which is in no Debian package, and the instructions by
 * which programs for Cortex-M mask interrupts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

enum { ANY_REGISTERS = 0, STORES = 2 };
enum mask { NEITHER, MASK, UNMASK };

/* Whether an instruction masks interrupts, or ends that. */
static enum mask mask_of(const struct qemu_plugin_insn *insn) {
    uint16_t code, more = 0;
    const char *data = qemu_plugin_insn_data(insn);
    memcpy(&code, data, sizeof code);
    if (qemu_plugin_insn_size(insn) == 4) memcpy(&more, data + 2, sizeof more);
    if (code == 0xb672) return MASK;
    if (code == 0xb662 || ((code & 0xfff0) == 0xf380 && more == 0x8810)) return UNMASK; /* msr primask, register */
    return NEITHER;
}

/* The number behind `name=` in an argument, or what it was. */
static uint64_t number(const char *argument, const char *name, uint64_t before) {
    size_t length = strlen(name);
    int is_it = !strncmp(argument, name, length) && argument[length] == '=';
    return is_it ? strtoull(argument + length + 1, NULL, 0) : before;
}
