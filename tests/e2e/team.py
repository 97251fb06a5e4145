"""A team's server and workers, started by hand in a Place, that go on when nobody is attached."""

import os
import signal
import subprocess

import lib


class Team:
    """One server on a port of its own; it can be killed and started again on the same state."""

    def __init__(self, place):
        self.place = place
        self.state = place.file("team")
        self.process = None
        self.workers = []
        # The port is kept over restarts; whoever else was given it between the look and the start has it.
        for left in (4, 3, 2, 1, 0):
            self.address = f"127.0.0.1:{lib.free_port()}"
            if self.try_server():
                break
            lib.check(left > 0, "scitq-server does not start on any port")
        with open(os.path.join(self.state, "token"), encoding="utf-8") as token:
            place.env.update(SCITQ_TOKEN=token.read().strip(), SCITQ_SERVER=self.address)

    def spawn(self, program, *args):
        return subprocess.Popen([os.path.join(lib.BIN, program), *args], cwd=self.place.path,
                                env=self.place.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, start_new_session=True)

    def try_server(self):
        self.process = self.spawn("scitq-server", "--listen", self.address, "--state", self.state)
        return (lib.until(lambda: lib.answering(self.state) or self.process.poll() is not None, 60)
                and self.process.poll() is None)

    def start_server(self):
        lib.check(self.try_server(), "scitq-server does not answer")

    def kill_server(self):
        """kill -9 and a new one on the same database."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start_server()

    def worker(self, name, slots=2):
        self.workers.append(self.spawn("scitq-worker", self.address, str(slots), "-n", name, "-b", "*",
                                       "--state", self.place.file(name)))

    def rest(self):
        return lib.Rest(self.state)

    def submit_and_vanish(self, workflow, when):
        """Submit a file, and kill -9 the scitq-run that did it once `when()` holds."""
        run = self.place.start(workflow)
        lib.check(lib.until(lambda: when() or run.ended(), 60), f"{workflow} does not get there\n{run.output}")
        lib.check(not run.ended(), f"scitq-run ended by itself\n{run.output}")
        run.kill()
        return self.rest().get("/runs/?limit=1")[0]["run_id"]

    def run_ends(self, run_id, status, seconds=90):
        rest = self.rest()
        lib.check(lib.until(lambda: rest.get(f"/runs/{run_id}")["status"] not in ("running", "submitting"),
                            seconds, 0.2), f"the run does not end: {rest.get(f'/runs/{run_id}')}")
        run = rest.get(f"/runs/{run_id}")
        lib.check(run["status"] == status, f"the run is {run['status']}, not {status}: {run}")
        return run

    def tasks(self):
        """{name: row with every field}, the latest of each name."""
        return {task["name"]: task for task in self.rest().get("/tasks/?view=full&limit=10000")}

    def close(self):
        for child in (*self.workers, self.process):
            child.send_signal(signal.SIGTERM)
        for child in (*self.workers, self.process):
            child.wait(60)
