#!/usr/bin/env python3
"""Bytes of code and constants that tracing adds to the kernel, profile `size`, held against its budgets.

Usage: measure.py      from this folder; needs cargo and binutils
"""

import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
# Thrift by UDP has a budget of 14 KiB; frames by UART are held at what they take, with 1 % for other compilers.
BUDGETS = {"": 14 << 10, "relay": 13_810}


def run(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, cwd=HERE).stdout


def size(*features):
    """Bytes of .text and .rodata of the kernel with these features."""
    run("cargo", "build", "--locked", "--quiet", "--profile", "size", "--features", ",".join(features))
    found = json.loads(run("cargo", "metadata", "--locked", "--no-deps", "--format-version=1"))
    elf = pathlib.Path(found["target_directory"], "aarch64-unknown-none-softfloat", "size", "kernel")
    return sum(int(size) for size in re.findall(r"^\.(?:text|rodata)\s+(\d+)", run("size", "-A", elf), re.M))


def main():
    failures = []
    for format_, budget in BUDGETS.items():
        added = size(format_) - size(format_, "baseline")
        name = format_ or "thrift"
        print(f"{name}: {added} bytes beyond the kernel without a span, of {budget}")
        if added > budget:
            failures.append(f"{name} adds {added} bytes, over its budget of {budget}")
    sys.exit("\n".join(failures) or None)


main()
