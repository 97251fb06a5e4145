"""A server that speaks the worker's half of docs/protocol.md and checks what the worker says.

It exists beside the real one because it can do what that one never does: go away and come back,
answer late, lose answers, ask for log bytes again. Whatever a worker must not do (bytes that differ
from those stored, a gap, a second end) is kept in `wrong`.
"""

import base64
import http.server
import json
import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from ports import free_port  # noqa: E402

# How many times longer than usual something may take: an emulated processor is slow.
PATIENCE = int(os.environ.get("SCITQ_PATIENCE") or 1)


class Execution:
    def __init__(self, number, fields):
        self.id = number
        self.fields = fields
        self.epoch = 1
        self.granted = False
        self.live = True
        self.seq = 0
        self.events = []
        self.finished = None
        self.refused = None
        self.progress = []
        self.identified = []
        self.cached = None      # an earlier task: task_id, output, outputs
        self.log = {"stdout": bytearray(), "stderr": bytearray()}
        self.log_times = []

    def grant(self):
        grant = {"execution_id": self.id, "epoch": self.epoch, "task_id": self.id + 1000,
                 "name": f"task{self.id}", "batch": "test", "run_id": None, "command": "true",
                 "script": None, "container": None, "container_options": None, "input": None,
                 "output": None, "resource": None, "weight": 0.5, "cpu": None, "memory": None,
                 "download_timeout": None, "run_timeout": None, "upload_timeout": None}
        grant.update(self.fields)
        return grant

    @property
    def weight(self):
        return self.fields.get("weight", 0.5)

    def types(self):
        return [event["type"] for event in self.events]

# From so many bytes on a piece of a log waits for the one before it.
EARLY = 256 << 10


