#!/usr/bin/env python3
"""Interleaved whole-process benchmark runner for command-line Lua engines.

    bench.py --bench-dir DIR --runs N \
             --engine puc='lua5.1' --engine joff='luajit -joff' --engine lj=luajit \
             --csv OUT.csv

For every benchmark program found in DIR the engines are run A B C A B C ...,
one process at a time, pinned to one cpu.  The first engine named is the
reference: every other engine's stdout must be byte-for-byte the same as the
reference's, and ratios are reference_time / engine_time (above 1 = faster than
the reference).

Peak RSS is the kernel's ru_maxrss, which cannot read lower than this runner's
own (about 13 MB): for a small program use /usr/bin/time -f %M instead.

A run fails when it exits non-zero, is killed by a signal, or outlives
--timeout; a failed engine gets no time and no ratio for that benchmark, and a
mismatching one keeps its times but is left out of the geomean.

Needs only Python >= 3.6 on Linux.  Nothing in here depends on where it lies.
"""
import argparse
import csv
import fnmatch
import hashlib
import math
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

# Arguments each program is given (a program not named here gets none).
# Override or extend with --args-file / --set.
DEFAULT_ARGS = {}

class Result(object):
    __slots__ = ("wall", "user", "sys", "rss_kb", "status", "digest", "size", "err")

    def __init__(self):
        self.wall = self.user = self.sys = 0.0
        self.rss_kb = self.size = 0
        self.status = "ok"
        self.digest = self.err = ""

    @property
    def ok(self):
        return self.status == "ok"


def digest_file(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


def run_once(argv, out_path, cpu, timeout, cwd=None):
    """One process: wall, user, sys, peak RSS, and a digest of its stdout."""
    r = Result()

    def child_setup():
        os.setsid()
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})

    err_path = out_path + ".err"
    with open(os.devnull, "rb") as fin, open(out_path, "wb") as fout, open(err_path, "wb") as ferr:
        start = time.perf_counter()
        try:
            p = subprocess.Popen(argv, stdin=fin, stdout=fout, stderr=ferr,
                                 preexec_fn=child_setup, cwd=cwd)
        except OSError as e:
            r.status, r.err = "cannot-start", str(e)
            return r
        # Popen returns once the exec has succeeded; a timer kills the whole
        # process group, and wait4 gives this child's own resource usage.
        timed_out = threading.Event()

        def kill():
            timed_out.set()
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except OSError:
                pass

        timer = threading.Timer(timeout, kill)
        timer.daemon = True
        timer.start()
        _, st, ru = os.wait4(p.pid, 0)
        r.wall = time.perf_counter() - start
        timer.cancel()
        p.returncode = st  # already reaped: keep Popen from waiting again
    r.user, r.sys, r.rss_kb = ru.ru_utime, ru.ru_stime, ru.ru_maxrss
    if timed_out.is_set():
        r.status = "timeout"
    elif os.WIFSIGNALED(st):
        r.status = "signal-%d" % os.WTERMSIG(st)
    elif os.WEXITSTATUS(st) != 0:
        r.status = "exit-%d" % os.WEXITSTATUS(st)
    if not r.ok:
        with open(err_path, "rb") as f:
            r.err = f.read(400).decode("utf-8", "replace").strip()
    r.size = os.path.getsize(out_path)
    r.digest = digest_file(out_path)
    return r


def geomean(xs):
    xs = [x for x in xs if x > 0]
    return math.exp(sum(map(math.log, xs)) / len(xs)) if xs else float("nan")


def parse_engine(s):
    name, eq, cmd = s.partition("=")
    if not eq or not name or not cmd:
        raise argparse.ArgumentTypeError("want NAME='command', got %r" % s)
    return name, shlex.split(cmd)


def parse_set(s):
    name, eq, val = s.partition("=")
    if not eq:
        raise argparse.ArgumentTypeError("want BENCH='args', got %r" % s)
    return name, val


