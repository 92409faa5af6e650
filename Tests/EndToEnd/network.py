"""A network between the agent and the browsers that does not depend on the machine.

As root: a network namespace for the browsers, joined by a veth pair, so that they live on another host as far as
WebRTC can tell. Else: the machine's own interface address, where it has one.
"""

import contextlib
import ctypes
import json
import os
import re
import socket
import subprocess
import threading
from pathlib import Path

NAME = re.compile(r"perch-e2e-(\d+)")
CLONE_NEWNET = 0x40000000  # sched.h; os.setns came with Python 3.12


class NoNetwork(Exception):
    """Neither a namespace nor an interface address is to be had."""


def run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)


class Namespace:
    """Where the browsers live. `address` and `address6` are the agent's end of the cable, `peer` theirs."""

    def __init__(self):
        number = os.getpid()
        self.name = f"perch-e2e-{number}"
        # 198.18.0.0/15 is set aside for tests of network devices (RFC 2544), fd00::/8 for private use (RFC 4193).
        block = number % (1 << 14)
        prefix = f"198.18.{block >> 6}"
        self.address, self.peer = f"{prefix}.{(block & 63) * 4 + 1}", f"{prefix}.{(block & 63) * 4 + 2}"
        self.address6, self.peer6 = f"fd50:6572:6368:{block:x}::1", f"fd50:6572:6368:{block:x}::2"
        self.link, self.peer_link = f"perch{block:x}a", f"perch{block:x}b"

    def __enter__(self):
        remove_those_left_behind()
        run("ip", "netns", "add", self.name)
        try:
            inside = ("ip", "-netns", self.name)
            run("ip", "link", "add", self.link, "type", "veth", "peer", "name", self.peer_link, "netns", self.name)
            for ip, link, address, address6 in (
                (("ip",), self.link, self.address, self.address6),
                (inside, self.peer_link, self.peer, self.peer6),
            ):
                # A link-local address would come of itself two seconds later, and make Chromium drop its downloads
                # (ERR_NETWORK_CHANGED).
                run(*ip, "link", "set", link, "addrgenmode", "none")
                run(*ip, "address", "add", f"{address}/30", "dev", link)
                # Duplicate address detection would take a second, on a cable with two ends that we own.
                run(*ip, "address", "add", f"{address6}/64", "dev", link, "nodad")
                run(*ip, "link", "set", link, "up")
            run(*inside, "link", "set", "lo", "up")
            run(*inside, "route", "add", "default", "via", self.address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # The namespace would take the cable with it, but some time later.
        for command in (("ip", "link", "delete", self.link), ("ip", "netns", "delete", self.name)):
            subprocess.run(command, check=False, capture_output=True)

    def inside(self, command):
        """The command that runs `command` in the browsers' namespace."""
        return ["ip", "netns", "exec", self.name, *command]

    def connect(self, host, port):
        """A TCP connection made inside the namespace: the loopback of a browser is not ours."""
        return in_namespace(f"/run/netns/{self.name}", lambda: socket.create_connection((host, port), timeout=10))

    def cable(self, plugged):
        """Pulls the cable, or plugs it in again."""
        run("ip", "link", "set", self.link, "up" if plugged else "down")


class OwnMachine:
    """The fallback: browsers and agent share the machine's addresses."""

    def __init__(self):
        self.peer = self.address = interface_address()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def inside(self, command):
        return list(command)

    def connect(self, host, port):
        return socket.create_connection((host, port), timeout=10)


@contextlib.contextmanager
def between_agent_and_browsers():
    """A namespace where it can be made, else the machine itself."""
    with contextlib.ExitStack() as stack:
        network = None
        if os.geteuid() == 0:
            try:
                network = stack.enter_context(Namespace())
                run(*network.inside(["true"]))
            except (subprocess.CalledProcessError, OSError) as reason:
                print(f"No network namespace ({reason}): the browsers use this machine's own address.")
                network = None
        yield network or stack.enter_context(OwnMachine())


def interface_address():
    links = json.loads(subprocess.run(("ip", "-json", "address"), check=True, capture_output=True, text=True).stdout)
    for link in links:
        for address in link["addr_info"]:
            if address["family"] == "inet" and address["scope"] == "global":
                return address["local"]
    raise NoNetwork("Browsers offer no loopback addresses to WebRTC, and this machine has no other: run as root.")


def remove_those_left_behind():
    """Namespaces of runs that were killed."""
    listed = subprocess.run(("ip", "netns", "list"), check=True, capture_output=True, text=True).stdout
    for name, number in {match.group(): match.group(1) for match in NAME.finditer(listed)}.items():
        if not Path(f"/proc/{number}").exists():
            subprocess.run(("ip", "netns", "delete", name), check=False, capture_output=True)


def in_namespace(path, action):
    """Calls `action` on a thread of its own that has moved into the network namespace."""
    outcome = []

    def move_and_act():
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns({path})")
            finally:
                os.close(descriptor)
            outcome.append((action(), None))
        except OSError as error:
            outcome.append((None, error))

    thread = threading.Thread(target=move_and_act)
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error:
        raise error
    return result