class FakeServer:
    def __init__(self, token="secret", lease=2400, poll=25):
        self.token = token
        self.lease = lease
        self.poll = poll
        self.lock = threading.Condition()
        self.executions = {}
        self.waiting = []       # to be granted
        self.signals = []       # [id, execution, signal]
        self.acked = set()
        self.last_signal = 0
        self.workers = {}       # name -> dict
        self.wrong = []
        self.registrations = []
        self.calls = 0
        self.extras = []
        self.shutdown = False
        self.lose_answers = 0   # so many replies to reports are never sent
        self.appended = []      # bytes of each call that appends to a log
        self.most = None        # of one
        self.forgets_at = None  # the call of that number, but for the first bytes of its log
        self.want_again = {}    # execution -> {"stdout": n, "stderr": m}: ask once for log bytes
        self.permit = True      # answer uploading; else fenced
        self.port = None
        self.httpd = None
        self.connections = set()
        self.newest_poll = {}
        self.appear()

    # Coming and going.

    def appear(self):
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def setup(self):
                super().setup()
                with fake.lock:
                    fake.connections.add(self.connection)

            def finish(self):
                with fake.lock:
                    fake.connections.discard(self.connection)
                try:
                    super().finish()
                except OSError:
                    pass

            def do_PUT(self):
                self.do_POST()

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, reply = fake.answer(self.path, self.headers, body)
                if status is None:
                    self.close_connection = True
                    return
                data = json.dumps(reply).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass

        self.port = self.port or free_port()
        self.httpd = Server(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.05},
                                       daemon=True)
        self.thread.start()

    def vanish(self):
        self.httpd.shutdown()
        self.httpd.server_close()
        with self.lock:
            for connection in list(self.connections):
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.lock.notify_all()
        self.thread.join()

    # What a test does.

    def add(self, command="true", **fields):
        with self.lock:
            execution = Execution(len(self.executions) + 1, {"command": command, **fields})
            self.executions[execution.id] = execution
            self.waiting.append(execution)
            self.lock.notify_all()
            return execution

    def signal(self, execution, signal):
        """None: for the worker itself."""
        with self.lock:
            self.last_signal += 1
            self.signals.append([self.last_signal, execution and execution.id, signal])
            self.lock.notify_all()
            return self.last_signal

    def take_away(self, execution):
        """The server gave it to somebody else."""
        with self.lock:
            execution.live = False
            self.lock.notify_all()

    def until(self, condition, seconds=60):
        deadline = time.monotonic() + seconds * PATIENCE
        with self.lock:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self.lock.wait(min(left, 0.2))
        return True

    def wait_end(self, *executions, seconds=60):
        if not self.until(lambda: all(e.finished or e.refused for e in executions), seconds):
            missing = [e.id for e in executions if not (e.finished or e.refused)]
            raise AssertionError(f"executions {missing} did not end; {self.wrong}")
        return executions[0].finished

    def hands_over(self, execution):
        """The worker holds it, or the answer that gives it is on its way."""
        return self.until(lambda: execution not in self.waiting)

    def run(self, command="true", seconds=60, **fields):
        execution = self.add(command, **fields)
        self.wait_end(execution, seconds=seconds)
        return execution

    # What a worker asks.

    def answer(self, path, headers, body):
        if self.token is not None and headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"message": "the token is wrong", "code": "unauthorized"}
        if path.startswith("/executions/") and "/log/" in path:
            return self.append(path, body)
        try:
            call = json.loads(body)
        except ValueError:
            self.wrong.append(f"not JSON: {body[:200]!r}")
            return 400, {"message": "not JSON", "code": "bad_json"}
        if path == "/workers/register":
            return self.register(call)
        if path == "/executions/events":
            return self.report(call)
        if path.startswith("/workers/") and path.endswith("/lease"):
            return self.lease_call(int(path.split("/")[2]), call)
        self.wrong.append(f"unknown path {path}")
        return 404, {"message": f"no {path}", "code": "not_found"}

    def register(self, call):
        with self.lock:
            self.registrations.append(call)
            worker = self.workers.setdefault(call["name"], {"id": len(self.workers) + 1, "epoch": 0,
                                                            "instance": None, "granted": {}})
            if worker["instance"] not in (None, call["instance"]):
                for execution in worker["granted"].values():
                    if execution.live and execution.seq == 0:
                        execution.epoch += 1
                        self.waiting.append(execution)
                    elif execution.live:
                        execution.live = False
                        execution.lost = True
                worker["granted"] = {}
            worker["instance"] = call["instance"]
            worker["epoch"] += 1
            worker["concurrency"] = call["concurrency"]
            worker["prefetch"] = call["prefetch"]
            self.lock.notify_all()
            return 201, {"worker_id": worker["id"], "epoch": worker["epoch"], "lease": self.lease,
                         "poll": self.poll, "shutdown": False}

    def find_worker(self, call, number):
        for worker in self.workers.values():
            if worker["id"] == number:
                return worker if worker["epoch"] == call["epoch"] else None
        return None

    def append(self, path, body):
        """PUT /executions/N/log/STREAM?offset=O&epoch=E: bytes as they are."""
        match = re.fullmatch(r"/executions/(\d+)/log/(stdout|stderr)\?offset=(\d+)&epoch=(\d+)", path)
        if match is None:
            self.wrong.append(f"unknown path {path}")
            return 404, {"message": f"no {path}", "code": "not_found"}
        with self.lock:
            self.appended.append(len(body))
            if self.most is not None and len(body) > self.most:
                return 413, {"message": "too large", "code": "too-large"}
            item = {"execution_id": int(match[1]), "stream": match[2], "offset": int(match[3])}
            if len(self.appended) == self.forgets_at:
                del self.executions[item["execution_id"]].log[item["stream"]][1000:]
            if len(body) >= EARLY:
                self.lock.wait_for(lambda: self.is_next(item), 1)
            if len(body) >= EARLY and not self.is_next(item):
                answer = {"wanted": len(self.executions[item["execution_id"]].log[item["stream"]])}
            else:
                answer = self.store_log(item, body)
            self.lock.notify_all()
            if self.lose_answers > 0:
                self.lose_answers -= 1
                return None, None
        if "length" in answer:
            return 200, answer
        return 409, {"message": "no", "code": "gap" if "wanted" in answer else "fenced", **answer}

    def is_next(self, item):
        """Several long pieces may be on their way; the one before may have been refused."""
        execution = self.executions[item["execution_id"]]
        return item["offset"] <= len(execution.log[item["stream"]]) or not execution.live

    def store_log(self, item, data=None):
        execution = self.executions[item["execution_id"]]
        if data is None:
            data = base64.b64decode(item["data"], validate=True)
        log, offset = execution.log[item["stream"]], item["offset"]
        if not execution.live and not execution.finished:
            return {"fenced": True}
        if execution.finished and offset + len(data) > len(log):
            self.wrong.append(f"log of {execution.id} after its end")
            return {"fenced": True}
        if offset > len(log):
            if data:
                self.wrong.append(f"gap in the log of {execution.id}: {offset}, stored {len(log)}")
            return {"wanted": len(log)}
        overlap = min(len(log) - offset, len(data))
        if log[offset:offset + overlap] != data[:overlap]:
            self.wrong.append(f"log of {execution.id} differs at {offset}")
            return {"fenced": True}
        log += data[overlap:]
        execution.log_times.append((time.monotonic(), len(log)))
        return {"length": len(log)}

    def apply_event(self, event):
        execution = self.executions[event["execution_id"]]
        if event["epoch"] != execution.epoch:
            self.wrong.append(f"wrong epoch in {event}")
            return "fenced"
        if not execution.live:
            return "duplicate" if execution.finished else "fenced"
        if event["type"] == "identified":
            execution.identified.append(event)
            return {"cached": execution.cached} if execution.cached else "ok"
        if event["type"] == "progress":
            execution.progress.append(event["message"])
            return "ok"
        if event["seq"] <= execution.seq:
            return "duplicate"
        if event["type"] == "uploading" and not self.permit:
            execution.live = False
            return "fenced"
        if event["type"] == "finished":
            stored = {name: len(log) for name, log in execution.log.items()}
            again = self.want_again.pop(execution.id, None)
            if again is not None:
                for name, length in again.items():
                    del execution.log[name][length:]
                return {"wanted": again}
            for name, length in stored.items():
                if event[f"{name}_length"] > length:
                    return {"wanted": stored}
                if event[f"{name}_length"] < length:
                    self.wrong.append(f"{name} of {execution.id} ends at {event[name + '_length']}, "
                                      f"stored {length}")
            execution.finished = event
            execution.live = False
        elif event["type"] == "refused":
            execution.refused = event
            execution.live = False
        execution.seq = event["seq"]
        execution.events.append(event)
        return "ok"

    def report(self, call):
        with self.lock:
            if self.find_worker(call, call["worker_id"]) is None:
                return 409, {"message": "an older session", "code": "fenced"}
            logs = [self.store_log(item) for item in call.get("logs", [])]
            results = [self.apply_event(event) for event in call.get("events", [])]
            self.lock.notify_all()
            return 200, {"results": results, "logs": logs}

    def lease_call(self, number, call):
        unknown = set(call) - {"epoch", "have", "extra", "acks", "wait", "logs", "ping", "events"}
        if unknown:
            self.wrong.append(f"unknown members {unknown}")
        with self.lock:
            self.calls += 1
            me = self.newest_poll[number] = self.newest_poll.get(number, 0) + 1
            self.lock.notify_all()
            worker = self.find_worker(call, number)
            if worker is None:
                return 409, {"message": "an older session", "code": "fenced"}
            self.extras.append(call.get("extra", 0))
            logs = [self.store_log(item) for item in call.get("logs", [])]
            results = [self.apply_event(event) for event in call.get("events", [])]
            self.acked.update(call.get("acks", []))
            if (logs or results) and self.lose_answers > 0:
                self.lose_answers -= 1
                return None, None
            deadline = time.monotonic() + call.get("wait", 0)
            have = set(call.get("have", []))
            forget = [i for i in have if not self.executions[i].live]
            httpd = self.httpd
            while True:
                worker = self.find_worker(call, number)
                if worker is None:
                    return 409, {"message": "an older session", "code": "fenced"}
                forget = [i for i in have if not self.executions[i].live]
                grants = self.grants(worker, have, call.get("extra", 0), me == self.newest_poll[number])
                signals = [{"signal_id": s[0], "execution_id": s[1], "signal": s[2]}
                           for s in self.signals
                           if s[0] not in self.acked and (s[1] is None or self.executions[s[1]].live)]
                left = deadline - time.monotonic()
                if (logs or results or grants or forget or signals or left <= 0 or self.shutdown
                        or me != self.newest_poll[number] or httpd is not self.httpd):
                    return 200, {"results": results, "logs": logs, "grants": grants,
                                 "signals": signals, "forget": forget, "lease": self.lease,
                                 "shutdown": self.shutdown}
                self.lock.wait(min(left, 1))

    def grants(self, worker, have, extra, newest):
        if not newest:
            return []
        live = [e for e in worker["granted"].values() if e.live]
        grants = [e.grant() for e in live if e.id not in have]
        used = sum(e.weight for e in live)
        spare = 0
        while self.waiting:
            execution = self.waiting[0]
            if used + execution.weight <= 1 + 1e-9 and spare == 0:
                used += execution.weight
            elif len(live) < 1000 and spare < extra + worker["prefetch"] - max(0, self.spare(live)):
                spare += 1
            else:
                break
            self.waiting.pop(0)
            worker["granted"][execution.id] = execution
            live.append(execution)
            grants.append(execution.grant())
        return grants

    @staticmethod
    def spare(live):
        used, n = 0, 0
        for execution in live:
            if used + execution.weight <= 1 + 1e-9:
                used += execution.weight
            else:
                n += 1
        return n
