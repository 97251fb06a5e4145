"""Packages of npm for tests of editor files, installed once into the build directory."""

import fcntl
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def installed(name, *packages):
    """The directory that has them, NAME@VERSION each, as node_modules; None where they cannot be had."""
    directory = os.path.join(os.environ.get("SCITQ_BUILD", os.path.join(ROOT, "build")), f"npm-{name}")
    if shutil.which("npm") is None or shutil.which("node") is None:
        return None
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all(os.path.isdir(os.path.join(directory, "node_modules", p.split("@")[0])) for p in packages):
            return directory
        # What they would need to be built, as peers or by scripts, is not wanted.
        try:
            done = subprocess.run(["npm", "install", "--prefix", directory, "--no-audit", "--no-fund", "--ignore-scripts",
                                   "--legacy-peer-deps", "--no-package-lock", "--loglevel=error", "--fetch-retries=4",
                                   "--fetch-retry-mintimeout=1000", "--fetch-retry-factor=3", *packages],
                                  stdout=sys.stderr, check=False, timeout=400)
        except subprocess.TimeoutExpired:
            return None
        return directory if done.returncode == 0 else None
