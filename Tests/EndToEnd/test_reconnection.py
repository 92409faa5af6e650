"""Whatever happens to the agent, the picture comes back by itself."""

from page import LIVE, watching


async def test_the_picture_comes_back_after_a_restart(browser, own_agent, record):
    page = await watching(browser, own_agent)
    await own_agent.terminate()
    await page.wait_for(f"!({LIVE})", within=15)
    await own_agent.start()
    began = await page.evaluate("performance.now()")
    await page.wait_for(f"{LIVE} && rig.counter() !== null", within=30)
    taken = await page.evaluate("performance.now()") - began
    record(f"picture back in {browser.name}", f"{taken:.0f} ms after READY=1")


async def test_the_picture_comes_back_after_a_crash(browser, own_agent):
    page = await watching(browser, own_agent)
    peers = await page.evaluate("rig.peers.length")
    await own_agent.kill()
    await own_agent.start()
    # The old picture stands still meanwhile: only a new connection shows that this one lives.
    await page.wait_for(f"rig.peers.length > {peers} && {LIVE} && rig.counter() !== null", within=40)


async def test_viewers_that_leave_are_forgotten(browser, own_agent):
    page = await watching(browser, own_agent)
    assert (await own_agent.get("api/stats"))["viewers"]
    await page.close()
    await own_agent.eventually(lambda statistics: not statistics["viewers"])
