#!/usr/bin/env python3
"""Takes the README's picture of the page from the real page: the release binary, its test sources, Chromium.

    .build/venv/bin/python Tests/EndToEnd/screenshot.py            docs/images/viewer.png and viewer-dark.png
    .build/venv/bin/python Tests/EndToEnd/screenshot.py FOLDER
"""

import asyncio
import sys
from pathlib import Path

import network as networks
from agent import SOURCE_TREE, Agent
from browser import Chromium
from page import LATENCY, LIVE, TELEMETRY

SETTLED = 300  # frames, for the statistics to have something to say


async def main(folder):
    with networks.between_agent_and_browsers() as network:
        async with Agent(network.address, device={"name": "Garden"}) as agent, Chromium(network) as browser:
            page = await browser.open(agent.url, width=1280, height=800)
            await page.wait_for(LIVE, within=15)
            await page.wait_for(f"{LATENCY} && {TELEMETRY}")
            start = await page.evaluate("rig.counter()")
            await page.wait_for(f"rig.counter() > {start} + {SETTLED}", within=60)
            for name, scheme in (("viewer", "light"), ("viewer-dark", "dark")):
                await page.prefer(scheme)
                path = folder / f"{name}.png"
                await page.screenshot(path)
                print(path)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE_TREE / "docs/images"))
