"""SLURM on this machine alone, for the scripts of the docs that are handed to it.

One node, called as the machine is, with the processors and GPUs that those scripts ask for: SLURM
only counts them. Its daemons and munge, which it signs with, run as whoever runs the test, on ports
and in a folder of their own. Debian has them: ``slurmctld slurmd slurm-client munge``.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "sinfo")
SETTINGS = """\
ClusterName=docs
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=32 Gres=gpu:4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
DEVICES = ("null", "zero", "full", "random")
"""Files that stand for GPUs: SLURM asks that they are there."""


def lacking() -> str | None:
    """Why SLURM cannot run here, if so."""
    missing = [one for one in PROGRAMS if shutil.which(one, path=_path()) is None]
    if missing:
        return f"{', '.join(missing)} missing: apt-get install slurmctld slurmd slurm-client munge"
    return None


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """SLURM while the context is open; yields the environment variables that lead to it."""
    for one in ("state", "spool"):
        (folder / one).mkdir(parents=True)
    settings = SETTINGS.format(
        host=socket.gethostname().partition(".")[0], controller=_free_port(), node=_free_port(),
        folder=folder, user=getuser(),
    )  # fmt: skip
    (folder / "slurm.conf").write_text(settings)
    devices = "".join(f"Name=gpu File=/dev/{one}\n" for one in DEVICES)
    (folder / "gres.conf").write_text(devices)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    variables = {"SLURM_CONF": str(folder / "slurm.conf")}
    try:
        _start(
            variables, "munged", "--force", "--key-file", key, "--socket", folder / "munge.socket",
            "--pid-file", folder / "munged.pid", "--log-file", folder / "munged.log",
            "--seed-file", folder / "munged.seed",
        )  # fmt: skip
        _start(variables, "slurmctld")
        _start(variables, "slurmd")
        _wait_for_the_node(variables)
        yield variables
    finally:
        for one in ("slurmd", "slurmctld", "munged"):
            _stop(folder / f"{one}.pid")


def _path() -> str:
    return f"{os.environ['PATH']}{os.pathsep}/usr/sbin"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _start(variables: dict[str, str], program: str, *options: str | Path) -> None:
    """Start a daemon; it goes into the background when it is ready."""
    found = shutil.which(program, path=_path())
    subprocess.run([str(found), *options], env=os.environ | variables, check=True, timeout=60)


def _wait_for_the_node(variables: dict[str, str]) -> None:
    for _ in range(150):
        listed = subprocess.run(
            ["sinfo", "-h", "-o", "%t"], env=os.environ | variables, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if listed.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    raise TimeoutError(f"SLURM's node is {listed.stdout.strip() or listed.stderr.strip()!r}")


def _stop(pid: Path) -> None:
    """End a daemon that wrote its number, and wait until it is gone."""
    if not pid.is_file():
        return
    number = int(pid.read_text())
    os.kill(number, signal.SIGTERM)
    for _ in range(100):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
