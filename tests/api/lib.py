"""What the API tests share: a scitq-server of their own, calls to it, what its database holds.

A test is a script whose test_* functions run one after the other, each with a fresh server in a temporary
directory: `lib.main(globals())`. A function without a parameter starts its own. SCITQ_TEST_DATABASE=postgres in the
environment runs them on PostgreSQL; those that look into the SQLite file themselves cannot.
"""

import contextlib
import errno
import http.client
import inspect
import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import base64

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("SCITQ_BIN") or os.path.join(ROOT, "build", "check", "bin")
SERVER = os.path.join(BIN, "scitq-server")
sys.path.insert(0, os.path.join(ROOT, "tests", "tools"))
import postgres  # noqa: E402
START = time.monotonic()
# What this machine's files say of a server is not meant for those of the tests.
os.environ.update(SCITQ_CONF="/dev/null", XDG_CONFIG_HOME=os.path.join(ROOT, "build", "no-config"))

TASK = ["task_id", "name", "status", "command", "creation_date", "modification_date", "status_date", "batch",
        "input", "output", "container", "container_options", "resource", "required_task_ids", "retry",
        "download_timeout", "run_timeout", "use_cache"]
WORKER = ["worker_id", "name", "concurrency", "prefetch", "hostname", "status", "load", "memory", "stats",
          "task_properties", "creation_date", "modification_date", "last_contact_date", "batch", "permanent",
          "flavor", "region", "provider"]
EXECUTION = ["execution_id", "worker_id", "task_id", "status", "return_code", "pid", "creation_date",
             "modification_date", "output", "error", "output_files", "command", "freeze", "latest"]
RECRUITER = ["batch", "rank", "tasks_per_worker", "worker_flavor", "worker_provider", "worker_region",
             "worker_concurrency", "worker_prefetch", "minimum_tasks", "maximum_workers"]
BATCH = ["batch", "pending", "accepted", "running", "failed", "succeeded", "workers"]
STATUS = ["paused", "waiting", "pending", "assigned", "accepted", "running", "failed", "succeeded", "debug"]


