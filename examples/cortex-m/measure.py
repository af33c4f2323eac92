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
README = HERE / "../../README.md"
TARGETS = {"thumbv7em": "thumbv7em-none-eabihf", "thumbv6m": "thumbv6m-none-eabi"}
PROFILES = {"3": "release", "s": "size"}
# The cases that depend on the format of packets.
PACKETS = ["flush", "encoding", "flush_cut"]
# Those of frames for the relay alone.
FRAMES = ["fields", "sealed_byte"]
# The function that ends frames for the relay: CRC and COBS.
SEALING = "picojaeger_core::wire::relay::frames::Frames::close"
# Budgets, which no update of the bounds moves: instructions for the fields of a span with two tags, and for CRC and COBS of
# a byte of it.
BUDGETS = {
    "thumbv7em.3.fields_relay.instructions": 700,
    "thumbv6m.3.fields_relay.instructions": 900,
    "thumbv7em.3.sealed_byte_relay.instructions": 12,
    "thumbv6m.3.sealed_byte_relay.instructions": 16,
}
# The sentence of the README with sizes, and the figures that it has.
SHOWN = re.compile(r'at opt-level "s" these lines take ([\d,]+) bytes of flash and ([\d,]+) of RAM,'
                   r'[^.]*on a Cortex-M4, ([\d,]+) and ([\d,]+)\.')
SHOWN_FIGURES = [f"{chip}.s.readme_{kind}.bytes" for chip in ("thumbv6m", "thumbv7em") for kind in ("flash", "memory")]
# Per cent by which a figure may exceed its bound.
SLACK = 3
# The compiler's runtime, which is not ours.
RUNTIME = re.compile(r"compiler_builtins|^__aeabi_|^mem(cpy|set|move|cmp)$|^__[a-z]+[sd]i[0-9]$")


def run(*command, **options):
    options = {"cwd": HERE} | options
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def target_folder():
    found = run("cargo", "metadata", "--locked", "--no-deps", "--format-version=1")
    return pathlib.Path(json.loads(found)["target_directory"])


def build(target, profile, binary, features="", folder=HERE):
    run("cargo", "build", "--locked", "--quiet", "--target", target, "--profile", profile, "--bin", binary,
        "--no-default-features", f"--features={features}", cwd=folder)
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


def counted(elf, library):
    """What each case prints, its name and stack, and what the plugin counts: instructions, the most that were masked, those
    of the end of frames; and the sizes that the program prints."""
    marks = {name: (at, at + size) for name, at, size in symbols(elf)}
    inside, outside = marks.get(SEALING, (0, 0))
    arguments = (f"{library},from={marks['picojaeger_count_from'][0]:#x},to={marks['picojaeger_count_to'][0]:#x},"
                 f"inside={inside:#x},outside={outside:#x}")
    # By the count of instructions, 32 ns each, so that a span's times take the same bytes in each run.
    out = run("qemu-system-arm", "-M", "mps2-an386", "-icount", "shift=5", "-display", "none", "-monitor", "none", "-serial", "none",
              "-semihosting-config", "enable=on,target=native", "-plugin", arguments, "-kernel", elf,
              timeout=60, stderr=subprocess.STDOUT)
    cases = re.findall(r"^case (\w+) (\d+)$", out, re.M)
    counts = re.findall(r"^count (\d+) (\d+) (\d+)$", out, re.M)
    if not cases or len(cases) != len(counts):
        sys.exit(f"error: {len(cases)} cases and {len(counts)} counts in:\n{out}")
    sizes = {name: int(size) for name, size in re.findall(r"^size (\w+) (\d+)$", out, re.M)}
    return [(name, int(stack), *map(int, numbers)) for (name, stack), numbers in zip(cases, counts)], sizes


