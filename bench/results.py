"""Sections of RESULTS.md: one per measurement, replaced when it is made again."""
import datetime, os, platform, re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "RESULTS.md")
HEAD = """# Results

Each section is written by the command that it names. Ratios of medians, both sides in one run; the machines
are shared, so only the ratio means something.
"""


def machine():
    model = re.search(r"^model name\s*:\s*(.*)$", open("/proc/cpuinfo").read(), re.M)
    return (f"{os.cpu_count()} cpus ({model.group(1) if model else platform.machine()}), "
            f"Linux {platform.release().split('-')[0]}, load {os.getloadavg()[0]:.1f}")


def write(name, command, lines):
    text = open(PATH).read() if os.path.exists(PATH) else HEAD
    body = f"## {name}\n\n    {command}\n\n" + "\n".join(f"- {line}" for line in lines)
    body += f"\n- {datetime.date.today().isoformat()}, {machine()}\n"
    pattern = re.compile(rf"^## {re.escape(name)}\n.*?(?=^## |\Z)", re.M | re.S)
    if pattern.search(text):
        text = pattern.sub(lambda _: body + "\n", text).rstrip("\n") + "\n"
    else:
        text = text.rstrip("\n") + "\n\n" + body
    open(PATH, "w").write(text)
