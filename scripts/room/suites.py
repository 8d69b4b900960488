# SPDX-License-Identifier: GPL-2.0-only
"""Which selftests run where, and running them."""

import os
import signal
import subprocess
import sys
import threading
import time

import ktap
import vmlib

INSTALL = os.path.join(vmlib.OUT, "selftests", "install")


class Suite:
    """One collection of selftests/ on one machine. command runs in its installed directory."""

    def __init__(self, name, command, vm="fast", smp=1, mem=None, virtual=False, timeout=900,
                 collection=None, core=None, host=False, debug_real=False, debug_smp=None,
                 more=(), python="", append=""):
        self.name, self.command, self.vm, self.smp, self.mem = name, command, vm, smp, mem
        self.virtual, self.timeout = virtual, timeout
        self.collection = collection or name
        self.core = core		# the command for the reduced run; None: the same
        self.more = more		# files of this machine, for one that has not its file system
        self.python = python		# modules of the standard library, likewise
        self.append = append		# more for the kernel's command line
        self.host = host		# the command runs on the host and boots machines itself
        # virtual time makes a run independent of the host's load, but has one CPU only: races
        # are looked for on the debug kernel
        self.debug_real = debug_real
        # CPUs on the debug kernel: emulated ones that share a thread find no races, but cost a fifth more
        self.debug_smp = debug_smp or smp


# The command ends with 0 or 1 and speaks KTAP. XTCP_SEED is set.
SUITES = {s.name: s for s in (
    Suite("mod", "./run.sh", vm="fast", smp=2, mem="1G", virtual=True, debug_real=True, timeout=1200),
    Suite("api", "./run-api", vm="fast", smp=2, mem="1G", timeout=1200),
    # the half of AF_XTCP's sockets that is left
    Suite("noipv6", "XTCP_API_STACKS=tcp4,fam4,inet4 ./run-api names connect data own", vm="fast", smp=2,
          mem="1G", collection="api", append="ipv6.disable=1", timeout=600),
    Suite("bind", "./run.sh", vm="fast", smp=2, mem="1G", timeout=1200),
    Suite("wire", "./run.sh", core="./run.sh --core", vm="fast", mem="1G", virtual=True, timeout=1800),
    Suite("net", "./run.sh", core="./run.sh --core", vm="host", smp=2, mem="3G", timeout=1800,
          debug_smp=1),
    # without a disk, since virtual time jumps while a machine waits for it
    Suite("untouched", "bash ./run.sh host_untouched tshark_clean", vm="fast", mem="2G", virtual=True,
          collection="net", timeout=600,
          more=("/usr/bin/tcpdump", "/usr/bin/tshark", "/usr/bin/nsenter", "/usr/bin/taskset",
                "/usr/bin/python3", "/etc/passwd"),
          python="random socket struct sys zlib encodings.ascii encodings.idna encodings.latin_1"),
    Suite("pair", "./run-pair", host=True, collection="net", timeout=900),
    Suite("smp", "./run.sh", vm="fast", smp=4, mem="3G", timeout=420),
)}

# Debug kernel: everything is four times as slow and needs the memory for its shadow
SLOW = {"debug": 3}
DEBUG_MEM = {"1G": "2G", "3G": "4G"}	# no more: kmemleak scans what describes it, too


def make(*args, **kw):
    return subprocess.run(["make", "-C", os.path.join(vmlib.TOP, "selftests"), "-s",
                           "OUTPUT=" + os.path.join(vmlib.OUT, "selftests"),
                           "KSELFTEST_DIR=" + os.path.join(vmlib.CACHE, "src", "linux-tools", "tools",
                                                           "testing", "selftests")] + list(args),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, **kw)


def install(collections, limit=None):
    """Build and install collections, limit seconds each. Returns the errors: {collection: text}."""
    errors = {}
    for c in sorted(set(collections)):
        if c != "lib" and not os.path.exists(os.path.join(vmlib.TOP, "selftests", c, "Makefile")):
            errors[c] = "there is no selftests/%s" % c
            continue
        try:
            r = make("install", "TARGETS=" + c, "INSTALL_PATH=" + INSTALL, timeout=limit)
        except subprocess.TimeoutExpired as e:
            errors[c] = str(e)
            continue
        if r.returncode:
            errors[c] = r.stdout
    return errors


