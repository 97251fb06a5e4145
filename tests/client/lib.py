"""What the client's tests share: a server with a worker, and libscitq installed in a directory of its own."""

import contextlib
import importlib.util
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "api")]
from ports import free_port  # noqa: E402, F401

_spec = importlib.util.spec_from_file_location("api_lib", os.path.join(ROOT, "tests", "api", "lib.py"))
api = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(api)
check, equal, until, say, Failure = api.check, api.equal, api.until, api.say, api.Failure

BUILD = os.environ.get("SCITQ_BUILD") or os.path.join(ROOT, "build", "check")
SANITIZE = os.environ.get("SCITQ_SANITIZE", "")
FLAGS = [f"-fsanitize={SANITIZE}"] if SANITIZE else []
CC = shutil.which("gcc") or "cc"


def raises(kind, names, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except kind as error:
        check(names in str(error), f"{error!r} does not name {names!r}")
        return error
    raise Failure(f"nothing raised, wanted {kind} of {names!r}")


def run(*argv, env=None, code=0, timeout=250, **more):
    """What the program printed; a Failure where it ends otherwise."""
    got = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                         timeout=timeout, **more)
    check(got.returncode == code, f"{' '.join(argv)[:300]}: exit {got.returncode}, wanted {code}\n{got.stdout[-2000:]}\n{got.stderr[-4000:]}")
    return got


class Team(api.Server):
    """A server, and workers of every batch."""

    def __init__(self, *options):
        super().__init__(*options)
        self.workers = []

    def worker(self, name="w", slots=2):
        log = open(os.path.join(self.path, name + ".log"), "ab")
        self.workers.append(subprocess.Popen(
            [os.path.join(api.BIN, "scitq-worker"), self.url, str(slots), "-n", name, "-b", "*", "--work",
             os.path.join(self.path, "work-" + name)],
            env=self.env(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))
        log.close()

    def env(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SCITQ_")}
        return {**kept, "SCITQ_CONF": "/dev/null", "SCITQ_TOKEN": self.token, "HOME": self.path, **more}

    def named(self):
        """The server with its token, as people write it."""
        return f"test:{self.token}@{self.host}:{self.port}"

    def __exit__(self, *what):
        try:
            for worker in self.workers:
                worker.send_signal(2)
            for worker in self.workers:
                worker.wait(60)
        finally:
            super().__exit__(*what)


class Fixed(Team):
    """A server that comes back at the same address."""

    def __init__(self):
        super().__init__("--listen", f"127.0.0.1:{free_port()}")


class Installed:
    """libscitq under a prefix, as `cmake --install` puts it."""

    def __enter__(self):
        self.prefix = os.path.realpath(tempfile.mkdtemp(prefix="scitq-client."))
        run("cmake", "--install", BUILD, "--prefix", self.prefix, "--component", "libscitq")
        return self

    def __exit__(self, *what):
        shutil.rmtree(self.prefix, ignore_errors=True)

    def env(self, base=None):
        lib = os.path.join(self.prefix, "lib")
        for root, _, files in os.walk(lib):
            if "libscitq.so" in files:
                lib = root
        return {**(base or os.environ), "LD_LIBRARY_PATH": lib, "PKG_CONFIG_PATH": os.path.join(lib, "pkgconfig")}

    def build(self, source, static=False):
        """Compile one file against what is installed: the program's path."""
        program = os.path.join(self.prefix, os.path.basename(source).removesuffix(".c"))
        words = run("pkg-config", "--cflags", "--libs", *(["--static"] if static else []), "scitq", env=self.env()).stdout.split()
        if static:
            words = ["-l:libscitq.a" if word == "-lscitq" else word for word in words]
        run(CC, "-std=c17", "-Wall", "-Wextra", "-Werror", *FLAGS, "-o", program, source, *words, env=self.env())
        return program


def whole(link):
    """A request or an answer, in however many pieces it comes; of one whose end nobody tells, its head."""
    data = b""
    while True:
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        if end and len(body) >= (int(length[1]) if length else 0):
            return data
        piece = link.recv(1 << 16)
        if not piece:
            return data
        data += piece


class Cutter:
    """A proxy that cuts connections at random, now before the request is through, now before the answer is."""

    def __init__(self, port, chance=0.0, seed=0):
        self.port, self.chance, self.random = port, chance, random.Random(seed)
        self.cuts = {"request": 0, "answer": 0}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def cuts_it(self, what, data):
        return self.random.random() < self.chance

    def cut(self, what, data):
        if not self.cuts_it(what, data):
            return False
        self.cuts[what] += 1
        return True

    def serve(self, link):
        with link, socket.create_connection(("127.0.0.1", self.port)) as there, contextlib.suppress(OSError):
            while True:
                asked = whole(link)
                if not asked or self.cut("request", asked):
                    return
                there.sendall(asked)
                answer = whole(there)
                if not answer or (asked.startswith(b"POST /tasks/") and self.cut("answer", asked)):
                    return
                link.sendall(answer)
                if b"GET /events" in asked:
                    return

    def close(self):
        self.listener.close()


main = api.main
