"""Servers of data for tests: azurite for azure://, s3rver for s3://, vsftpd for ftp://, and rclone's file."""

import os
import shutil
import socket
import subprocess
import sys
import time

from ports import free_port

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def skip(component, why):
    print(f"skipped: {component}: {why}")
    sys.exit(77)


def npm_programs():
    """The directory of azurite and s3rver, or the end of the test."""
    got = subprocess.run([os.path.join(ROOT, "scripts", "npm-servers")], text=True, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    if got.returncode != 0:
        skip("stores", f"npm installs no servers: {got.stderr.strip()[-300:]}")
    return got.stdout.strip()


class Store:
    """A server below `path`; `config` is its section of rclone.conf, `base` the URI of an empty place in it, `remote` the
    same for rclone."""

    name = config = base = remote = None

    def __init__(self, path):
        self.path = path
        self.port = free_port()
        self.process = None
        os.makedirs(path)

    def start(self, argv, **options):
        with open(os.path.join(self.path, "log"), "ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **options)
        deadline = time.monotonic() + 180
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    with open(os.path.join(self.path, "log"), encoding="utf-8", errors="replace") as log:
                        raise RuntimeError(f"{argv[0]} does not start: {log.read()[-2000:]}") from None
                time.sleep(0.1)

    def close(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Azure(Store):
    name = "azure"
    base = "azure://box"
    remote = "azure:box"

    def __init__(self, path):
        super().__init__(path)
        data = os.path.join(path, "data")
        self.start([os.path.join(npm_programs(), "azurite-blob"), "--silent", "--location", data, "--blobHost",
                    "127.0.0.1", "--blobPort", str(self.port), "--skipApiVersionCheck"])
        self.config = (f"[azure]\ntype = azureblob\nuse_emulator = true\n"
                       f"endpoint = http://127.0.0.1:{self.port}/devstoreaccount1\n")


class S3(Store):
    name = "s3"

    def __init__(self, path, bucket="bucket"):
        super().__init__(path)
        self.base, self.remote = f"s3://{bucket}", f"S3:{bucket}"
        self.start([os.path.join(npm_programs(), "s3rver"), "-d", os.path.join(path, "data"), "-a", "127.0.0.1",
                    "-p", str(self.port), "--configure-bucket", bucket])
        # The lower-case scheme finds the remote, whatever case its name has.
        self.config = (f"[S3]\ntype = s3\nprovider = Other\naccess_key_id = S3RVER\nsecret_access_key = S3RVER\n"
                       f"endpoint = http://127.0.0.1:{self.port}\nforce_path_style = true\n")


class Ftp(Store):
    """vsftpd, with one user who owns the folder: the one that this test runs as."""

    name = "ftp"

    def __init__(self, path):
        super().__init__(path)
        program = shutil.which("vsftpd") or "/usr/sbin/vsftpd"
        if not os.access(program, os.X_OK):
            skip("vsftpd", "vsftpd is not installed")
        if os.geteuid() != 0:
            skip("vsftpd", "vsftpd is started by root alone")
        data = os.path.join(path, "data")
        os.makedirs(os.path.join(data, "box"))
        os.chmod(data, 0o755)
        shutil.chown(os.path.join(data, "box"), "ftp", "nogroup")
        os.makedirs(os.path.join(path, "empty"))
        for parent in (path, os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
            os.chmod(parent, os.stat(parent).st_mode | 0o711)
        conf = os.path.join(path, "vsftpd.conf")
        with open(conf, "w", encoding="utf-8") as out:
            out.write(f"listen=YES\nlisten_address=127.0.0.1\nlisten_port={self.port}\nbackground=NO\n"
                      "seccomp_sandbox=NO\nanonymous_enable=YES\nlocal_enable=NO\nwrite_enable=YES\n"
                      "anon_upload_enable=YES\nanon_mkdir_write_enable=YES\nanon_other_write_enable=YES\n"
                      f"anon_umask=022\nanon_root={data}\nsecure_chroot_dir={path}/empty\nno_anon_password=YES\n"
                      "ftp_username=ftp\nuse_localtime=NO\nxferlog_enable=NO\nanon_world_readable_only=NO\n"
                      "pasv_address=127.0.0.1\nconnect_from_port_20=NO\n")
        self.start([program, conf])
        self.config = ""
        self.base = f"ftp://127.0.0.1:{self.port}/box"
        self.remote = "byhand:box"

    def ftp_environment(self):
        """The remote that a test itself uses: URLs need none."""
        password = subprocess.run(["rclone", "obscure", "x"], check=True, text=True, stdout=subprocess.PIPE).stdout
        return {"RCLONE_CONFIG_BYHAND_TYPE": "ftp", "RCLONE_CONFIG_BYHAND_HOST": "127.0.0.1",
                "RCLONE_CONFIG_BYHAND_PORT": str(self.port), "RCLONE_CONFIG_BYHAND_USER": "anonymous",
                "RCLONE_CONFIG_BYHAND_PASS": password.strip()}


STORES = {store.name: store for store in (Azure, S3, Ftp)}


def environment(path, *stores):
    """What rclone needs to find them; its file is written to `path`."""
    if shutil.which("rclone") is None:
        skip("rclone", "rclone is not installed")
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(store.config for store in stores))
    return {"RCLONE_CONFIG": path, "RCLONE_LOW_LEVEL_RETRIES": "1"}