class Lines:
    """A sink for vmlib.Output: to the log, to the KTAP reader, and on to the terminal."""

    def __init__(self, log, report, echo):
        self.log, self.report, self.echo = log, report, echo

    def write(self, data):
        text = data.decode(errors="replace")
        self.log.write(text)
        for line in text.splitlines():
            self.report.feed(line)
        if self.echo:
            sys.stdout.write(text)
            sys.stdout.flush()

    def flush(self):
        self.log.flush()


def run(kernel, suite, core=False, seed=None, echo=False, args="", limit=None):
    """Run one suite on one kernel, for limit seconds at most. Returns a ktap.Report."""
    report = ktap.Report("%s %s" % (kernel, suite.name))
    seed = seed or "%d" % (time.time() * 1000 % 2**31)
    command = (suite.core if core and suite.core else suite.command) + (" " + args if args else "")
    path = os.path.join(INSTALL, suite.collection)
    logs = os.path.join(vmlib.OUT, "logs")
    os.makedirs(logs, exist_ok=True)
    name = os.path.join(logs, "%s-%s.log" % (kernel, suite.name))
    timeout = suite.timeout * SLOW.get(kernel, 1)
    if limit:
        timeout = min(timeout, limit)
    env = "XTCP_SEED=%s XTCP_KERNEL=%s%s" % (seed, kernel, " XTCP_CORE=1" if core else "")
    with open(name, "w") as log:
        log.write("# seed %s\n" % seed)
        lines = Lines(log, report, echo)
        if suite.host:
            rc, complaints = run_here(env, path, command, timeout, lines), []
        else:
            rc, complaints = run_vm(kernel, suite, env, path, command, timeout, lines)
    if rc not in (0, 1) or complaints or (rc == 1 and not report.failed):
        report.fail("%s: exit status %d" % (suite.name, rc), complaints + report.lines[-30:])
    elif not suite.host:
        report.passed += 1		# the machine: no leak, no complaint of the kernel, unloaded
    report.finish()
    report.name = "%s %s (seed %s)" % (kernel, suite.name, seed)
    return report


def end_group(p, how):
    """End a child that leads a session, and all that it started."""
    try:
        os.killpg(p.pid, how)
    except ProcessLookupError:
        pass


# What run_here() has started and not seen the end of
RUNNING = set()


def run_here(env, path, command, timeout, lines):
    p = subprocess.Popen("cd '%s' && env %s %s" % (path, env, command), shell=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         start_new_session=True)
    RUNNING.add(p)
    killer = threading.Timer(timeout, end_group, (p, signal.SIGTERM))
    killer.start()
    for raw in iter(p.stdout.readline, b""):
        lines.write(raw)
    rc = p.wait()
    killer.cancel()
    RUNNING.discard(p)
    return rc


def python_files(modules):
    """What importing modules reads."""
    text = ("import sys, %s\nfor m in list(sys.modules.values()):\n"
            "    for f in {getattr(m, '__file__', None), getattr(m, '__cached__', None)} - {None}:\n"
            "        print(f)" % ", ".join(modules.split()))
    said = subprocess.check_output(["/usr/bin/python3", "-S", "-c", text], universal_newlines=True)
    return [f for f in said.split() if os.path.exists(f)]


def run_vm(kernel, suite, env, path, command, timeout, lines):
    cls = vmlib.FastVm if suite.vm == "fast" else vmlib.HostVm
    mem = suite.mem or "1G"
    if kernel == "debug":
        mem = DEBUG_MEM.get(mem, mem)
    files = []
    if suite.vm == "fast":
        files = ["%s:/t/%s" % (path, suite.collection), "%s:/t/lib" % os.path.join(INSTALL, "lib")]
        path = "/t/" + suite.collection
        more = list(suite.more) + (python_files(suite.python) if suite.python else [])
        files += ["%s:%s" % (f, f) for f in more]
    virtual = suite.virtual and not (kernel == "debug" and suite.debug_real)
    smp = suite.debug_smp if kernel == "debug" else suite.smp
    vm = cls(kernel, smp=smp, mem=mem, timeout=timeout, virtual=virtual, module=True, files=files,
             append=suite.append)
    vm.label = "%s-%s" % (kernel, suite.name)
    try:
        vm.start("cd '%s' && env %s %s" % (path, env, command), lines)
        rc = vm.finish(quiet=True)
    finally:
        vm.stop()
    return rc, vm.complaints
