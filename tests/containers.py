"""podman for tests: storage of its own in a temporary directory, and an image without a registry."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import time

IMAGE = "localhost/scitq-test:1"
APPLETS = ("cat", "cut", "dd", "echo", "env", "false", "head", "id", "kill", "ln", "ls", "mkdir", "mkfifo", "pwd",
           "rm", "seq", "sh", "sleep", "tail", "tee", "test", "touch", "tr", "true", "wc", "yes")

CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:1024"]
{1}
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{0}/tmp"
[network]
network_backend = "netavark"
network_config_dir = "{0}/net"
"""

STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{0}/graph"
runroot = "{0}/run"
rootless_storage_path = "{0}/rootless"
"""


class Podman:
    """env is what a program needs to use it; `why` is None, or the reason why there is none here."""

    program = "podman"

    def __init__(self, path, network=True):
        self.path = path
        self.env = {}
        self.why = None
        os.makedirs(path)
        for name, text in (("containers.conf", CONTAINERS_CONF), ("storage.conf", STORAGE_CONF)):
            with open(os.path.join(path, name), "w", encoding="utf-8") as out:
                # Without privileges a network needs one more program.
                out.write(text.format(path, "" if os.geteuid() == 0 else 'netns = "none"'))
        self.env = {"CONTAINERS_CONF": os.path.join(path, "containers.conf"),
                    "CONTAINERS_STORAGE_CONF": os.path.join(path, "storage.conf")}
        for program in ("podman", "runc", "busybox"):
            if shutil.which(program) is None:
                self.why = f"{program} is not installed"
                return
        self.import_busybox()
        self.try_one(network)

    def try_one(self, network):
        """Where we are in a root directory of our own, as a chroot, an engine starts and runs nothing."""
        if self.why is None:
            run = self.run("run", "--rm", *([] if network else ["--network=none"]), IMAGE, "true")
            if run.returncode != 0:
                self.why = f"{self.program} runs no container here: {run.stderr.strip()[-300:]}"

    def run(self, *args, **options):
        return subprocess.run([self.program, *args], env={**os.environ, **self.env}, text=True, capture_output=True,
                              check=False, stdin=subprocess.DEVNULL, **options)

    def import_busybox(self):
        self.import_image(IMAGE)

    def import_image(self, image, files=()):
        """busybox under that name, with programs of its own: (name in /bin, text)."""
        path = os.path.join(self.path, "rootfs.tar")
        with tarfile.open(path, "w") as tar:
            for name in ("bin", "tmp", "etc"):
                info = tarfile.TarInfo(name)
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            tar.add(os.path.realpath(shutil.which("busybox")), "bin/busybox")
            for name in APPLETS:
                info = tarfile.TarInfo("bin/" + name)
                info.type, info.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(info)
            for name, text in files:
                info = tarfile.TarInfo("bin/" + name)
                info.mode, info.size = 0o755, len(text.encode())
                tar.addfile(info, io.BytesIO(text.encode()))
        done = self.run("import", path, image)
        if done.returncode != 0:
            self.why = f"{self.program} imports no image here: {done.stderr.strip()[-300:]}"

    def names(self):
        """Containers that exist, running or not."""
        return self.run("ps", "--all", "--format", "{{.Names}}").stdout.split()

    def close(self):
        if self.why is None:
            self.run("rm", "--force", "--all", "--time=0")
        subprocess.run(["umount", "-q", os.path.join(self.path, "graph", "overlay")], check=False,
                       capture_output=True)
        shutil.rmtree(self.path, ignore_errors=True)


class Docker(Podman):
    """docker with a daemon of its own."""

    program = "docker"

    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.path = path
        self.env = {"DOCKER_HOST": f"unix://{path}/socket", "DOCKER_CONFIG": path}
        self.why = None
        self.daemon = None
        os.makedirs(path)
        for program in ("docker", "dockerd", "containerd", "runc", "busybox"):
            if shutil.which(program) is None:
                self.why = f"{program} is not installed"
                return
        if os.geteuid() != 0:
            self.why = "dockerd is started by root alone"
            return
        with open(os.path.join(path, "log"), "wb") as log:
            self.daemon = subprocess.Popen(
                ["dockerd", "--data-root", f"{path}/root", "--exec-root", f"{path}/exec", "-p", f"{path}/pid",
                 "-H", f"unix://{path}/socket", "--iptables=false", "--bridge=none"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 180
        while self.run("version").returncode != 0:
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                with open(os.path.join(path, "log"), encoding="utf-8", errors="replace") as log:
                    self.why = f"dockerd does not start: {log.read()[-300:]}"
                return
            time.sleep(0.1)
        self.import_busybox()
        self.try_one(network=False)

    def close(self):
        if self.daemon is not None:
            names = self.run("ps", "--all", "--quiet").stdout.split() if self.daemon.poll() is None else []
            if names:
                self.run("rm", "--force", *names)
            self.daemon.terminate()
            self.daemon.wait(60)
        shutil.rmtree(self.path, ignore_errors=True)


def need(component, why):
    """End the test where the component is not to be had."""
    if why is not None:
        print(f"skipped: {component}: {why}")
        sys.exit(77)