def measured(elf, library):
    """The figures of `measure`, and its sizes."""
    cases, sizes = counted(elf, library)
    empty = cases[0][2]
    figures = {name: {"instructions": count - empty, "masked": masked, "stack": stack}
               for name, stack, count, masked, _ in cases[1:]}
    sealing = {name: part for name, *_, part in cases}
    sealing = sealing["flush_2"] - sealing["flush_1"]
    one, two = figures.pop("flush_1"), figures.pop("flush_2")
    del figures["flush_first"], figures["flush_whole"]
    encoding = two["instructions"] - one["instructions"]
    figures["flush"] = one
    figures["encoding"] = {"instructions": encoding, "masked": max(one["masked"], two["masked"]), "stack": one["stack"]}
    figures["fields"] = {"instructions": encoding - sealing}
    figures["sealed_byte"] = {"instructions": round(sealing / sizes["span_packed"], 1)}
    return figures, sizes


def few(elf, library):
    """Instructions and masked sections of a program with few cases, and its sizes; the last of those of one name counts."""
    cases, sizes = counted(elf, library)
    empty = cases[0][2]
    return {name: {"instructions": count - empty, "masked": masked} for name, _, count, masked, _ in cases}, sizes


def polls(target, profile, library):
    """The spans of polls of an executor's tasks."""
    cases, _ = few(build(target, profile, "polls"), library)
    return {name: cases[name] for name in ("poll_span", "poll_without_name")}


def recovery(target, profile, library):
    """The recovery of a retained ring: of its first span, and of each further one."""
    cases, _ = few(build(target, profile, "recover"), library)
    one, five = cases["recover_1"], cases["recover_5"]
    return {"recover": one, "recover_further": {"instructions": (five["instructions"] - one["instructions"]) / 4}}


def beside_a_line(target, profile, library):
    """A span, and a log line of defmt with the same content, in one run: figures, and bytes of flash and on the wire."""

    def size(features):
        elf = build(target, profile, "line", features, HERE / "rtt")
        return sum(int(size) for size in re.findall(r"^\.(?:text|rodata|data)\s+(\d+)", run("size", "-A", elf), re.M))

    sizes = {"line_span_flash": -size("no-span"), "line_defmt_flash": -size("no-line")}
    whole = size("")
    cases, wire = few(build(target, profile, "line", "", HERE / "rtt"), library)
    sizes = {name: whole + without for name, without in sizes.items()}
    sizes |= {"line_span_wire": wire["span"], "line_defmt_wire": wire["line"]}
    one, two = cases["send_1"], cases["send_2"]
    sent = {"instructions": two["instructions"] - one["instructions"], "masked": two["masked"]}
    return {"line_span_record": cases["record"], "line_span_send": sent, "line_defmt": cases["line"]}, sizes


def flash(target, profile, features="", binary="flash"):
    """Bytes of code of spans, ring, encoder and a transport: a program with them, less one without, less runtime."""

    def text(features):
        elf = build(target, profile, binary, features)
        sections = run("size", "-A", elf)
        runtime = sum(size for name, _, size in symbols(elf) if RUNTIME.search(name))
        return int(re.search(r"^\.text\s+(\d+)", sections, re.M)[1]) - runtime

    return text(features) - text("baseline")


def whole(target, profile, library, binary):
    """Flash and memory of a program's tracer: with the compiler's runtime, its statics, its buffer and its stack."""

    def sizes(features):
        elf = build(target, profile, binary, features)
        sections = {name: int(size) for name, size in re.findall(r"^\.(\w+)\s+(\d+)", run("size", "-A", elf), re.M)}
        marks = {name: at for name, at, _ in symbols(elf)}
        ends = dict(re.findall(r"^(\w+) . (_stack_start|__ebss)$", run("nm", elf), re.M))
        ends = {name: int(at, 16) for at, name in ends.items()}
        arguments = f"{library},to={marks['picojaeger_count_to']:#x},above={ends['__ebss']:#x}"
        out = run("qemu-system-arm", "-M", "mps2-an386", "-icount", "shift=5", "-display", "none", "-monitor", "none",
                  "-serial", "none", "-plugin", arguments, "-kernel", elf, timeout=60)
        lowest = int(re.search(r"^lowest (\d+)$", out, re.M)[1])
        statics = sum(sections.get(name, 0) for name in ("data", "bss", "uninit"))
        return (sum(sections.get(name, 0) for name in ("text", "rodata", "data")),
                statics + ends["_stack_start"] - lowest)

    return [traced - bare for traced, bare in zip(sizes(""), sizes("baseline"))]


