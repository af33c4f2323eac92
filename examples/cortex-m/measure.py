#!/usr/bin/env python3
"""Instructions, masked sections, stack, sizes and flash of the core on emulated chips, held against bounds.toml.

Usage: measure.py [--update]      from this folder; needs cargo, cc, nm and qemu-system-arm
"""

import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).parent
BOUNDS = HERE / "bounds.toml"
TARGETS = {"thumbv7em": "thumbv7em-none-eabihf", "thumbv6m": "thumbv6m-none-eabi"}
PROFILES = {"3": "release", "s": "size"}
# The compiler's runtime, which is not ours.
RUNTIME = re.compile(r"compiler_builtins|^__aeabi_|^mem(cpy|set|move|cmp)$|^__[a-z]+[sd]i[0-9]$")


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, cwd=HERE, **options).stdout


def target_folder():
    import json

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
    library = target_folder() / "count.so"
    run("cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", library, "count.c")
    return library


def measured(elf, library):
    """What the cases print, joined with what the plugin counts: two lists in one order."""
    marks = {name: at for name, at, _ in symbols(elf)}
    arguments = f"{library},from={marks['picojaeger_count_from']:#x},to={marks['picojaeger_count_to']:#x}"
    out = run("qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none",
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
    sizes = {name: int(size) for name, size in re.findall(r"^size (\w+) (\d+)$", out, re.M)}
    return figures, sizes


def main():
    library = plugin()
    for chip, target in TARGETS.items():
        for level, profile in PROFILES.items():
            figures, sizes = measured(build(target, profile, "measure"), library)
            print(chip, level, sizes)
            for name, row in figures.items():
                print(f"  {name:24}", *row.values())


main()
