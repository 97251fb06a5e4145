"""A Keystone on loopback, with its files in a temporary directory, and what it takes to log in.

`with Keystone() as keystone:` makes a database, an admin and serves; `reason()` says why it cannot be had, or None.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from ports import free_port  # noqa: E402

PROGRAMS = ["keystone-manage", "keystone-wsgi-public"]
CONF = """[DEFAULT]
log_file = {path}/keystone.log
[database]
connection = sqlite:///{path}/keystone.db
[identity]
password_hash_rounds = 4
[fernet_tokens]
key_repository = {path}/fernet
[credential]
key_repository = {path}/credential
"""


def reason():
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"no {', '.join(missing)}" if missing else None


class Keystone:
    def __init__(self):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="scitq-keystone."))
        self.url = f"http://127.0.0.1:{free_port()}/v3"
        self.password = "a secret"
        self.process = None
        self.env = {**os.environ, "OS_KEYSTONE_CONFIG_FILES": os.path.join(self.path, "keystone.conf")}

    def login(self):
        """What an openrc file of the admin sets."""
        return {"OS_AUTH_URL": self.url, "OS_USERNAME": "admin", "OS_PASSWORD": self.password,
                "OS_PROJECT_NAME": "admin", "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default"}

    def manage(self, *words):
        got = subprocess.run(["keystone-manage", "--config-file", os.path.join(self.path, "keystone.conf"), *words],
                             env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if got.returncode:
            raise RuntimeError(f"keystone-manage {words}: {got.stdout}")

    def __enter__(self):
        try:
            with open(os.path.join(self.path, "keystone.conf"), "w", encoding="utf-8") as conf:
                conf.write(CONF.format(path=self.path))
            user = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
            self.manage("db_sync")
            self.manage("fernet_setup", *user)
            self.manage("credential_setup", *user)
            self.manage("bootstrap", "--bootstrap-password", self.password, "--bootstrap-public-url", self.url,
                        "--bootstrap-region-id", "R1")
            with open(os.path.join(self.path, "out"), "wb") as out:
                self.process = subprocess.Popen(["keystone-wsgi-public", "--host", "127.0.0.1", "--port",
                                                 self.url.split(":")[2].split("/")[0]], env=self.env,
                                                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            deadline = time.monotonic() + 180
            while not self.answers():
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError(f"keystone does not start\n{self.told()}")
                time.sleep(0.2)
            return self
        except BaseException:
            self.__exit__()
            raise

    def answers(self):
        try:
            urllib.request.urlopen(self.url, timeout=30).close()
            return True
        except OSError:
            return False

    def told(self):
        text = ""
        for name in ("out", "keystone.log"):
            if os.path.exists(os.path.join(self.path, name)):
                with open(os.path.join(self.path, name), encoding="utf-8", errors="replace") as log:
                    text += log.read()[-3000:]
        return text

    def call(self, method, path, body=None, **headers):
        request = urllib.request.Request(self.url + path, method=method, data=json.dumps(body).encode() if body else None,
                                         headers={"Content-Type": "application/json", **headers})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply), reply.headers

    def token(self):
        domain = {"name": "Default"}
        return self.call("POST", "/auth/tokens", {"auth": {
            "identity": {"methods": ["password"],
                         "password": {"user": {"name": "admin", "password": self.password, "domain": domain}}},
            "scope": {"project": {"name": "admin", "domain": domain}}}})[1]["X-Subject-Token"]

    def add_service(self, kind, url):
        auth = {"X-Auth-Token": self.token()}
        service = self.call("POST", "/services", {"service": {"type": kind, "name": kind}}, **auth)[0]["service"]["id"]
        self.call("POST", "/endpoints", {"endpoint": {"interface": "public", "region_id": "R1", "service_id": service,
                                                      "url": url}}, **auth)

    def admits(self, token):
        try:
            self.call("GET", "/auth/tokens", **{"X-Auth-Token": token, "X-Subject-Token": token})
            return True
        except urllib.error.HTTPError:
            return False

    def __exit__(self, *what):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.path, ignore_errors=True)
