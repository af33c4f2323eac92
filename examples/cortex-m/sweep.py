#!/usr/bin/env python3
"""Runs the firmware `sweep` in QEMU, with a plugin that finds which of its instructions were hit by an interrupt: at
least 95 of 100 of those that run with interrupts unmasked, in each scene.

Usage: sweep.py MACHINE FIRMWARE UART      needs cc, nm and qemu-system-arm; UART is QEMU's, such as `file:sweep.uart`
"""

import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
# Per cent of the instructions that must be hit.
LEAST = 95
SCENES = 8


def output(*command, **options):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, **options)


def plugin(folder):
    library = folder / "cover.so"
    subprocess.run(["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", library, HERE / "cover.c"], check=True)
    return library


def functions(firmware):
    """Name and bounds of each function; generic ones have a name several times."""
    found = re.findall(r"^(\w+) (\w+) [tTwW] (.*)$", output("nm", "-S", "-C", firmware, check=True).stdout, re.M)
    return [(name, (int(at, 16) & ~1, (int(at, 16) & ~1) + int(size, 16))) for at, size, name in found]


def run(machine, firmware, uart):
    marks = dict(functions(firmware))
    (handler, handled), (leave, left) = marks["SysTick"], marks["picojaeger_cover_leave"]
    places = {"handler": handler, "handled": handled, "leave": leave, "left": left}
    places |= {name: marks["picojaeger_cover_" + name][0] for name in ("from", "to", "done")}
    arguments = [f"{name}={at}" for name, at in places.items()]
    ran = output("qemu-system-arm", "-M", machine, "-icount", "shift=10", "-display", "none", "-monitor", "none", "-serial", uart,
                 "-semihosting-config", "enable=on,target=native", "-plugin",
                 ",".join([str(plugin(firmware.parent)), *arguments]), "-kernel", firmware,
                 stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, timeout=120)
    if ran.returncode:
        sys.exit(f"error: {firmware}: {ran.stdout[-2000:]}")
    return ran.stdout


def scenes(printed):
    """Name, points, lost spans, and the addresses that were hit, missed and masked, of each scene."""
    for part in printed.split("done\n")[:-1]:
        name, points, lost = re.search(r"^scene (.*) (\d+) (\d+)$", part, re.M).groups()
        found = {kind: [int(at) for at in re.findall(rf"^{kind} (\d+)$", part, re.M)] for kind in ("hit", "missed", "masked")}
        yield name, int(points), int(lost), found


def is_swept(found):
    hit, missed = len(found["hit"]), len(found["missed"])
    return hit * 100 >= (hit + missed) * LEAST and hit > 0 and len(found["masked"]) > 0


def by_function(addresses, bounds):
    """Addresses, counted for each function that they are in."""
    for name, (start, end) in bounds:
        inside = [at for at in addresses if start <= at < end]
        if inside:
            yield f"{len(inside):>6} in {re.sub('::h[0-9a-f]{16}$', '', name)}, {inside[0]:#x} to {inside[-1]:#x}"


def main():
    machine, firmware, uart = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
    found = list(scenes(run(machine, firmware, uart)))
    bounds = functions(firmware)
    print(f"  {'scene':28}{'points':>8}{'unmasked':>10}{'hit':>7}{'masked':>9}{'lost':>9}")
    for name, points, lost, kinds in found:
        hit, missed, masked = (len(kinds[kind]) for kind in ("hit", "missed", "masked"))
        print(f"  {name:28}{points:>8}{hit + missed:>10}{100 * hit / (hit + missed):>6.1f}%{masked:>9}{lost:>9}")
    for kind in ("missed", "masked"):
        print(f"  {kind}:", *by_function(sorted({at for *_, kinds in found for at in kinds[kind]}), bounds), sep="\n  ")
    failures = [f"{name}: too few instructions were hit" for name, *_, kinds in found if not is_swept(kinds)]
    if len(found) != SCENES:
        failures.append(f"{len(found)} scenes")
    # The check of the check: with each tenth hit left out, no scene is swept.
    failures += [f"{name}: missing hits go unnoticed" for name, *_, kinds in found if is_swept(without_tenths(kinds))]
    sys.exit("\n".join(failures) or None)


def without_tenths(kinds):
    hit = kinds["hit"]
    return kinds | {"hit": [at for place, at in enumerate(hit) if place % 10], "missed": kinds["missed"] + hit[::10]}


main()
