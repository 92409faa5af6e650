"""Fixtures: the network, one process of each browser for the whole run, an agent for each file of tests."""

import re
import tempfile
from pathlib import Path

import pytest
import pytest_asyncio

import agent as agents
import browser as browsers
import network as networks

RESULTS = agents.SOURCE_TREE / ".build/test-results"


def pytest_configure(config):
    config.figures = []
    RESULTS.mkdir(parents=True, exist_ok=True)
    if not agents.PROGRAM.exists():
        raise pytest.UsageError(f"There is no {agents.PROGRAM}: run make build, or say PERCH=/path/to/perch.")


@pytest.fixture
def record(request):
    """Notes a figure for the summary: record("first frame in Chromium", "0.31 s")."""
    return lambda name, value: request.config.figures.append((name, value))


def pytest_terminal_summary(terminalreporter, config):
    if config.figures:
        terminalreporter.section("figures")
        for name, value in config.figures:
            terminalreporter.line(f"{name}: {value}")


@pytest.fixture(scope="session")
def network():
    with networks.between_agent_and_browsers() as network:
        yield network


@pytest_asyncio.fixture(scope="module")
async def agent(network):
    """An agent with test sources and an address that browsers reach; shared by the tests of one file."""
    async with agents.Agent(network.address) as agent:
        yield agent


@pytest_asyncio.fixture
async def own_agent(network):
    """An agent that one test may restart, reconfigure or kill."""
    async with agents.Agent(network.address) as agent:
        yield agent


@pytest_asyncio.fixture(scope="session")
async def running_browser(network):
    """Gives a browser by its name, started when it is first asked for or has died."""
    running = {}

    async def get(name):
        if name not in running or not running[name].is_alive:
            running[name] = await browsers.ALL[name](network).__aenter__()
        return running[name]

    yield get
    for browser in running.values():
        await browser.__aexit__()


@pytest_asyncio.fixture(params=list(browsers.ALL))
async def browser(request, running_browser):
    """A running browser; a test that takes it runs once in each. Its pages end with the test."""
    browser = await running_browser(request.param)
    yield browser
    await close_pages(browser, request.node)


@pytest_asyncio.fixture
async def both_browsers(request, running_browser):
    running = [await running_browser(name) for name in browsers.ALL]
    yield running
    for browser in running:
        await close_pages(browser, request.node)


async def close_pages(browser, node):
    for number, page in enumerate(list(browser.pages)):
        if getattr(node, "failed", False):
            await keep_evidence(node, page, f"{browser.name}-{number}")
        await page.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.failed = report.failed
        if report.failed:
            for name in ("agent", "own_agent"):
                if agent := item.funcargs.get(name):
                    report.sections.append((f"what the {name.replace('_', ' ')} said", agent.log))
    return report


async def keep_evidence(node, page, number):
    """What the page looked like and said when a test failed, in .build/test-results."""
    name = re.sub(r"[^\w-]+", "-", f"{Path(node.fspath).stem}-{node.name}-{number}").strip("-")
    try:
        await page.screenshot(RESULTS / f"{name}.png")
    except browsers.BrowserError as reason:
        page.log("error", f"no screenshot: {reason}")
    (RESULTS / f"{name}.log").write_text("\n".join(page.console) + "\n")


@pytest.fixture
def files():
    """A folder for one test."""
    with tempfile.TemporaryDirectory(prefix="perch-e2e-") as folder:
        yield Path(folder)
