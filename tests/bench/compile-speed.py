#!/usr/bin/env python3
"""How fast the baseline compiler is, and how much code it makes, over all benchmark programs.

    compile-speed.py [MOONPATCH]

Every program runs with small arguments and --force, so that each function is compiled when
it is made (some again later, when inline caches have learnt more). The time is that of
compilation only, by the compiler's own clock (--stats), the best of five runs of a program;
what a first compilation costs in cold caches and fresh pages is in it.
"""
import json
import os
import subprocess
import sys

RUNS = 5
TOTALS = ("compiled_functions", "compiled_instructions", "hot_bytes", "cold_bytes", "compile_ns")
HEADS = ("program", "functions", "instructions", "million/s", "hot bytes", "cold bytes")
here = os.path.dirname(os.path.abspath(__file__))
binary = os.path.join(here, "../../target/release/moonpatch")
moonpatch = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else binary)


def show(name, s):
    n = s["compiled_instructions"]
    speed = n * 1e3 / max(s["compile_ns"], 1)
    hot, cold = s["hot_bytes"] / n, s["cold_bytes"] / n
    print("%-20s %9d %12d %10.2f %10.1f %10.1f" % (name, s["compiled_functions"], n, speed, hot, cold))


total = dict.fromkeys(TOTALS, 0)
print("%-20s %9s %12s %10s %10s %10s" % HEADS)
with open(os.path.join(here, "sizes.txt")) as sizes:
    programs = [line.split()[:2] for line in sizes if line.strip() and not line.startswith("#")]
for name, argument in programs:
    best = None
    for _ in range(RUNS):
        command = [moonpatch, "--force", "--stats", name + ".lua", argument]
        run = subprocess.run(command, cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120)
        if run.returncode != 0:
            sys.exit("%s: %s" % (name, run.stderr.decode(errors="replace")))
        stats = json.loads(run.stderr.decode().splitlines()[-1])
        if best is None or stats["compile_ns"] < best["compile_ns"]:
            best = stats
    for key in total:
        total[key] += best[key]
    show(name, best)
show("all, per instruction", total)
