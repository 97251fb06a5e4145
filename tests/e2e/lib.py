"""What the end-to-end tests share: a place of their own, scitq-run in it, what its server tells.

A test is `lib.main(function)`; the function gets a Place, and everything it started is killed
and everything it wrote removed when it returns, whichever way. Skipping is `skip(component, why)`.
"""

import contextlib
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from ports import free_port  # noqa: E402, F401

BIN = os.environ.get("SCITQ_BIN") or os.path.join(ROOT, "build", "check", "bin")
EXAMPLES = os.path.join(ROOT, "examples")
QC_TOOLS = ["fastp", "bowtie2", "bowtie2-build", "samtools", "seqtk", "seqkit"]
QC_SHIPPED = "/usr/share/doc/bowtie2/examples/reads/reads_1.fq.gz"


class Failure(Exception):
    """The program under test is wrong."""


def skip(component, why):
    print(f"skipped: {component}: {why}")
    sys.exit(77)


def check(condition, message):
    if not condition:
        raise Failure(message)


def say(text):
    print(f"[{time.monotonic() - START:6.1f}] {text}", flush=True)


START = time.monotonic()


def need_qc():
    for tool in QC_TOOLS:
        if shutil.which(tool) is None:
            skip("qc", f"{tool} is not installed")
    if not os.path.exists(QC_SHIPPED):
        skip("qc", "bowtie2-examples is not installed")


def pids_below(path, program=None):
    """Processes that name this path in their command line or work inside it, {pid: argv}.

    With `program`, only those that are called so (scitq-run, scitq-server...).
    """
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as cmdline:
                argv = os.fsdecode(cmdline.read()).rstrip("\0").split("\0")
        except OSError:
            continue    # gone
        try:
            cwd = os.readlink(f"/proc/{entry}/cwd")
        except OSError:
            cwd = ""    # a zombie, or somebody else's
        if not (any(path in word for word in argv) or (cwd + "/").startswith(path + "/")):
            continue
        if program is None or any(os.path.basename(word) == program for word in argv[:2]):
            found[int(entry)] = argv
    return found


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


class Run:
    """A scitq-run that was started; its lines are kept as they come."""

    def __init__(self, argv, cwd, env):
        self.argv = argv
        self.text = {"stdout": "", "stderr": ""}
        self.began = time.monotonic()
        self.first_output = None    # seconds until the first byte, of either stream
        self.process = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        start_new_session=True)
        self.readers = [threading.Thread(target=self.read, args=(name,), daemon=True)
                        for name in self.text]
        for reader in self.readers:
            reader.start()

    def read(self, name):
        stream = getattr(self.process, name)
        while data := os.read(stream.fileno(), 65536):
            if self.first_output is None:
                self.first_output = time.monotonic() - self.began
            self.text[name] += data.decode(errors="replace")

    @property
    def output(self):
        return self.text["stdout"] + self.text["stderr"]

    def ended(self):
        return self.process.poll() is not None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait(self, timeout=300):
        """The exit code; a run that does not end in time is a failure."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.argv} still runs after {timeout} s\n{self.output}") from None
        for reader in self.readers:
            reader.join(10)    # a child may keep the pipe
        return code


class Place:
    """A directory of its own to run in, with a state directory inside."""

    def __init__(self):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="scitq-e2e."))
        self.state = os.path.join(self.path, "state")
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("SCITQ_")}
        self.env.update(XDG_STATE_HOME=os.path.join(self.path, "xdg"), NO_COLOR="1", SCITQ_CONF="/dev/null",
                        XDG_CONFIG_HOME=os.path.join(self.path, "config"))

    def close(self):
        for _ in range(5):    # killing one may let another start
            pids = pids_below(self.path)
            if not pids:
                break
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            until(lambda: not pids_below(self.path), 2)
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, *parts):
        return os.path.join(self.path, *parts)

    def start(self, *args):
        """scitq-run with the state directory of this place."""
        return Run([os.path.join(BIN, "scitq-run"), "--state", self.state, *args], self.path, self.env)

    def run(self, *args, code=0, timeout=300):
        run = self.start(*args)
        got = run.wait(timeout)
        check(got == code, f"scitq-run {' '.join(args)}: exit {got}, not {code}\n{run.output}")
        return run

    def verb(self, verb, *args, code=0):
        """scitq-run VERB, which starts no server: plan, check, graph."""
        got = subprocess.run([os.path.join(BIN, "scitq-run"), verb, *args], cwd=self.path, env=self.env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, errors="replace", timeout=120, check=False)
        check(got.returncode == code, f"scitq-run {verb} {args}: exit {got.returncode}\n{got.stdout}")
        return got.stdout

    def nothing_left(self, seconds=30):
        """After a run has ended its server, workers and tasks are gone."""
        check(until(lambda: not pids_below(self.path), seconds),
              f"left behind: {pids_below(self.path)}")


def until(condition, seconds, every=0.05):
    """Waits for the condition; False where it did not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], every)
    return True


