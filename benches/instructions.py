#!/usr/bin/env python3
"""Counts instructions per span, and holds them against bounds.toml.

Times on a shared machine are noise; instructions are not. Each case of the
program `instructions` runs under callgrind, which counts what happens inside
the function `measured` and nothing else. A figure that is more than 3 % off
its bound, either way, fails and names the functions that it is spent in.

    benches/instructions.py              check every case
    benches/instructions.py --update     write the figures as the new bounds

A check proves itself in the same run: against a copy of the bounds lowered
by 4 % it has to fail.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
BOUNDS = HERE / "bounds.toml"
TOLERANCE = 0.03
LOWERED = 0.96
TOP = 8

# Without this the C library would choose its copying by the processor, and the
# figures with it.
ENVIRONMENT = os.environ | {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned_Load,-AVX512F,-AVX512VL,-ERMS,-FSRM"
}

HEADER = """\
# Instructions per span of each case of workloads/src/bin/instructions.rs, as
# callgrind counts them. Written by `benches/instructions.py --update`; the
# compiler is part of what is measured.
"""

Figure = collections.namedtuple("Figure", "per_span top")


class Failure(Exception):
    """The error, in one line for the user."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--update", action="store_true", help="write the figures to bounds.toml")
    options = parser.parse_args()
    try:
        figures = measure(build())
        if options.update:
            write(BOUNDS, {case: figure.per_span for case, figure in figures.items()})
        check(figures)
    except Failure as failure:
        sys.exit(f"instructions: {failure}")


def check(figures):
    """Prints every figure beside its bound; raises unless all are near it."""
    bounds = read(BOUNDS)
    report(figures, bounds)
    failed = judge(figures, bounds)
    for message in failed:
        print(f"\n{message}")
    if failed:
        raise Failure(f"{len(failed)} cases differ from {BOUNDS.name}{other_compiler()}; "
                      "--update accepts them")
    prove(figures, bounds)


def prove(figures, bounds):
    """Raises unless bounds that are 4 % too low are noticed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / BOUNDS.name
        write(copy, {case: bound * LOWERED for case, bound in bounds.items()})
        noticed = len(judge(figures, read(copy)))
    if not noticed:
        raise Failure("bounds lowered by 4 % were not noticed: the figures have fallen, "
                      "--update accepts them")
    print(f"\nlowered by 4 %: {noticed} of {len(bounds)} cases fail, as they must")


def judge(figures, bounds):
    """A message for each case that deviates from its bound."""
    messages = []
    for case in sorted(figures.keys() | bounds.keys()):
        if case not in figures:
            messages.append(f"{case}: has a bound, and no longer exists")
        elif case not in bounds:
            messages.append(f"{case}: has no bound yet")
        elif abs(off(figures[case].per_span, bounds[case])) > TOLERANCE:
            messages.append(explain(case, figures[case], bounds[case]))
    return messages


def explain(case, figure, bound):
    change = off(figure.per_span, bound)
    lines = [f"{case}: {figure.per_span:.1f} instructions per span, "
             f"{change:+.1%} of {bound:.1f}; spent in"]
    lines += [f"  {count:10.1f}  {name}" for name, count in figure.top]
    return "\n".join(lines)


def report(figures, bounds):
    print(f"{'instructions per span':<32} {'now':>9} {'bound':>9} {'off':>7}")
    for case, figure in figures.items():
        bound = bounds.get(case)
        beside = f"{bound:9.1f} {off(figure.per_span, bound):+7.1%}" if bound else f"{'none':>9}"
        print(f"{case:<32} {figure.per_span:9.1f} {beside}")


def off(now, bound):
    return now / bound - 1


def build():
    """Builds the program without the peers; returns its path."""
    command = ["cargo", "build", "--release", "--locked", "--message-format", "json-render-diagnostics",
               "--manifest-path", HERE / "Cargo.toml",
               "--package", "picojaeger-workloads", "--bin", "instructions"]
    for line in run(command).splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["executable"]:
            return message["executable"]
    raise Failure("cargo built no program")


def measure(program):
    """The figure of each case, in the program's order; valgrind takes one processor for each."""
    cases = run([program, "--list"]).splitlines()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(cases, pool.map(lambda case: count(program, case), cases)))


def count(program, case):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        spans = int(run(["valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no",
                         "--toggle-collect=*instructions::measured*",
                         f"--callgrind-out-file={out}", program, case]))
        profile = out.read_text()
    own, total = own_instructions(profile), total_instructions(profile)
    if total == 0:
        raise Failure(f"{case}: callgrind met no function named measured")
    if sum(own.values()) != total:
        raise Failure(f"{case}: the functions of the profile do not add up to its total")
    top = [(name, instructions / spans) for name, instructions in own.most_common(TOP)]
    return Figure(total / spans, top)


def own_instructions(profile):
    """Instructions of each function without those of its callees.

    Format: https://valgrind.org/docs/manual/cl-format.html. A name is given
    in full once, `fn=(1) name`, and as `fn=(1)` from then on; the cost line
    after `calls=` belongs to the callee.
    """
    names, own = {}, collections.Counter()
    function, call = None, False
    for line in profile.splitlines():
        if named := re.match(r"c?fn=\((\d+)\)(?: (.*))?", line):
            number, name = named.groups()
            if name:
                names[number] = name
            if line.startswith("fn="):
                function = names[number]
        elif line.startswith("calls="):
            call = True
        elif cost := re.fullmatch(r"(?:\d+|[+-]\d+|\*) (\d+)", line):
            if not call:
                own[function] += int(cost.group(1))
            call = False
    return own


def total_instructions(profile):
    """The total that callgrind itself gives."""
    total = re.search(r"^totals: (\d+)$", profile, re.MULTILINE)
    return int(total.group(1)) if total else 0


def read(path):
    try:
        return tomllib.loads(path.read_text())["instructions"]
    except FileNotFoundError:
        return {}


def write(path, bounds):
    lines = [f'"{case}" = {bound:.2f}\n' for case, bound in bounds.items()]
    path.write_text(f'{HEADER}compiler = "{compiler()}"\n\n[instructions]\n{"".join(lines)}')


def other_compiler():
    """A hint, where the bounds were written under another compiler."""
    if not BOUNDS.exists():
        return ""
    then, now = tomllib.loads(BOUNDS.read_text()).get("compiler"), compiler()
    return "" if then == now else f" (written under {then}, this is {now})"


def compiler():
    return run(["rustc", "--version"]).strip()


def run(command):
    """Returns the standard output of a command; its standard error is passed through."""
    try:
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                              env=ENVIRONMENT).stdout
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        raise Failure(f"{error.cmd[0]} ended with status {error.returncode}") from None


if __name__ == "__main__":
    main()
