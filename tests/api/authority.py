"""A certificate authority of the tests' own, made with openssl."""

import contextlib
import os
import shutil
import subprocess
import tempfile

from lib import check


def command(*argv, **more):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False, **more)


class Authority:
    """A self-made authority with certificates for names."""

    def __init__(self, path):
        self.path = path
        self.ca = self.file("ca.pem")
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
                     "-keyout", self.file("ca.key"), "-out", self.ca)

    def file(self, name):
        return os.path.join(self.path, name)

    def openssl(self, *args):
        got = command("openssl", *args, cwd=self.path)
        check(got.returncode == 0, got.stdout)

    def certificate(self, name, alternative):
        cert, key = self.file(name + ".pem"), self.file(name + ".key")
        with open(self.file("ext"), "w", encoding="utf-8") as ext:
            ext.write(f"subjectAltName={alternative}\n")
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out",
                     self.file("request"))
        self.openssl("x509", "-req", "-in", self.file("request"), "-CA", self.ca, "-CAkey", self.file("ca.key"),
                     "-CAcreateserial", "-days", "2", "-extfile", self.file("ext"), "-out", cert)
        os.chmod(key, 0o600)
        return cert, key


@contextlib.contextmanager
def authority():
    path = tempfile.mkdtemp(prefix="scitq-tls.")
    try:
        yield Authority(path)
    finally:
        shutil.rmtree(path)
