/* A plugin of QEMU that finds which instructions of an interrupted program were hit by an interrupt, for sweep.py.
 *
 * Arguments: the addresses of marks. Between from=ADDRESS and to=ADDRESS runs the program that is swept. handler=ADDRESS
 * and handled=ADDRESS are the bounds of the interrupt's handler, which last calls the function from leave=ADDRESS to
 * left=ADDRESS: the next instruction outside of both is the one that was hit. At done=ADDRESS it prints each instruction that ran in between, and
 * begins anew: hit, missed, or masked if it only ran with interrupts masked.
 */
#include "plugin.h"

enum { UNMASKED = 1, MASKED = 2, HIT = 4 };
/* Each two bytes of the 256 KiB of flash. */
static uint8_t seen[1 << 17];
static uint64_t from, to, handler, handled, leave, left, done;
static int is_swept, is_masked, in_handler, is_leaving;

static void print(void) {
    for (size_t i = 0; i < sizeof seen; i++) {
        if (seen[i]) printf("%s %zu\n", seen[i] & HIT ? "hit" : seen[i] & UNMASKED ? "missed" : "masked", 2 * i);
    }
    printf("done\n");
    fflush(stdout);
    memset(seen, 0, sizeof seen);
}

/* Whether this instruction belongs to the interrupt; takes note of the first one that does not. */
static int is_of_handler(uint64_t at) {
    if (at == handler) in_handler = 1;
    if (at == leave) is_leaving = 1;
    if (is_leaving && (at < handler || at >= handled) && (at < leave || at >= left)) {
        in_handler = is_leaving = 0;
        if (is_swept) seen[at / 2] |= HIT;
    }
    return in_handler;
}

static void executed(unsigned cpu, void *instruction) {
    uint64_t at = (uintptr_t)instruction >> 2;
    enum mask mask = (uintptr_t)instruction & 3;
    (void)cpu;
    if (!is_of_handler(at)) {
        if (at == to) is_swept = 0;
        if (is_swept) seen[at / 2] |= is_masked ? MASKED : UNMASKED;
        if (at == from) is_swept = 1;
        if (at == done) print();
    }
    if (mask != NEITHER) is_masked = mask == MASK;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t at = qemu_plugin_insn_vaddr(insn);
        if (at / 2 >= sizeof seen) abort();
        qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, ANY_REGISTERS, (void *)(uintptr_t)(at << 2 | mask_of(insn)));
    }
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
                                                               char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        from = number(argv[i], "from", from);
        to = number(argv[i], "to", to);
        handler = number(argv[i], "handler", handler);
        handled = number(argv[i], "handled", handled);
        leave = number(argv[i], "leave", leave);
        left = number(argv[i], "left", left);
        done = number(argv[i], "done", done);
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
