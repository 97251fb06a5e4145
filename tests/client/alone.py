"""A test in namespaces of its own, where ports are free and names mean what it says: enter() runs it there."""

import os
import shutil
import subprocess
import sys


def skip(component, why):
    print(f"skipped: {component}: {why}")
    sys.exit(77)


def enter(hosts=""):
    """Go on in a namespace with a network of its own and these lines in /etc/hosts."""
    if os.environ.get("SCITQ_TEST_ALONE") == "1":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with open("/etc/hosts", encoding="utf-8") as old:
            text = old.read()
        made = f"/tmp/scitq-hosts.{os.getpid()}"
        with open(made, "w", encoding="utf-8") as new:
            new.write(text + hosts)
        try:
            subprocess.run(["mount", "--bind", made, "/etc/hosts"], check=True)
        finally:
            os.unlink(made)
        return
    if os.geteuid() != 0 or shutil.which("ip") is None:
        skip("netns", "it takes root and iproute2")
    try_it = subprocess.run(["unshare", "--net", "--mount", "true"], check=False, capture_output=True, text=True)
    if try_it.returncode != 0:
        skip("netns", try_it.stderr.strip())
    os.execvpe("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv], {**os.environ, "SCITQ_TEST_ALONE": "1"})
