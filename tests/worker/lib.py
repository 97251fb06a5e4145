"""What the worker's tests share: a worker against the fake server, in a place of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from fake_server import PATIENCE, FakeServer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("SCITQ_BIN") or os.path.join(ROOT, "build", "check", "bin")
WORKER = os.path.join(BIN, "scitq-worker")


class Failure(Exception):
    """The worker is wrong."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: got {str(got)[:500]!r}, wanted {str(wanted)[:500]!r}")


def until(condition, seconds=30, every=0.02):
    deadline = time.monotonic() + seconds * PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def state_of(pid):
    """The state letter of a process, None where there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


def alive(pid):
    return state_of(pid) not in (None, "Z", "X")


def groups_of(pid):
    """The directories of its control groups."""
    mounts = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            left, right = line.split(" - ")
            kind, _, options = right.split(maxsplit=2)
            if kind in ("cgroup", "cgroup2"):
                for word in options.strip().split(",") if kind == "cgroup" else [""]:
                    mounts[word] = left.split()[4]
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as lines:
        for line in lines:
            _, names, path = line.rstrip("\n").split(":", 2)
            for name in names.split(","):
                if name in mounts and path != "/":
                    yield mounts[name] + path


def stopped(pid):
    """By a signal, or frozen with its control group."""
    if state_of(pid) in ("T", "D"):
        return True
    for directory in groups_of(pid):
        try:
            with open(directory + "/cgroup.freeze", encoding="utf-8") as frozen:
                if frozen.read().strip() == "1":
                    return True
        except OSError:
            pass
    return False


def processes(path, zombies=False):
    """Processes that name the path in their command line, environment or working directory."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        text = b""
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{entry}/{name}", "rb") as data:
                    text += data.read()
            except OSError:
                pass
        try:
            text += os.fsencode(os.readlink(f"/proc/{entry}/cwd"))
        except OSError:
            pass
        if path.encode() in text and (zombies or state_of(int(entry)) != "Z"):
            found.append(int(entry))
    return found


class Place:
    def __init__(self, **server):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="scitq-worker."))
        self.work = os.path.join(self.path, "work")
        self.server = FakeServer(**server)
        self.worker = None
        self.started = []
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("SCITQ_")}
        self.env.update(SCITQ_TOKEN="secret", HOME=self.path, SCITQ_CONF="/dev/null")

    def file(self, *parts):
        return os.path.join(self.path, *parts)

    def start(self, *args, concurrency=2, name="w", server=None, env=None, prefix=(), **popen):
        self.worker = subprocess.Popen(
            [*prefix, WORKER, server or f"127.0.0.1:{self.server.port}", str(concurrency), "-n", name,
             "--work", self.work, "--log", self.file("worker.log"), "--grace", "1", *args],
            env=env or self.env, stdin=subprocess.DEVNULL, cwd=self.path, **popen)
        self.started.append(self.worker)
        return self.worker

    def stop(self, sig=signal.SIGTERM, code=0):
        self.worker.send_signal(sig)
        got = self.worker.wait(60 * PATIENCE)
        check(code is None or got == code, f"the worker ended with {got}, not {code}")

    def supervisor(self):
        pids = []
        for pid in processes(self.work):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                    if b"--supervisor" in cmdline.read().split(b"\0"):
                        pids.append(pid)
            except OSError:
                pass
        check(len(pids) == 1, f"supervisors: {pids}")
        return pids[0]

    def log(self):
        text = ""
        for path in (self.file("worker.log"), os.path.join(self.work, "supervisor.log")):
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as log:
                    text += f"--- {path}\n{log.read()}"
        return text

    def open(self, name):
        """A gate: what waits for the file goes on."""
        with open(self.file(name), "w", encoding="utf-8"):
            pass

    def task_directories(self):
        return os.listdir(os.path.join(self.work, "task"))

    def nothing_left(self):
        check(until(lambda: not processes(self.path)), "left behind: " + ", ".join(
            f"{pid} {open(f'/proc/{pid}/cmdline', 'rb').read()!r}" for pid in processes(self.path)))
        equal(self.task_directories(), [], "task directories left")

    def close(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        for pid in processes(self.path):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.server.vanish()
        shutil.rmtree(self.path, ignore_errors=True)


def main(tests):
    """Run the named tests, or all; each gets a Place."""
    sys.stdout.reconfigure(line_buffering=True)
    failed = 0
    if not os.access(WORKER, os.X_OK):
        print(f"{WORKER} is not built")
        sys.exit(1)
    names = sys.argv[1:] or list(tests)
    for name in names:
        test = tests[name]
        place = Place(**getattr(test, "server", {}))
        began = time.monotonic()
        try:
            test(place)
            check(not place.server.wrong, f"the worker said wrong things: {place.server.wrong[:3]}")
            log = place.log()
            check("Sanitizer" not in log and "runtime error" not in log, "a sanitizer complains")
            print(f"ok {name} ({time.monotonic() - began:.1f} s)")
        except Exception as error:  # a defect of the test must not hide the others
            failed += 1
            if not isinstance(error, (Failure, AssertionError)):
                traceback.print_exc(file=sys.stdout)
            print(f"FAILED {name}: {error}\n{place.log()[-6000:]}")
        finally:
            place.close()
    sys.exit(1 if failed else 0)
