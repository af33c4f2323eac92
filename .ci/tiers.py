#!/usr/bin/env python3
"""Checks that each module of std-adapter uses only modules of lower tiers.

A module is a file or folder directly below std-adapter/src. What it uses is read from its own
`use` lines and `crate::` paths; files inside one folder may know each other. Code under
`#[cfg(test)]`, comments, strings, lib.rs and prelude.rs are exempt. ARCHITECTURE.md explains the rule.
"""
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent / "std-adapter" / "src"

TIERS = [
    ["sys", "model"],
    ["config", "context"],
    ["memory", "observers", "stats", "sampling", "propagation", "reporters", "transport", "worker", "collector"],
    ["export", "metrics", "relay"],
    ["state"],
    ["scope"],
    ["spans"],
    ["tracer"],
    ["tasks"],
    ["collector_server", "integrations", "testing"],
]
TIER = {module: tier for tier, modules in enumerate(TIERS) for module in modules}

NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|r#*"(?:.*?)"#*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'', re.DOTALL)
ATTRIBUTE = re.compile(r"\s*#\[[^\]]*\]")


def main():
    found = violations(ROOT)
    for line in found:
        print(line)
    if found:
        sys.exit(f"error: {len(found)} uses against the tiers; ARCHITECTURE.md has the rule")
    prove()
    print(f"tiers: {len(list(sources(ROOT)))} files keep the rule, and a planted violation is found")


def violations(root):
    """One line for each use of a module of the same or a higher tier."""
    lines = []
    for module, file in sources(root):
        code = without_tests(NOISE.sub(blank, file.read_text()))
        for used, line in uses(code):
            problem = judge(module, used)
            if problem:
                lines.append(f"{file.relative_to(root)}:{line}: {problem}")
    return lines


def judge(module, used):
    if module not in TIER:
        return f"`{module}` has no tier yet: add it to .ci/tiers.py and ARCHITECTURE.md"
    if used == module:
        return None
    if used not in TIER:
        return f"`crate::{used}` is no module: use the path of the module that holds it"
    if TIER[used] >= TIER[module]:
        return f"`{module}` (tier {TIER[module]}) uses `{used}` (tier {TIER[used]})"
    return None


def sources(root):
    """Each source file, with the module that it belongs to."""
    for file in sorted(root.rglob("*.rs")):
        parts = file.relative_to(root).parts
        module = parts[0].removesuffix(".rs")
        if module in ("lib", "prelude") or parts[-1].endswith("tests.rs") or "tests" in parts:
            continue
        yield module, file


def uses(code):
    """Each module that the code names behind `crate::`, with its line."""
    for match in re.finditer(r"\bcrate::(\{|\w+)", code):
        line = code.count("\n", 0, match.start()) + 1
        if match[1] != "{":
            yield match[1], line
            continue
        for name in group(code, match.end()):
            yield name, line


def group(code, start):
    """The first path segments of a `use` group whose brace opened before `start`."""
    depth, segment = 1, ""
    for character in code[start:]:
        if character in "{}":
            depth += 1 if character == "{" else -1
        if depth == 0 or (depth == 1 and character == ","):
            name = re.match(r"\s*(\w+)", segment)
            if name:
                yield name[1]
            segment = ""
            if depth == 0:
                return
        else:
            segment += character


def without_tests(code):
    """The code with each item under `#[cfg(test)]` blanked out."""
    mark = re.compile(r"#\[cfg\((?:test|all\(test\b[^\]]*)\)\]")
    while match := mark.search(code):
        end = item_end(code, match.end())
        code = code[:match.start()] + blank(code[match.start():end]) + code[end:]
    return code


def item_end(code, start):
    """The end of the item that begins at `start`, further attributes included."""
    while attribute := ATTRIBUTE.match(code, start):
        start = attribute.end()
    depth = 0
    for at in range(start, len(code)):
        if code[at] == "{":
            depth += 1
        elif code[at] == "}":
            depth -= 1
            if depth == 0:
                return at + 1
        elif code[at] == ";" and depth == 0:
            return at + 1
    return len(code)


def blank(text):
    """The text's line ends, so that lines keep their numbers."""
    text = text if isinstance(text, str) else text[0]
    return "\n" * text.count("\n")


def prove():
    """Exits unless violations are found where they are planted, and nowhere else."""
    planted = {
        "memory/upward.rs": ("use crate::state::TracerState;\n", 1),
        "worker/sideways.rs": ("use crate::{sys::log, scope::Scope};\n", 1),
        "export/root.rs": ("fn f(_: crate::Tracer) {}\n", 1),
        "spans/clean.rs": (
            '// crate::tracer\nuse crate::state::Slot;\nconst S: &str = "crate::tracer";\n'
            "#[cfg(test)]\nmod tests {\n    use crate::tracer::Tracer;\n}\n", 0),
    }
    for name, (code, expected) in planted.items():
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / name
            file.parent.mkdir()
            file.write_text(code)
            if len(violations(pathlib.Path(folder))) != expected:
                sys.exit(f"error: the check of tiers does not judge its own example {name} rightly")


main()
