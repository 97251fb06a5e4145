"""A real server beside the worker, which can be killed and started again on the same port."""

import http.client
import json
import os
import subprocess

import lib
from fake_server import free_port
from lib import check, until

SERVER = os.path.join(lib.BIN, "scitq-server")


class Api:
    def __init__(self, place):
        self.place = place
        self.state = place.file("state")
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        self.port = free_port()    # kept over restarts
        self.process = None
        self.start()

    def start(self):
        described = os.path.join(self.state, "server.json")
        if os.path.exists(described):
            os.unlink(described)
        self.process = subprocess.Popen(
            [SERVER, "--listen", f"127.0.0.1:{self.port}", "--state", self.state, "--log", self.place.file("server.log")],
            cwd=self.place.path, stdin=subprocess.DEVNULL, env=self.place.env)
        self.place.started.append(self.process)
        check(until(lambda: os.path.exists(described) or self.process.poll() is not None, 60), "no server")
        check(self.process.poll() is None, "the server ended")
        with open(described, encoding="utf-8") as text:
            self.url = json.load(text)["url"]
        with open(os.path.join(self.state, "token"), encoding="utf-8") as text:
            self.token = text.read().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def call(self, method, path, body=None, raw=False):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Authorization": f"Bearer {self.token}", "X-Scitq-Client": "test/1"})
        answer = connection.getresponse()
        data = answer.read()
        check(answer.status < 300, f"{method} {path}: {answer.status} {data[:300]!r}")
        connection.close()
        return data if raw else json.loads(data)

    def add(self, command, **fields):
        return self.call("POST", "/tasks/", {"command": command, **fields})["task_id"]

    def status(self, task):
        return self.call("GET", f"/tasks/{task}")["status"]

    def wait(self, *tasks, seconds=60):
        done = ("succeeded", "failed")
        check(until(lambda: all(self.status(t) in done for t in tasks), seconds, 0.1),
              f"not done: {[(t, self.status(t)) for t in tasks if self.status(t) not in done]}")

    def executions(self, task):
        return [e for e in self.call("GET", "/executions/") if e["task_id"] == task]

    def log(self, execution, stream="stdout"):
        return self.call("GET", f"/executions/{execution}/log/{stream}?offset=0&limit=100000000", raw=True)
