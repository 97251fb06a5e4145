"""wheel.py VERSION OUT_DIRECTORY FILE...: a wheel of the package scitq with these files (PEP 427)."""

import base64
import hashlib
import os
import sys
import sysconfig
import zipfile


def main(version, out, *files):
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    tag = f"{python}-{python}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
    info = f"scitq-{version}.dist-info"
    contents = {f"scitq/{os.path.basename(path)}": open(path, "rb").read() for path in files}
    contents[f"{info}/METADATA"] = (f"Metadata-Version: 2.1\nName: scitq\nVersion: {version}\n"
                                    "Summary: client of scitq servers\n").encode()
    contents[f"{info}/WHEEL"] = (f"Wheel-Version: 1.0\nGenerator: scitq\nRoot-Is-Purelib: false\nTag: {tag}\n").encode()
    record = ""
    for name, data in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    contents[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    os.makedirs(out, exist_ok=True)
    with zipfile.ZipFile(os.path.join(out, f"scitq-{version}-{tag}.whl"), "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in contents.items():
            wheel.writestr(name, data)


main(*sys.argv[1:])
