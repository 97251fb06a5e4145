"""A Slurm of one node on loopback: munged, slurmctld and slurmd with their files in a temporary directory.

`with Slurm() as slurm:` starts it; slurm.env is what its commands need. As root alone: slurmd starts the steps of jobs
as their users. `reason()` says why it cannot be had, or None.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from ports import free_port  # noqa: E402

PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo"]
# Those of a server lie where a user's PATH may not lead.
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def reason():
    if os.getuid() != 0:
        return "not root"
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    return f"no {', '.join(missing)}" if missing else None


CONF = """
ClusterName=test
SlurmctldHost={host}({address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={path}/munge.socket
CredType=cred/munge
SlurmctldPort={control}
SlurmdPort={daemon}
SlurmctldPidFile={path}/slurmctld.pid
SlurmdPidFile={path}/slurmd.pid
StateSaveLocation={path}/state
SlurmdSpoolDir={path}/spool
SlurmctldLogFile={path}/slurmctld.log
SlurmdLogFile={path}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,default_queue_depth=1000
MinJobAge=10
KillWait=5
InactiveLimit=0
NodeName={host} NodeAddr={address} CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=60 State=UP PriorityTier=1
PartitionName=brief Nodes={host} DefaultTime=1 MaxTime=1 State=UP PriorityTier=1
PartitionName=urgent Nodes={host} MaxTime=60 State=UP PriorityTier=10 PreemptMode=off
"""


class Slurm:
    def __init__(self, cpus=4, memory=4000):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="scitq-slurm."))
        self.env = {**os.environ, "SLURM_CONF": os.path.join(self.path, "slurm.conf"), "PATH": PATH}
        self.host = socket.gethostname().split(".")[0]
        # The daemons listen where this name leads: 127.0.1.1 on an installed Debian.
        self.address = socket.gethostbyname(self.host)
        self.cpus = cpus
        self.memory = memory
        self.started = []

    def file(self, name):
        return os.path.join(self.path, name)

    def spawn(self, *argv):
        with open(self.file("daemons.log"), "ab") as log:
            self.started.append(subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def __enter__(self):
        try:
            for name in ("state", "spool"):
                os.mkdir(self.file(name))
            with open(self.file("munge.key"), "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as key:
                key.write(os.urandom(128))
            with open(self.env["SLURM_CONF"], "w", encoding="utf-8") as conf:
                conf.write(CONF.format(path=self.path, host=self.host, address=self.address, control=free_port(), daemon=free_port(),
                                       cpus=self.cpus, memory=self.memory))
            os.chmod(self.path, 0o755)
            self.spawn("munged", "--foreground", "--force", "--key-file", self.file("munge.key"), "--socket",
                       self.file("munge.socket"), "--pid-file", self.file("munged.pid"), "--log-file",
                       self.file("munged.log"), "--seed-file", self.file("munge.seed"))
            self.wait(lambda: os.path.exists(self.file("munge.socket")), "munged")
            self.spawn("slurmctld", "-D")
            self.spawn("slurmd", "-D", "-N", self.host)
            self.wait(lambda: self.call("sinfo", "-h", "-o", "%t", check=False).split()[:1] == ["idle"], "slurm")
            return self
        except BaseException:
            self.__exit__()
            raise

    def wait(self, ready, what):
        deadline = time.monotonic() + 180
        while not ready():
            if time.monotonic() > deadline or any(p.poll() is not None for p in self.started):
                raise RuntimeError(f"{what} does not start\n{self.told()}")
            time.sleep(0.1)

    def call(self, *argv, check=True):
        return subprocess.run(argv, env=self.env, check=check, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True).stdout

    def queue(self):
        """Its jobs, as (name, state)."""
        return [tuple(line.split()) for line in self.call("squeue", "-h", "-r", "-o", "%j %T").splitlines()]

    def told(self):
        text = ""
        for name in ("daemons.log", "munged.log", "slurmctld.log", "slurmd.log"):
            if os.path.exists(self.file(name)):
                with open(self.file(name), encoding="utf-8", errors="replace") as log:
                    text += f"--- {name}\n{log.read()[-2000:]}"
        return text

    def __exit__(self, *what):
        if os.path.exists(self.file("state")) and len(self.started) > 1:
            subprocess.run(["scancel", "-u", "root"], env=self.env, check=False, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=120)
        for process in reversed(self.started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self.started):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.kill_steps()
        shutil.rmtree(self.path, ignore_errors=True)

    def kill_steps(self):
        """Those that have not told the controller of their end yet try for ever."""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/environ", "rb") as environ:
                    ours = self.path.encode() in environ.read()
                with open(f"/proc/{entry}/comm", encoding="utf-8") as comm:
                    ours = ours and comm.read().startswith("slurmstepd")
                if ours:
                    os.kill(int(entry), signal.SIGKILL)