def figures():
    """Every figure by its name, `chip.level.case.kind`."""
    library, found = plugin(), {}
    for chip, target in TARGETS.items():
        for level, profile in PROFILES.items():
            cases, sizes = measured(build(target, profile, "measure"), library)
            for case in FRAMES:
                del cases[case]
            in_otlp, _ = measured(build(target, profile, "measure", "otlp"), library)
            in_frames, packed = measured(build(target, profile, "measure", "relay"), library)
            cases |= {f"{case}_otlp": in_otlp[case] for case in PACKETS}
            cases |= {f"{case}_relay": in_frames[case] for case in PACKETS + FRAMES}
            sizes["span_packed_relay"] = packed["span_packed"]
            apart, of_line = beside_a_line(target, profile, library)
            apart |= polls(target, profile, library) | recovery(target, profile, library)
            sizes |= of_line
            for case, kinds in (cases | apart).items():
                for kind, figure in kinds.items():
                    found[f"{chip}.{level}.{case}.{kind}"] = figure
            found[f"{chip}.{level}.any.masked"] = max(kinds.get("masked", 0) for kinds in cases.values())
            for name, size in sizes.items():
                found[f"{chip}.{level}.{name}.bytes"] = size
            found[f"{chip}.{level}.flash.bytes"] = flash(target, profile)
            found[f"{chip}.{level}.flash_otlp.bytes"] = flash(target, profile, "otlp")
            found[f"{chip}.{level}.flash_relay.bytes"] = flash(target, profile, "relay")
            found[f"{chip}.{level}.recover_flash.bytes"] = flash(target, profile, binary="recover")
            for binary in ["small", "readme"]:
                flash_, memory = whole(target, profile, library, binary)
                found[f"{chip}.{level}.{binary}_flash.bytes"] = flash_
                found[f"{chip}.{level}.{binary}_memory.bytes"] = memory
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


def shown(readme):
    """The sizes in the README."""
    sentence = SHOWN.search(readme) or sys.exit("error: README.md shows no sizes of the firmware")
    return [int(size.replace(",", "")) for size in sentence.groups()]


def with_sizes(readme, found):
    """The README with these sizes."""
    sentence, sizes = SHOWN.search(readme), iter(SHOWN_FIGURES)
    new = re.sub(r"(?<= )[\d,]*\d(?= |\.$)", lambda _: f"{found[next(sizes)]:,}", sentence[0])
    return readme.replace(sentence[0], new)


def held_against(found, bounds):
    """What exceeds its bound, or has none."""
    for name, figure in found.items():
        if name not in bounds:
            yield f"{name} is {figure} and has no bound: run measure.py --update"
        elif figure * 100 > bounds[name] * (100 + SLACK):
            yield f"{name} is {figure}, over its bound of {bounds[name]} by more than {SLACK} %"
    for name, most in BUDGETS.items():
        if found[name] > most:
            yield f"{name} is {found[name]}, over its budget of {most}"
    for name, size in zip(SHOWN_FIGURES, shown(README.read_text())):
        if abs(found[name] - size) * 100 > size * SLACK:
            yield f"{name} is {found[name]}, and README.md shows {size}: run measure.py --update"
    for name in bounds.keys() - found.keys():
        yield f"{name} has a bound and was not measured"


def main():
    found = figures()
    show(found)
    if sys.argv[1:] == ["--update"]:
        lines = [f'"{name}" = {figure}' for name, figure in found.items()]
        README.write_text(with_sizes(README.read_text(), found))
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