def load_args_file(path):
    """Lines of 'bench-name arg ...'; # starts a comment."""
    out = {}
    with open(path) as f:
        for line in f:
            line = line.split("#", 1)[0].strip()
            if line:
                name, _, rest = line.partition(" ")
                out[name[:-4] if name.endswith(".lua") else name] = rest.strip()
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--bench-dir", required=True, help="folder of *.lua programs")
    ap.add_argument("--runs", type=int, default=3, metavar="N")
    ap.add_argument("--engine", action="append", type=parse_engine, required=True,
                    metavar="NAME='CMD'", help="give several; the first is the reference")
    ap.add_argument("--csv", metavar="OUT", help="one row per benchmark")
    ap.add_argument("--raw-csv", metavar="OUT", help="one row per run")
    ap.add_argument("--timeout", type=float, default=120.0, metavar="S",
                    help="kill a run after S seconds and count it a failure (default 120)")
    ap.add_argument("--cpu", type=int, default=None,
                    help="cpu to pin to (default: the highest one allowed; -1: do not pin)")
    ap.add_argument("--only", action="append", metavar="GLOB", help="only these benchmarks")
    ap.add_argument("--skip", action="append", default=[], metavar="GLOB")
    ap.add_argument("--args-file", metavar="FILE", help="lines of: bench-name arg ...")
    ap.add_argument("--set", action="append", type=parse_set, default=[], metavar="BENCH='ARGS'")
    ap.add_argument("--metric", choices=("wall", "user", "cpu"), default="wall",
                    help="what the printed numbers are of (cpu: user+sys, steadier than wall on a "
                         "shared machine); the csv has wall and cpu both")
    ap.add_argument("--stat", choices=("median", "min"), default="median")
    ap.add_argument("--work-dir", metavar="DIR",
                    help="where stdout is kept while it is compared (default: a temporary folder)")
    ap.add_argument("--startup", type=int, default=0, metavar="N",
                    help="also time N runs of an empty script under each engine")
    a = ap.parse_args()

    engines = a.engine
    names = [n for n, _ in engines]
    if len(set(names)) != len(names):
        ap.error("engine names must differ")
    allowed = os.sched_getaffinity(0)
    cpu = max(allowed) if a.cpu is None else (None if a.cpu < 0 else a.cpu)
    if cpu is not None and cpu not in allowed:
        ap.error("cpu %d is not one this process may use: %s" % (cpu, sorted(allowed)))

    args = dict(DEFAULT_ARGS)
    if a.args_file:
        args.update(load_args_file(a.args_file))
    args.update(dict(a.set))

    bench_dir = os.path.abspath(a.bench_dir)
    benches = sorted(f[:-4] for f in os.listdir(bench_dir) if f.endswith(".lua"))
    if a.only:
        benches = [b for b in benches if any(fnmatch.fnmatch(b, g) for g in a.only)]
    benches = [b for b in benches if not any(fnmatch.fnmatch(b, g) for g in a.skip)]
    if not benches:
        ap.error("no benchmarks in %s" % bench_dir)

    tmp = None
    if a.work_dir:
        os.makedirs(a.work_dir, exist_ok=True)
        work = os.path.abspath(a.work_dir)
    else:
        tmp = tempfile.TemporaryDirectory(prefix="bench-")
        work = tmp.name
    out_path = os.path.join(work, "stdout")

    stat = statistics.median if a.stat == "median" else min
    value = {"wall": lambda r: r.wall, "user": lambda r: r.user,
             "cpu": lambda r: r.user + r.sys}[a.metric]
    raw = []
    rows = []
    failures = []
    mismatches = []

    width = max(len(b) for b in benches) + 1
    print("# %s %s of %d run(s), cpu %s, timeout %gs; ratio = %s / engine"
          % (a.stat, a.metric, a.runs, cpu, a.timeout, names[0]))
    head = "%-*s %-12s" % (width, "benchmark", "args")
    head += "".join(" %10s" % n[:10] for n in names)
    head += "".join(" %10s" % ("x" + n[:9]) for n in names[1:])
    print(head, flush=True)

    def write_csv():
        if a.csv:
            cols = ["benchmark", "args"]
            for n in names:
                cols += [n + s for s in ("_wall_median", "_wall_min", "_cpu_median", "_cpu_min",
                                         "_user_median", "_rss_kb", "_status")]
            cols += ["%s/%s_%s" % (names[0], n, m) for n in names[1:] for m in ("wall", "cpu")]
            with open(a.csv, "w", newline="") as f:
                w = csv.DictWriter(f, cols, restval="")
                w.writeheader()
                for row in rows:
                    w.writerow(row)
        if a.raw_csv:
            with open(a.raw_csv, "w", newline="") as f:
                w = csv.writer(f)
                w.writerow(["benchmark", "args", "run", "engine", "status", "wall_s", "user_s",
                            "sys_s", "maxrss_kb", "stdout_bytes", "stdout_sha256"])
                w.writerows(raw)

    ratios = {n: [] for n in names}
    for b in benches:
        barg = args.get(b, "")
        results = {n: [] for n in names}
        dead = {}
        for i in range(a.runs):
            for n, cmd in engines:
                if n in dead:
                    continue
                argv = cmd + [os.path.join(bench_dir, b + ".lua")] + shlex.split(barg)
                r = run_once(argv, out_path, cpu, a.timeout)
                raw.append([b, barg, i + 1, n, r.status, "%.4f" % r.wall, "%.4f" % r.user,
                            "%.4f" % r.sys, r.rss_kb, r.size, r.digest])
                if r.ok:
                    results[n].append(r)
                else:
                    dead[n] = r.status
                    failures.append((b, n, r.status, r.err))
        row = {"benchmark": b, "args": barg}
        ref = names[0]
        ref_digests = {r.digest for r in results[ref]} if ref not in dead else set()
        if len(ref_digests) > 1:
            mismatches.append((b, ref, "differs from itself between runs"))
        med = {}
        status = {}
        for n in names:
            rs = results[n]
            status[n] = dead.get(n, "ok")
            if n in dead:
                row[n + "_status"] = dead[n]
                continue
            if n != ref and ref_digests and {r.digest for r in rs} != ref_digests:
                status[n] = "stdout-differs"
                mismatches.append((b, n, "%d bytes, %s has %d" % (rs[-1].size, ref, results[ref][-1].size)))
            med[n] = stat([value(r) for r in rs])
            row[n + "_wall_median"] = "%.4f" % statistics.median(r.wall for r in rs)
            row[n + "_wall_min"] = "%.4f" % min(r.wall for r in rs)
            row[n + "_user_median"] = "%.4f" % statistics.median(r.user for r in rs)
            row[n + "_cpu_median"] = "%.4f" % statistics.median(r.user + r.sys for r in rs)
            row[n + "_cpu_min"] = "%.4f" % min(r.user + r.sys for r in rs)
            row[n + "_rss_kb"] = max(r.rss_kb for r in rs)
            row[n + "_status"] = status[n]
        line = "%-*s %-12s" % (width, b, barg)
        for n in names:
            line += " %10s" % ("%.3f" % med[n] if n in med else status[n][:10])
        for n in names[1:]:
            if n in med and ref in med and med[n] > 0 and med[ref] > 0:
                x = med[ref] / med[n]
                for m, f in (("wall", lambda r: r.wall), ("cpu", lambda r: r.user + r.sys)):
                    d = stat([f(r) for r in results[n]])
                    if d > 0:
                        row["%s/%s_%s" % (ref, n, m)] = "%.4f" % (stat([f(r) for r in results[ref]]) / d)
                bad = status[n] != "ok"
                if not bad:
                    ratios[n].append(x)
                line += " %10s" % ("%.2f%s" % (x, "!" if bad else ""))
            else:
                line += " %10s" % "-"
        print(line, flush=True)
        rows.append(row)
        write_csv()

    line = "%-*s %-12s" % (width, "geomean", "") + " %10s" % "" * len(names)
    for n in names[1:]:
        line += " %10s" % ("%.3f" % geomean(ratios[n]))
    print(line)
    line = "%-*s %-12s" % (width, "(count)", "") + " %10s" % "" * len(names)
    for n in names[1:]:
        line += " %10d" % len(ratios[n])
    print(line)

    if a.startup:
        empty = os.path.join(work, "empty.lua")
        open(empty, "w").close()
        samples = {n: [] for n in names}
        for _ in range(a.startup):
            for n, cmd in engines:
                r = run_once(cmd + [empty], out_path, cpu, a.timeout)
                if r.ok:
                    samples[n].append(r)
        print("# empty script, %d runs: wall median / min (ms; includes this runner's fork+exec)" % a.startup)
        for n in names:
            if samples[n]:
                print("%-12s %.2f / %.2f" % (n, 1e3 * statistics.median(r.wall for r in samples[n]),
                                             1e3 * min(r.wall for r in samples[n])))
            else:
                print("%-12s failed" % n)

    waited = [x for x in raw if x[4] == "ok"
              and float(x[5]) - float(x[6]) - float(x[7]) > max(0.05, 0.05 * float(x[5]))]
    if waited:
        print("# %d of %d runs spent over 5%% of their wall time waiting, most likely for the cpu: "
              "prefer --metric cpu" % (len(waited), len(raw)))
    if mismatches:
        print("# stdout differs from %s (marked !, not in the geomean):" % names[0])
        for b, n, what in mismatches:
            print("  %s %s: %s" % (b, n, what))
    if failures:
        print("# failures:")
        for b, n, status, err in failures:
            print("  %s %s: %s %s" % (b, n, status, err.splitlines()[0] if err else ""))
    if not mismatches and not failures:
        print("# every run succeeded and every stdout is identical")
    if tmp:
        tmp.cleanup()
    return 1 if mismatches or failures else 0


if __name__ == "__main__":
    sys.exit(main())
