#!/usr/bin/env python3
"""Checks how doc comments open: with a verb or a noun phrase, not with a clause.

Fails where more than 1 % of the doc comments of core and std-adapter open with What, Who, Where,
How, Those or As.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOC = re.compile(r"^\s*//[/!](?!/)\s?(.*)")
CLAUSE = re.compile(r"(What|Who|Where|How|Those|As)\b")
LIMIT = 0.01


def main():
    all_, clauses = 0, []
    for folder in ("core/src", "std-adapter/src"):
        for file in sorted((ROOT / folder).rglob("*.rs")):
            for line, text in openings(file.read_text()):
                all_ += 1
                if CLAUSE.match(text):
                    clauses.append(f"{file.relative_to(ROOT)}:{line}: {text}")
    if len(clauses) > LIMIT * all_:
        print(*clauses, sep="\n")
        sys.exit(f"error: {len(clauses)} of {all_} doc comments open with a clause, over {LIMIT:.0%}; "
                 "begin with a verb in the third person or a noun phrase")
    if [text for _, text in openings("/// What it is.\n/// As.\nfn f() {}\n")] != ["What it is."]:
        sys.exit("error: the check does not find the opening of its own example")
    print(f"prose: {len(clauses)} of {all_} doc comments open with a clause")


def openings(source):
    """The first line of each doc comment, with its number."""
    inside = False
    for number, line in enumerate(source.splitlines(), 1):
        match = DOC.match(line)
        if match and not inside:
            yield number, match[1]
        inside = bool(match)


main()
