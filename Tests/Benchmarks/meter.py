"""What a process uses, from /proc: CPU to the nanosecond, wake-ups, memory."""

import asyncio
import dataclasses
import re
import time
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Usage:
    """What was used over a time. `core` and those of `threads` are fractions of one core."""

    core: float
    threads: dict[str, float]
    wakeups: float  # a second
    resident: int  # bytes, at its end


def threads_of(pid):
    """Each thread's name, nanoseconds on a CPU, and how often it went to sleep of its own will."""
    for folder in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (folder / "comm").read_text().strip()
            nanoseconds = int((folder / "schedstat").read_text().split()[0])
            switches = int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (folder / "status").read_text(), re.M)[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        yield folder.name, name, nanoseconds, switches


def resident_bytes(pid):
    """Without raw pictures: peers map the file that stands for their camera."""
    resident, counts = 0, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if line.startswith("Rss:"):
            resident += int(line.split()[1]) * 1024 if counts else 0
        elif re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            counts = not line.endswith(".i420")
    return resident


async def measure(pid, seconds):
    before = {thread: (used, switches) for thread, _, used, switches in threads_of(pid)}
    start = time.monotonic()
    await asyncio.sleep(seconds)
    elapsed = time.monotonic() - start
    threads, wakeups = {}, 0
    for thread, name, used, switches in threads_of(pid):
        used_before, switches_before = before.get(thread, (0, 0))
        threads[name] = threads.get(name, 0) + (used - used_before) / 1e9 / elapsed
        wakeups += switches - switches_before
    return Usage(sum(threads.values()), threads, wakeups / elapsed, resident_bytes(pid))
