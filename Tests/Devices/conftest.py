"""One emulated machine for all tests; each finds its camera and sound card plugged in."""

import pytest_asyncio

from machine import Machine


@pytest_asyncio.fixture(scope="session")
async def running_machine():
    async with Machine() as machine:
        yield machine


@pytest_asyncio.fixture
async def machine(running_machine):
    yield running_machine
    for driver in ("vivid", "snd_aloop"):
        if not await running_machine.is_bound(driver):
            await running_machine.bind(driver, True)
