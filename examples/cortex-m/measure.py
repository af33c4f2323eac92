#!/usr/bin/env python3
"""Instructions, masked sections, stack, sizes and flash of the core on emulated chips, held against bounds.toml.

Usage: measure.py [--update]      from this folder; needs cargo, cc, nm and qemu-system-arm
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).parent
BOUNDS = HERE / "bounds.toml"
TARGETS = {"thumbv7em": "thumbv7em-none-eabihf", "thumbv6m": "thumbv6m-none-eabi"}
PROFILES = {"3": "release", "s": "size"}
# The cases that depend on the format of packets.
PACKETS = ["flush", "encoding", "flush_cut"]
# Per cent by which a figure may exceed its bound.
SLACK = 3
# The compiler's runtime, which is not ours.
RUNTIME = re.compile(r"compiler_builtins|^__aeabi_|^mem(cpy|set|move|cmp)$|^__[a-z]+[sd]i[0-9]$")


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, cwd=HERE, **options).stdout


def target_folder():
    found = run("cargo", "metadata", "--locked", "--no-deps", "--format-version=1")
    return pathlib.Path(json.loads(found)["target_directory"])


def build(target, profile, binary, features=""):
    run("cargo", "build", "--locked", "--quiet", "--target", target, "--profile", profile, "--bin", binary,
        f"--features={features}")
    return target_folder() / target / profile / binary


def symbols(elf):
    """Name, address and size of each symbol."""
    found = []
    for line in run("nm", "-S", "-C", elf).splitlines():
        fields = line.split(maxsplit=3)
        if len(fields) == 4:
            found.append((fields[3], int(fields[0], 16), int(fields[1], 16)))
    return found


def plugin():
    folder = target_folder()
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "count.so"
    run("cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", library, "count.c")
    return library


def measured(elf, library):
    """What the cases print, joined with what the plugin counts: two lists in one order."""
    marks = {name: at for name, at, _ in symbols(elf)}
    arguments = f"{library},from={marks['picojaeger_count_from']:#x},to={marks['picojaeger_count_to']:#x}"
    # By the count of instructions, 32 ns each, so that a span's times take the same bytes in each run.
    out = run("qemu-system-arm", "-M", "mps2-an386", "-icount", "shift=5", "-display", "none", "-monitor", "none", "-serial", "none",
              "-semihosting-config", "enable=on,target=native", "-plugin", arguments, "-kernel", elf,
              timeout=60, stderr=subprocess.STDOUT)
    cases = re.findall(r"^case (\w+) (\d+)$", out, re.M)
    counts = re.findall(r"^count (\d+) (\d+)$", out, re.M)
    if not cases or len(cases) != len(counts):
        sys.exit(f"error: {len(cases)} cases and {len(counts)} counts in:\n{out}")
    empty = int(counts[0][0])
    figures = {}
    for (name, stack), (count, masked) in zip(cases[1:], counts[1:]):
        figures[name] = {"instructions": int(count) - empty, "masked": int(masked), "stack": int(stack)}
    one, two = figures.pop("flush_1"), figures.pop("flush_2")
    del figures["flush_first"], figures["flush_whole"]
    encoding = two["instructions"] - one["instructions"]
    figures["flush"] = one
    figures["encoding"] = {"instructions": encoding, "masked": max(one["masked"], two["masked"]), "stack": one["stack"]}
    sizes = {name: int(size) for name, size in re.findall(r"^size (\w+) (\d+)$", out, re.M)}
    return figures, sizes


def flash(target, profile, features=""):
    """Bytes of code of spans, ring, encoder and a transport: a program with them, less one without, less runtime."""

    def text(features):
        elf = build(target, profile, "flash", features)
        sections = run("size", "-A", elf)
        runtime = sum(size for name, _, size in symbols(elf) if RUNTIME.search(name))
        return int(re.search(r"^\.text\s+(\d+)", sections, re.M)[1]) - runtime

    return text(features) - text("baseline")


def figures():
    """Every figure by its name, `chip.level.case.kind`."""
    library, found = plugin(), {}
    for chip, target in TARGETS.items():
        for level, profile in PROFILES.items():
            cases, sizes = measured(build(target, profile, "measure"), library)
            in_otlp, _ = measured(build(target, profile, "measure", "otlp"), library)
            cases |= {f"{case}_otlp": in_otlp[case] for case in PACKETS}
            for case, kinds in cases.items():
                for kind, figure in kinds.items():
                    found[f"{chip}.{level}.{case}.{kind}"] = figure
            found[f"{chip}.{level}.any.masked"] = max(kinds["masked"] for kinds in cases.values())
            for name, size in sizes.items():
                found[f"{chip}.{level}.{name}.bytes"] = size
            found[f"{chip}.{level}.flash.bytes"] = flash(target, profile)
            found[f"{chip}.{level}.flash_otlp.bytes"] = flash(target, profile, "otlp")
    return found


def show(found):
    for chip in TARGETS:
        for level in PROFILES:
            print(f"\n{chip}, opt-level {level}{'instructions':>23}{'masked':>9}{'stack':>8}")
            prefix = f"{chip}.{level}."
            cases = dict.fromkeys(name.split(".")[2] for name in found if name.startswith(prefix))
            for case in cases:
                row = [found.get(f"{prefix}{case}.{kind}", "") for kind in ("instructions", "masked", "stack")]
                size = found.get(f"{prefix}{case}.bytes")
                print(f"  {case:24}" + (f"{size:>10} bytes" if size is not None else "{:>14}{:>9}{:>8}".format(*row)))


def held_against(found, bounds):
    """What exceeds its bound, or has none."""
    for name, figure in found.items():
        if name not in bounds:
            yield f"{name} is {figure} and has no bound: run measure.py --update"
        elif figure * 100 > bounds[name] * (100 + SLACK):
            yield f"{name} is {figure}, over its bound of {bounds[name]} by more than {SLACK} %"
    for name in bounds.keys() - found.keys():
        yield f"{name} has a bound and was not measured"


def main():
    found = figures()
    show(found)
    if sys.argv[1:] == ["--update"]:
        lines = [f'"{name}" = {figure}' for name, figure in found.items()]
        BOUNDS.write_text("# Made by measure.py --update. The same compiler gives the same figures.\n" + "\n".join(lines) + "\n")
        return
    bounds = tomllib.loads(BOUNDS.read_text())
    failures = list(held_against(found, bounds))
    # The check of the check: a bound that is lowered by a little more than the slack is reported.
    proof = next(iter(found))
    lowered = bounds | {proof: found[proof] * (99 - SLACK) // 100}
    if not any(proof in failure for failure in held_against(found, lowered)):
        failures.append("a bound that is too low goes unnoticed")
    print(f"\n{len(found)} figures, {len(failures)} over their bounds")
    sys.exit("\n".join(failures) or None)


main()
