"""`scitq` as a person types it, about a team's server on which a run has failed."""

import json
import os
import pty
import subprocess

import lib
from team import Team

FILE = """scitq 1
workflow "demo" { retry = 1 }
foreach i in 1..3 {
  step one {
    run | echo "out $i" | tee "$OUTPUT/$i.txt"; echo "err $i" >&2; test "$i" != 2 || test -e "$GATE"
  }
}
step two {
  input = gather one
  run | true
}
"""


def failed_run(place):
    """A server with a worker, and the run; what the run waits for to succeed."""
    team = Team(place)
    gate = place.file("gate")
    team.spawn("scitq-worker", team.address, "2", "-n", "local", "-b", "*", "--state", place.file("w"))
    workflow = place.file("f.scitq")
    with open(workflow, "w", encoding="utf-8") as out:
        out.write(FILE.replace('"$GATE"', gate))
    place.run("-s", team.address, workflow, code=1)
    return team, gate


class Scitq:
    def __init__(self, place):
        self.place = place
        self.said = ""
        self.called = set()

    def __call__(self, line, code=0, more=()):
        words = line.split() + list(more)
        self.called |= {words[0], " ".join(words[:2]), " ".join(words[1:3])}
        program = words.pop(0) if words[0].startswith("scitq-") else "scitq"
        got = subprocess.run([os.path.join(lib.BIN, program), *words], cwd=self.place.path, env=self.place.env,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        lib.check(got.returncode == code, f"{program} {words}: exit {got.returncode}, not {code}\n{got.stdout}{got.stderr}")
        self.said = got.stderr
        return got.stdout

    def rows(self, line):
        lines = [json.loads(text) for text in self(line + " --json").splitlines()]
        lib.check(lines[0]["type"] == "scitq" and lines[0]["version"] == 1, lines[0])
        return lines[1:]


def columns(text):
    """The rows of a table by the names in its first line."""
    head, *lines = text.splitlines()
    return [dict(zip(head.split(), line.split())) for line in lines]


def print_on_terminal(place, *words, code=0, **env):
    main, terminal = pty.openpty()
    with subprocess.Popen([os.path.join(lib.BIN, "scitq"), *words], env={**place.env, "COLUMNS": "72", **env}, stdin=subprocess.DEVNULL,
                          stdout=terminal) as shown:
        os.close(terminal)
        out = b""
        while True:
            try:
                got = os.read(main, 65536)
            except OSError:
                break
            out += got
        lib.check(shown.wait(30) == code, (words, out))
    os.close(main)
    return out
