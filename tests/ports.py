"""Ports for servers that tests start."""

import random
import socket

# As long as this process is there no other test is given its ports: a name that is bound goes with it.
RESERVED = []


def reserve(port):
    """False where another test has it."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0scitq-test-port-{port}")
    except OSError:
        name.close()
        return False
    RESERVED.append(name)
    return True


def free_port():
    """One below those that the system gives out by itself: nobody is given it before its server listens, or between two of them."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as given:
        first = int(given.read().split()[0])
    if first < 4096:
        first = 65536    # all are given out: any will do
    while True:
        port = random.randrange(first // 2, first)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if reserve(port):
            return port
