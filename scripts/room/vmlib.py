# SPDX-License-Identifier: GPL-2.0-only
"""Booting test machines: what vm, pair and run-suite share."""

import ctypes
import fcntl
import glob
import hashlib
import json
import lzma
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

ROOM = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(ROOM))
CACHE = os.environ.get("XTCP_CACHE") or os.path.join(TOP, "build", "cache")
OUT = os.environ.get("XTCP_OUT") or os.path.join(TOP, "build")
KERNELS = ("6.1", "6.12", "sid", "debug")
MARK = "XTCP-ROOM-EXIT"
# setup unpacks it: almost twice as quick as the machine's own (net on sid: 530 s beside 1000). But where
# instructions are counted the machine's own is quicker (wire: 160 s; this had done a quarter in 600), and
# under virtme-ng
QEMU = os.path.join(CACHE, "qemu", "usr", "bin", "qemu-system-x86_64")
OWN_QEMU = "/usr/bin/qemu-system-x86_64"

# What a clean run never says. One list for host and guest.
LIB = os.path.join(TOP, "selftests", "lib")
BAD_DMESG = os.path.join(LIB, "bad-dmesg")

# For the small machine: loaded on demand by modprobe, from its initramfs
MODULES = """
tun veth dummy ifb macvlan bridge vrf sch_netem sch_fq sch_fq_codel sch_tbf sch_prio sch_ingress
cls_matchall cls_u32 act_mirred act_gact
nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack nf_conntrack_netlink nf_tables nft_ct nft_log nft_limit
nft_reject nft_reject_inet nft_reject_ipv4 nft_reject_ipv6 nft_socket nft_tproxy nft_nat nft_masq
nft_redir nft_chain_nat nft_compat nf_tproxy_ipv4 nf_tproxy_ipv6 nf_reject_ipv4 nf_reject_ipv6
inet_diag tcp_diag udp_diag raw_diag unix_diag af_packet_diag netlink_diag
tunnel4 ipip ip_gre ip6_gre ip6_tunnel sit fou fou6 vxlan xfrm_user ah4 ah6 esp4 esp6 xfrm_algo
authenc hmac sha1_generic sha256_generic cbc aes_generic echainiv crypto_null seqiv md5 rmd160
virtio_net virtio_pci virtio_console virtio_rng e1000e vmxnet3 8139too 8139cp 9p 9pnet_virtio
tcp_bbr tcp_dctcp tls af_packet crc32c_generic libcrc32c nfnetlink overlay
""".split()

# Programs of the machine that the small machine gets, with the libraries they need
PROGRAMS = "ip tc nft ss ethtool bash stdbuf conntrack ping".split()


def die(text):
    print("%s: FAILED: %s" % (os.path.basename(sys.argv[0]), text), file=sys.stderr, flush=True)
    sys.exit(125)


def kernel(name):
    """Return {KVER, VMLINUZ, MODDIR, ...} of a kernel, making it first if need be."""
    if name not in KERNELS:
        die("unknown kernel %s (have: %s)" % (name, " ".join(KERNELS)))
    path = os.path.join(CACHE, "kernels", name, "env")
    if not os.path.exists(path):
        make = ["debug-kernel"] if name == "debug" else ["root", name]
        if subprocess.call([os.path.join(ROOM, make[0])] + make[1:], stdout=sys.stderr) != 0:
            die("no kernel %s" % name)
    with open(path) as f:
        return dict(line.strip().split("=", 1) for line in f if "=" in line)


def have_kvm():
    """KVM only if a tiny machine really boots in it: there are hosts where it hangs."""
    answer = os.path.join(CACHE, "kvm")
    if os.path.exists(answer):
        with open(answer) as f:
            return f.read().strip() == "yes"
    yes = False
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        # one that is at hand, rather than one that has to be made; the debug kernel takes its time
        have = [k for k in KERNELS if os.path.exists(os.path.join(CACHE, "kernels", k, "env"))]
        name = (have or KERNELS)[0]
        vm = FastVm(name, accel="kvm", timeout=30 if name == "debug" else 10)
        yes = vm.run("true", quiet=True) == 0
    with open(answer + ".new", "w") as f:
        f.write("yes\n" if yes else "no\n")
    os.rename(answer + ".new", answer)
    print("room: KVM %s" % ("works" if yes else "does not work here: TCG"), file=sys.stderr)
    return yes


