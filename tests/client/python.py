"""scitq.lib for tests: who runs it, and with what."""

import contextlib
import glob
import logging
import os
import subprocess
import sys

import alone
import lib

SNIPPETS = os.path.join(lib.ROOT, "examples", "client", "python")
MODULE = os.path.join(lib.BUILD, "lib", "python")


def env(base):
    """With the sanitizer that the module was built with, which must be loaded first; what Python leaves is no leak of ours."""
    more = {"PYTHONPATH": MODULE}
    if "address" in lib.SANITIZE:
        more["LD_PRELOAD"] = lib.run(lib.CC, "-print-file-name=libasan.so").stdout.strip()
        more["ASAN_OPTIONS"] = "detect_leaks=0"
    return {**base, **more}


def interpreter(*modules):
    """One that has the modules, scitq.lib among them."""
    if not glob.glob(os.path.join(MODULE, "scitq", "lib.*.so")):
        alone.skip("python", "scitq.lib is not built: python3-dev is missing")
    tried = []
    for program in dict.fromkeys([os.environ.get("SCITQ_PYTHON") or "python3", "/usr/bin/python3"]):
        got = subprocess.run([program, "-c", "import scitq.lib, " + ", ".join(modules or ["sys"])], env=env(os.environ),
                             check=False, capture_output=True, text=True)
        if got.returncode == 0:
            return program
        tried.append(f"{program}: {got.stderr.strip()[-200:]}")
    return alone.skip("pandas" if "pandas" in modules else "python", "; ".join(tried))


def enter(*modules):
    """Go on in an interpreter that has the modules, scitq.lib among them."""
    if os.environ.get("SCITQ_TEST_MODULE") != "1":
        program = interpreter(*modules)
        os.execvpe(program, [program, *sys.argv], {**env(os.environ), "SCITQ_TEST_MODULE": "1"})


@contextlib.contextmanager
def listening():
    """What is told to the logger."""
    told = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    logging.getLogger("scitq").addHandler(handler)
    yield told
    logging.getLogger("scitq").removeHandler(handler)