class Rest:
    """The private server of a state directory, over REST."""

    def __init__(self, state):
        with open(os.path.join(state, "server.json"), encoding="utf-8") as described:
            self.url = json.load(described)["url"].rstrip("/")
        with open(os.path.join(state, "token"), encoding="utf-8") as token:
            self.token = token.read().strip()

    def get(self, path, token=None):
        return self.call("GET", path, token=token)

    def put(self, path, body):
        return self.call("PUT", path, json.dumps(body).encode())

    def call(self, method, path, body=None, token=None):
        request = urllib.request.Request(self.url + path, data=body, method=method, headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.token if token is None else token}",
            "X-Scitq-Client": "e2e/1"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def executions(self):
        """[(task name, status)] of all executions, in the order of their ids."""
        names = {task["task_id"]: task["name"] for task in self.get("/tasks/")}
        rows = sorted(self.get("/executions/"), key=lambda row: row["execution_id"])
        return [(names.get(row["task_id"], "?"), row["status"]) for row in rows]


def answering(state):
    try:
        rest = Rest(state)
        rest.get("/runs/?limit=1")
        return rest
    except (OSError, ValueError, KeyError, urllib.error.URLError):
        return None


def staying(state):
    """The server of a state directory, but one that is about to go: that answers one call, and maybe not the next."""
    rest = answering(state)
    if rest is None:
        return None
    try:
        rest.call("POST", "/runs/", b"{}")
    except urllib.error.HTTPError as refused:
        return None if refused.code == 503 else rest
    except OSError:
        return None
    raise Failure("a run of nothing was taken")


@contextlib.contextmanager
def server(place):
    """The server that runs on the state directory, or one started to be asked."""
    rest = process = None

    def there():
        nonlocal rest, process
        rest = staying(place.state)
        # While another one has the place, if only to leave it, ours ends, and is started again.
        if rest is None and (process is None or process.poll() is not None):
            process = subprocess.Popen([os.path.join(BIN, "scitq-server"), "--private", "--state", place.state],
                                       cwd=place.path, env=place.env, stdin=subprocess.DEVNULL,
                                       start_new_session=True)
        return rest is not None

    try:
        check(until(there, 60), "scitq-server does not answer on the state directory of a run")
        yield rest
    finally:
        if process is not None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise Failure("scitq-server does not end on SIGTERM") from None


def executions(place):
    """{task name: [status, ...]} of every execution that the state directory knows. A private server that answers may end before it is asked for more."""
    said = None
    for _ in range(3):
        with server(place) as rest, contextlib.suppress(OSError):
            said = rest.executions()
        if said is not None:
            break
    check(said is not None, "no server tells the executions of the state directory")
    by_name = {}
    for name, status in said:
        by_name.setdefault(name, []).append(status)
    return by_name


def new_executions(before, after):
    """The names of the tasks that were executed between two answers of executions()."""
    return {name for name in after if len(after[name]) > len(before.get(name, []))}


def digest(path):
    with open(path, "rb") as data:
        return hashlib.sha256(data.read()).hexdigest()


def main(function):
    sys.stdout.reconfigure(line_buffering=True)
    if not os.access(os.path.join(BIN, "scitq-run"), os.X_OK):
        print(f"{BIN}/scitq-run is not built")
        sys.exit(1)
    place = Place()
    code = 0
    try:
        function(place)
    except Failure as failure:
        say(f"FAILED: {failure}")
        code = 1
    except Exception:    # a defect of the test itself: the rest of it must still be cleaned up
        traceback.print_exc(file=sys.stdout)
        code = 1
    finally:
        if code:
            for name in ("server.log", "worker.log"):
                path = os.path.join(place.state, name)
                if os.path.exists(path):
                    with open(path, encoding="utf-8", errors="replace") as log:
                        print(f"--- {name}\n{log.read()[-4000:]}")
        place.close()
    sys.exit(code)