def bad_lines(text):
    with open(BAD_DMESG) as f:
        lines = [l.rstrip("\n") for l in f if l.strip() and not l.startswith("#")]
    bad = re.compile("|".join(l for l in lines if not l.startswith("!")))
    good = [l[1:] for l in lines if l.startswith("!")]
    fine = re.compile("|".join(good)) if good else None
    return [l for l in text.splitlines() if bad.search(l) and not (fine and fine.search(l))]


def libraries(path):
    """Everything that a dynamic program needs, as absolute paths."""
    r = subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                       universal_newlines=True)
    return re.findall(r"(/\S+) \(0x", r.stdout)


def is_elf(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


class Tree:
    """A directory that becomes an initramfs."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="xtcp-initramfs.")

    def add(self, src, dest, libs=True):
        to = self.dir + dest
        if os.path.isdir(src):
            for name in sorted(os.listdir(src)):
                self.add(os.path.join(src, name), os.path.join(dest, name), libs)
            os.makedirs(to, exist_ok=True)
            return
        os.makedirs(os.path.dirname(to), exist_ok=True)
        if os.path.lexists(to):
            os.unlink(to)
        shutil.copy(src, to)
        if libs and is_elf(src) and not src.endswith((".ko", ".o")):
            for lib in libraries(src):
                if not os.path.exists(self.dir + lib):
                    self.add(os.path.realpath(lib), lib, libs=False)

    def write(self, dest, text, mode=0o644):
        to = self.dir + dest
        os.makedirs(os.path.dirname(to), exist_ok=True)
        with open(to, "w") as f:
            f.write(text)
        os.chmod(to, mode)

    def cpio(self, path):
        with open(path + ".new", "wb") as out:
            find = subprocess.Popen(["find", ".", "-mindepth", "1", "-print0"], cwd=self.dir,
                                    stdout=subprocess.PIPE)
            subprocess.run(["cpio", "-o", "-0", "-H", "newc", "-R", "0:0", "--quiet"], cwd=self.dir,
                           stdin=find.stdout, stdout=out, check=True)
            # pad, so that another archive can follow
            out.seek(0, os.SEEK_END)
            out.write(b"\0" * (-out.tell() % 512))
        os.rename(path + ".new", path)
        shutil.rmtree(self.dir)


def module_closure(moddir):
    """Paths of MODULES and what they need, by the kernel's own modules.dep."""
    deps = {}
    with open(os.path.join(moddir, "modules.dep")) as f:
        for line in f:
            head, tail = line.split(":", 1)
            deps[head] = tail.split()
    by_name = {re.sub(r"\.ko(\.xz|\.zst|\.gz)?$", "", os.path.basename(p)).replace("-", "_"): p
               for p in deps}
    want = set()
    for name in MODULES:
        path = by_name.get(name.replace("-", "_"))
        if path:
            want.add(path)
            want.update(deps[path])
    return sorted(want)


def base_cpio(name, env):
    """The part of the small machine that does not change: busybox, programs, modules."""
    key = hashlib.sha256(("6 %s %s %s" % (env["KVER"], MODULES, PROGRAMS)).encode()).hexdigest()[:12]
    path = os.path.join(CACHE, "kernels", name, "base-%s.cpio" % key)
    if os.path.exists(path):
        return path
    with open(os.path.join(CACHE, "kernels", name, "base.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(path):
            return path
        tree = Tree()
        tree.add(shutil.which("busybox") or die("no busybox (busybox-static)"), "/bin/busybox")
        applets = subprocess.check_output(["busybox", "--list-full"], universal_newlines=True)
        for applet in applets.split():
            to = tree.dir + "/" + applet
            os.makedirs(os.path.dirname(to), exist_ok=True)
            if not os.path.lexists(to):
                os.symlink("/bin/busybox", to)
        for program in PROGRAMS:
            src = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
            if not src:
                die("%s is not installed (scripts/room/setup)" % program)
            # busybox applets of the same name give way
            for d in ("/bin", "/sbin", "/usr/bin", "/usr/sbin"):
                if os.path.lexists(tree.dir + d + "/" + program):
                    os.unlink(tree.dir + d + "/" + program)
            tree.add(os.path.realpath(src), "/usr/bin/" + program)
        # busybox's shell would always prefer its own applets
        os.unlink(tree.dir + "/bin/sh")
        os.symlink("/usr/bin/bash", tree.dir + "/bin/sh")
        lib = glob.glob("/usr/libexec/coreutils/libstdbuf.so") + glob.glob("/usr/lib/x86_64-linux-gnu/coreutils/*")
        for l in lib:
            tree.add(l, l)
        dest = "/lib/modules/" + env["KVER"]
        for m in module_closure(env["MODDIR"]):
            src = os.path.join(env["MODDIR"], m)
            if src.endswith(".xz"):
                to = tree.dir + os.path.join(dest, m[:-3])
                os.makedirs(os.path.dirname(to), exist_ok=True)
                with lzma.open(src) as i, open(to, "wb") as o:
                    shutil.copyfileobj(i, o)
            elif src.endswith(".zst"):
                to = tree.dir + os.path.join(dest, m[:-4])
                os.makedirs(os.path.dirname(to), exist_ok=True)
                subprocess.run(["zstd", "-q", "-d", src, "-o", to], check=True)
            else:
                tree.add(src, os.path.join(dest, m), libs=False)
        for f in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            src = os.path.join(env["MODDIR"], f)
            if os.path.exists(src):
                shutil.copy(src, tree.dir + dest)
            else:
                tree.write(os.path.join(dest, f), "")
        subprocess.run(["depmod", "-b", tree.dir, env["KVER"]], check=True,
                       stderr=subprocess.DEVNULL)
        tree.cpio(path)
        return path


def die_with_parent():
    """However this program ends, its machines end with it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Monitor:
    """QEMU's, asked only about a machine that hangs: is it idle, does it spin, and where?"""

    def __init__(self):
        self.ours, self.qemus = socket.socketpair()
        self.ours.settimeout(10)

    def args(self):
        return ["-chardev", "socket,id=monitor,fd=%d" % self.qemus.fileno(),
                "-mon", "chardev=monitor,mode=control"]

    def ask(self, f, name, **arguments):
        self.ours.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:		# events may come first
            answer = json.loads(f.readline())
            if "return" in answer:
                return answer["return"]

    def where(self, times=3):
        """What the CPUs are doing, a line for each look. HLT=1: nothing."""
        lines = []
        try:
            f = self.ours.makefile("rb")
            f.readline()		# its greeting
            self.ask(f, "qmp_capabilities")
            for _ in range(times):
                text = self.ask(f, "human-monitor-command", **{"command-line": "info registers -a"})
                lines.append("CPUs: " + ", ".join(
                    "%s%s" % (rip, " halted" if hlt == "1" else "")
                    for rip, hlt in re.findall(r"[RE]IP=(\w+) .*?HLT=(\d)", text)))
                time.sleep(0.5)
        except (OSError, ValueError) as e:
            lines.append("CPUs: the monitor does not answer (%s)" % e)
        return lines


class Output(threading.Thread):
    """Passes the guest's output on, line by line, and picks up its exit status."""

    def __init__(self, pipe, sink, prefix=""):
        super().__init__(daemon=True)
        self.pipe, self.sink, self.prefix = pipe, sink, prefix
        self.status = None

    def run(self):
        for raw in iter(self.pipe.readline, b""):
            line = raw.replace(b"\r", b"")
            at = line.find(MARK.encode())
            if at >= 0:
                word = line[at:].split()
                if len(word) > 1 and word[1].isdigit():
                    self.status = int(word[1])
                line = line[:at]
                if not line:
                    continue
                line += b"\n"
            if self.sink is not None:
                self.sink.write(self.prefix.encode() + line)
                self.sink.flush()


class Vm:
    """One machine. Sub-classes say how it is started; the verdict is the same for all."""

    def __init__(self, name, accel=None, smp=1, mem="1G", timeout=120, virtual=False, count=False, shift=None,
                 module=False, params="", nics=(), files=(), qemu=(), append="", keep=False):
        self.name, self.env = name, kernel(name)
        self.smp, self.mem, self.timeout = smp, mem, timeout
        self.virtual, self.count = virtual, count
        # an instruction takes 2^shift ns of the guest's clock
        self.shift = (0 if count else 1) if shift is None else shift
        self.module, self.params = module, params
        self.nics, self.files, self.qemu, self.append = list(nics), list(files), list(qemu), append
        self.work = tempfile.mkdtemp(prefix="xtcp-vm.")
        self.keep = keep
        self.accel = accel
        self.proc = None
        self.complaints = []
        self.monitor = None
        self.label = name
        self.emulator = QEMU
        if virtual or count:
            self.smp = 1
            self.emulator = OWN_QEMU

    def accel_args(self):
        if self.virtual or self.count:
            return ["-accel", "tcg", "-cpu", "qemu64,+rdrand", "-rtc", "clock=vm",
                    "-icount", "shift=%d,sleep=off" % self.shift]
        if self.emulated():
            thread = "multi" if self.races() else "single"
            return ["-accel", "tcg,thread=" + thread, "-cpu", "qemu64,+rdrand"]
        return ["-accel", "kvm", "-cpu", "host"]

    def emulated(self):
        if self.accel is None:
            self.accel = "kvm" if have_kvm() else "tcg"
        return self.accel == "tcg"

    def races(self):
        """Whether each emulated CPU has a thread: only where races are what is looked for.

        QEMU before 8.1 may keep translated code that another CPU has changed meanwhile (a static
        key of the kernel): "Oops: int3". Most is changed at boot and by insmod, so the other CPUs
        start after that (guest/start).
        """
        return self.smp > 2 and not self.virtual and not self.count and self.emulated()

    def boot_append(self):
        return self.append + (" maxcpus=1" if self.races() else "")

    def module_path(self):
        path = os.path.join(OUT, self.name, "xtcp.ko")
        if not os.path.exists(path):
            die("no %s: scripts/room/build %s" % (path, self.name))
        return path

    def path(self, name):
        return os.path.join(self.work, name)

    def read(self, name):
        try:
            with open(self.path(name), errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def launch(self, args, sink, prefix="", env=None, cwd=None):
        self.began = time.monotonic()
        self.proc = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=open(self.path("stderr.log"), "wb"),
                                     start_new_session=True, env=env, cwd=cwd,
                                     pass_fds=[self.monitor.qemus.fileno()] if self.monitor else [],
                                     preexec_fn=die_with_parent)
        if self.monitor:
            self.monitor.qemus.close()
        self.output = Output(self.proc.stdout, sink, prefix)
        self.output.start()

    def stop(self):
        if self.proc and self.proc.poll() is None:
            try:
                os.killpg(self.proc.pid, signal.SIGTERM)
                self.proc.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                try:
                    os.killpg(self.proc.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        if self.proc:
            self.proc.wait()
        if self.monitor:
            self.monitor.ours.close()

    def wait(self):
        """Wait for the end, return the exit status of the command or 125 with complaints."""
        left = self.timeout - (time.monotonic() - self.began)
        try:
            self.proc.wait(max(left, 0.1))
        except subprocess.TimeoutExpired:
            self.complaints.append("timeout after %d s" % self.timeout)
            if self.monitor:
                self.complaints += ["  " + l for l in self.monitor.where()]
            self.stop()
        self.output.join(10)
        status = self.output.status
        if status is None:
            self.complaints.append("the machine ended without an exit status")
            self.complaints += ["  " + l for l in self.read("stderr.log").splitlines()[-10:]]
        log = self.read("console.log") + "\n" + self.read("dmesg.log")
        bad = bad_lines(log)
        if bad:
            self.complaints.append("the kernel said:")
            self.complaints += ["  " + l for l in bad[:40]]
        if self.complaints and not bad and status is None:
            self.complaints += ["  console: " + l for l in log.splitlines()[-15:]]
        if self.complaints:
            return status if status not in (None, 0) else 125
        return status

    def finish(self, quiet=False):
        rc = self.wait()
        if self.complaints:
            log = os.path.join(OUT, "logs", self.label)
            os.makedirs(os.path.dirname(log), exist_ok=True)
            for name in ("console.log", "dmesg.log"):
                with open("%s-%s" % (log, name), "w") as f:
                    f.write(self.read(name))
            self.complaints.append("the kernel's full log: %s-{console,dmesg}.log" % log)
        if self.complaints and not quiet:
            for c in self.complaints:
                print("room: %s: %s" % (self.name, c), file=sys.stderr)
        self.clean()
        return rc

    def clean(self):
        if not self.keep:
            shutil.rmtree(self.work, ignore_errors=True)

    def run(self, command, quiet=False):
        try:
            self.start(command, None if quiet else sys.stdout.buffer)
            return self.finish(quiet)
        finally:
            self.stop()
            self.clean()

    def job(self, command):
        """The shell script that guest/start runs."""
        return ("#!/bin/sh\nMODULE=%d\nPARAMS='%s'\nKERNEL=%s\nXTCP_VIRTUAL=%d\nMARK=%s\n"
                % (self.module, self.params, self.name, self.virtual or self.count, MARK)) + \
            "export KERNEL XTCP_VIRTUAL\ncommand_of_job() {\n%s\n}\n" % command


class FastVm(Vm):
    """QEMU with a small initramfs: 3-5 s, no file system of the machine in it."""

    def start(self, command, sink, prefix=""):
        tree = Tree()
        tree.write("/xtcp/job", self.job(command), 0o755)
        tree.add(os.path.join(ROOM, "guest"), "/xtcp/guest")
        tree.add(LIB, "/xtcp/lib")
        tree.add(os.path.join(ROOM, "guest", "init"), "/init")
        os.makedirs(tree.dir + "/t")
        if self.module:
            tree.add(self.module_path(), "/xtcp/xtcp.ko")
        for f in self.files:
            src, _, dest = f.partition(":")
            if not os.path.exists(src):
                die("--add %s: no such file" % src)
            tree.add(os.path.abspath(src), dest or "/t/" + os.path.basename(src.rstrip("/")))
        tree.cpio(self.path("job.cpio"))
        with open(self.path("initrd"), "wb") as out:
            for part in (base_cpio(self.name, self.env), self.path("job.cpio")):
                with open(part, "rb") as f:
                    shutil.copyfileobj(f, out)
        nics = []
        for nic in self.nics:
            nics += nic
        self.monitor = Monitor()
        if not os.path.exists(self.emulator):
            subprocess.check_call([os.path.join(ROOM, "setup")])
        args = [self.emulator, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
                "-machine", "q35", "-m", self.mem, "-smp", str(self.smp)] + self.accel_args() + [
                "-kernel", self.env["VMLINUZ"], "-initrd", self.path("initrd"),
                "-chardev", "file,id=console,path=" + self.path("console.log"),
                "-chardev", "stdio,id=out,signal=off",
                "-chardev", "file,id=dmesg,path=" + self.path("dmesg.log"),
                "-serial", "chardev:console", "-serial", "chardev:out", "-serial", "chardev:dmesg",
                "-append", "console=ttyS0 loglevel=6 panic=-1 oops=panic random.trust_cpu=on mitigations=off "
                # on a busy host ten ticks may take longer than the kernel's check waits for them
                "nokaslr tsc=reliable no_timer_check " + self.boot_append()] + self.monitor.args() + nics + self.qemu
        self.launch(args, sink, prefix)


class HostVm(FastVm):
    """The same, and then the machine's own file system: read-only below, a tmpfs above."""

    def start(self, command, sink, prefix=""):
        self.files.append("%s:/xtcp/host" % self.host_job())
        self.qemu += ["-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
                      "-device", "virtio-9p-pci,fsdev=host,mount_tag=host"]
        super().start(command, sink, prefix)

    def host_job(self):
        with open(self.path("host"), "w") as f:
            f.write("MODDIR=%s\nKVER=%s\nTREE=%s\n" % (self.env["MODDIR"], self.env["KVER"], TOP))
        return self.path("host")


class VngVm(Vm):
    """virtme-ng, for the demonstration and to play in."""

    def start(self, command, sink, prefix=""):
        subprocess.check_call([os.path.join(ROOM, "setup")])
        with open(self.path("job"), "w") as f:
            f.write(self.job(command))
        shutil.copytree(os.path.join(ROOM, "guest"), self.path("guest"))
        shutil.copytree(LIB, self.path("lib"))
        if self.module:
            shutil.copy(self.module_path(), self.path("xtcp.ko"))
        env, args = vng_command(self)
        args += ["--", "cd %s; ROOM_OUT=- ROOM_DMESG=%s ROOM_DIR=%s sh %s/guest/start"
                 % (TOP, self.path("dmesg.log"), self.work, self.work)]
        # it looks for the guest's paths from where it stands
        self.launch(args, sink, prefix, env, cwd="/")

    def read(self, name):
        return super().read("stderr.log" if name == "console.log" else name)


def vng_command(vm):
    """Environment and arguments of virtme-ng, without the command."""
    vng = os.path.join(CACHE, "vng", "usr")
    env = dict(os.environ, PYTHONPATH=os.path.join(vng, "lib/python3/dist-packages"),
               PATH=os.path.join(vng, "bin") + ":/usr/sbin:/usr/bin:/sbin:/bin")
    args = ["/usr/bin/python3", os.path.join(vng, "bin", "vng"), "--run", vm.env["VMLINUZ"],
            "--cpus", str(vm.smp), "--memory", vm.mem, "--user", "root", "--verbose", "--cwd", "/",
            "--force-9p", "--disable-microvm", "--rwdir=" + vm.work, "--append", "loglevel=6",
            "--append", vm.boot_append() or "mitigations=off"]
    extra = [a for nic in vm.nics for a in nic] + vm.qemu
    if vm.virtual or vm.count or vm.emulated():
        args.append("--disable-kvm")
        extra += vm.accel_args()
    if extra:
        args.append("--qemu-opts=" + " ".join(extra))
    return env, args