class Failure(Exception):
    """The server is wrong."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def equal(got, wanted, what=""):
    if got != wanted:
        raise Failure(f"{what}: got {got!r}\n  wanted {wanted!r}" if what else f"got {got!r}, wanted {wanted!r}")


def say(text):
    print(f"[{time.monotonic() - START:6.1f}] {text}", flush=True)


def until(condition, seconds, every=0.02):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], every)
    return True


class Reply:
    def __init__(self, status, headers, data):
        self.status = status
        self.headers = headers
        self.data = data

    @property
    def json(self):
        try:
            return json.loads(self.data)
        except ValueError:
            raise Failure(f"no JSON: {self.status} {self.data[:300]!r}") from None

    def __repr__(self):
        return f"<{self.status} {self.data[:400]!r}>"


# With SCITQ_TEST_DATABASE=postgres every server gets a place of its own in this cluster.
cluster = postgres.Cluster() if os.environ.get("SCITQ_TEST_DATABASE") == "postgres" else None


class Dropped(Exception):
    """The connection closed without an answer."""


class Server:
    """A scitq-server on a free port; `with` starts it and takes everything away."""

    def __init__(self, *options):
        self.uri = cluster.place() if cluster and "--database" not in options else None
        self.options = [*options, "--database", self.uri] if self.uri else options
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="scitq-api."))
        self.state = os.path.join(self.path, "state")
        self.log = os.path.join(self.path, "log")
        self.process = None
        self.local = threading.local()
        self.url = self.token = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *what):
        try:
            if self.process is not None and self.process.poll() is None:
                self.stop()
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.path, ignore_errors=True)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [SERVER, *([] if "--advertise" in self.options else ["--listen", "127.0.0.1:0"]), "--state", self.state,
                 *self.options], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        described = os.path.join(self.state, "server.json")

        def ready():
            if self.process.poll() is not None:
                return True
            with contextlib.suppress(OSError, ValueError):
                with open(described, encoding="utf-8") as text:
                    told = json.load(text)
                if told["pid"] == self.process.pid:
                    self.url = told["url"]
                    return True
            return False

        check(until(ready, 60) and self.process.poll() is None,
              f"the server does not start: {self.process.poll()}\n{self.told()}")
        self.host, port = self.url.removeprefix("http://").rsplit(":", 1)
        self.port = int(port)
        with open(os.path.join(self.state, "token"), encoding="utf-8") as token:
            self.token = token.read().strip()
        self.local = threading.local()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            raise Failure("the server does not end on SIGTERM") from None
        check(code == 0, f"the server ends with {code}\n{self.told()}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def told(self):
        with contextlib.suppress(OSError):
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return log.read()[-6000:]
        return ""

    def call(self, method, path, body=None, ours=False, token=None, headers=None, data=None, timeout=60):
        """body is JSON, data bytes. token False sends none. Keeps one connection per thread."""
        send = {"Content-Type": "application/json"} if body is not None else {}
        if token is not False:
            send["Authorization"] = "Bearer " + (token or self.token)
        if ours:
            send["X-Scitq-Client"] = "test/1"
        send.update(headers or {})
        if body is not None:
            data = json.dumps(body).encode()
        # Not where another process serves from: what this one did before it ended is not done again there.
        host, port = self.host, self.port
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None)
            fresh = connection is None
            if fresh:
                connection = http.client.HTTPConnection(host, port, timeout=timeout)
            elif connection.sock is not None:
                connection.sock.settimeout(timeout)
            try:
                connection.request(method, path, data, send)
                got = connection.getresponse()
                reply = Reply(got.status, got.headers, got.read())
            except (http.client.HTTPException, ConnectionError) as error:
                connection.close()
                self.local.connection = None
                if fresh or attempt == 2:
                    raise Dropped(f"{method} {path}: {error!r}") from None
                continue    # a kept connection may have been closed meanwhile
            self.local.connection = None if got.will_close else connection
            return reply
        return None

    def get(self, path, body=None, **more):
        return self.want(200, "GET", path, body, **more)

    def post(self, path, body=None, status=201, **more):
        return self.want(status, "POST", path, body, **more)

    def put(self, path, body=None, **more):
        return self.want(200, "PUT", path, body, **more)

    def delete(self, path, **more):
        return self.want(200, "DELETE", path, **more)

    def want(self, status, method, path, body=None, **more):
        reply = self.call(method, path, body, **more)
        check(reply.status == status, f"{method} {path} {str(body)[:300]}: {reply}, wanted {status}")
        return reply.json

    def refused(self, status, code, method, path, body=None, names="", **more):
        """An error of that status and code, whose message holds `names`."""
        reply = self.call(method, path, body, **more)
        what = f"{method} {path} {str(body)[:300]}: {reply}"
        check(reply.status == status, f"{what}, wanted {status}")
        told = reply.json
        check(isinstance(told, dict) and list(told)[:2] == ["message", "code"], what)
        check(told["code"] == code, f"{what}, wanted code {code}")
        check(told["message"] and names in told["message"], f"{what}, wanted \"{names}\" in the message")
        return told

    def database(self):
        base = sqlite3.connect(f"file:{self.state}/scitq.db?mode=ro", uri=True, timeout=30)
        base.text_factory = bytes
        return contextlib.closing(base)

    def dump(self):
        """{table: rows}: everything that the database holds."""
        if self.uri:
            return postgres.dump(self.uri)
        with self.database() as base:
            tables = [row[0].decode() for row in base.execute(
                "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name")]
            return {table: sorted(base.execute(f"select * from {table}").fetchall(), key=repr) for table in tables}

    def task(self, **fields):
        return self.post("/tasks/", {"command": "true", **fields})

    def leases_wait(self, number=1):
        """Until so many lease calls stand at the server."""
        check(until(lambda: f"scitq_lease_calls_waiting {number}\n" in self.call("GET", "/metrics").data.decode(), 60),
              f"not {number} lease calls wait")


@contextlib.contextmanager
def unchanged(server, what=""):
    before = server.dump()
    yield
    after = server.dump()
    for table, rows in before.items():
        if after[table] != rows:
            raise Failure(f"{what}: the table {table} changed\n  from {rows}\n  to   {after[table]}")


class Worker:
    """A fake worker that speaks the lease protocol."""

    def __init__(self, server, name="w1", concurrency=1, instance="i1", **more):
        self.server = server
        self.held = {}      # execution_id -> grant
        self.seq = {}
        body = {"name": name, "hostname": "h", "concurrency": concurrency, "prefetch": 0, "batch": "Default",
                "boot_id": "b1", "instance": instance, "cpus": 8.0, "ram": 1 << 34, "permanent": True,
                "flavor": None, "region": None, "provider": None, **more}
        told = server.post("/workers/register", body, ours=True)
        self.id, self.epoch = told["worker_id"], told["epoch"]
        self.told = told

    def body(self, events=(), logs=(), wait=0, acks=(), extra=0, have=None, **more):
        return {"epoch": self.epoch, "have": sorted(self.held) if have is None else have, "extra": extra,
                "acks": list(acks), "wait": wait, "logs": list(logs), "events": list(events), **more}

    def lease(self, events=(), logs=(), wait=0, status=200, **more):
        told = self.server.want(status, "POST", f"/workers/{self.id}/lease", self.body(events, logs, wait, **more),
                                ours=True)
        if status == 200:
            for grant in told["grants"]:
                self.held[grant["execution_id"]] = grant
            for execution in told["forget"]:
                self.held.pop(execution, None)
        return told

    def event(self, execution, kind, **fields):
        self.seq[execution] = self.seq.get(execution, 0) + 1
        return {"execution_id": execution, "epoch": self.held[execution]["epoch"], "seq": self.seq[execution],
                "type": kind, **fields}

    def started(self, execution):
        return self.event(execution, "started", pid="4711")

    def finished(self, execution, status="succeeded", **fields):
        return self.event(execution, "finished", **{
            "status": status, "return_code": 0 if status == "succeeded" else 1, "signal": None,
            "reason": None if status == "succeeded" else "exit", "message": None, "output_files": "",
            "outputs": [], "failed_line": None, "cpu_seconds": 0.01, "peak_memory": 123, "stdout_length": 0,
            "stderr_length": 0, **fields})

    def log(self, execution, data, offset=0, stream="stdout"):
        return {"execution_id": execution, "epoch": self.held[execution]["epoch"], "stream": stream,
                "offset": offset, "data": base64.b64encode(data).decode()}

    def done(self, told, execution):
        """The worker drops what it reported."""
        check(told["results"] and all(result in ("ok", "duplicate") for result in told["results"]), told)
        self.held.pop(execution, None)

    def work(self, most=100000):
        """Take and end tasks until there are none: their task ids in the order taken."""
        order = []
        events = []
        ended = []
        while len(order) < most:
            told = self.lease(events, extra=200)
            for execution in ended:
                self.held.pop(execution)
            events, ended = [], sorted(self.held)
            if not ended:
                break
            for execution in ended:
                order.append(self.held[execution]["task_id"])
                events += [self.started(execution), self.finished(execution)]
        if events:
            self.lease(events)
            for execution in ended:
                self.held.pop(execution)
        return order


def raw(server, data, seconds, close=False):
    """Bytes to the port; everything that comes back, and "eof", "reset" or "open" for how it stands then."""
    with socket.create_connection((server.host, server.port)) as link:
        link.settimeout(seconds)
        out = b""
        try:
            link.sendall(data)
            if close:
                try:
                    link.shutdown(socket.SHUT_WR)
                except OSError as error:
                    # The server has closed it already; what it said is read below.
                    if error.errno != errno.ENOTCONN:
                        raise
            while True:
                got = link.recv(65536)
                if not got:
                    return out, "eof"
                out += got
        except socket.timeout:
            return out, "open"
        except ConnectionError:
            return out, "reset"


def main(names):
    sys.stdout.reconfigure(line_buffering=True)
    if not os.access(SERVER, os.X_OK):
        print(f"{SERVER} is not built")
        sys.exit(1)
    only = sys.argv[1:]
    failed = 0
    for name, function in list(names.items()):
        if not name.startswith("test_") or (only and name not in only):
            continue
        server = Server() if inspect.signature(function).parameters else None
        try:
            if server is None:
                function()
            else:
                with server:
                    try:
                        function(server)
                        check(server.process.poll() is None or server.process.returncode == 0,
                              f"the server ended: {server.process.poll()}")
                    except BaseException:
                        print(f"--- log\n{server.told()}")
                        raise
            say(f"{name}: ok")
        except Failure as failure:
            say(f"{name}: FAILED: {failure}")
            failed += 1
        except Exception:    # a defect of the test itself: the others still run
            traceback.print_exc(file=sys.stdout)
            say(f"{name}: FAILED")
            failed += 1
    sys.exit(1 if failed else 0)
