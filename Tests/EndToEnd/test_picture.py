"""The picture in the browsers that people have, just as they come."""

import itertools

from page import LATENCY, LIVE, watching


async def test_shows_a_live_picture_without_flags_preferences_or_prompts(browser, agent):
    page = await watching(browser, agent)
    before = await page.evaluate("rig.stats('inbound-rtp', 'video').then(s => s.framesDecoded)")
    await page.wait_for(f"rig.stats('inbound-rtp', 'video').then(s => s.framesDecoded >= {before} + 30)")
    assert await page.evaluate("rig.video().paused") is False
    assert page.errors == []


async def test_says_in_words_that_it_is_live(browser, agent):
    page = await watching(browser, agent)
    await page.wait_for(LIVE)


async def test_counts_up_in_the_picture_itself(browser, agent):
    page = await watching(browser, agent)
    counters = [c for c in await page.watch("rig.counter()", seconds=2) if c is not None]
    assert len(counters) > 10
    assert all(later >= earlier for earlier, later in itertools.pairwise(counters)), counters
    # Two seconds of 30 frames; half of that leaves room for a machine with other work.
    assert counters[-1] - counters[0] > 30, counters


async def test_is_on_screen_within_a_second_of_the_page(browser, agent, record):
    page = await watching(browser, agent)
    first_frame = await page.wait_for("rig.firstFrame")
    loaded = await page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    record(f"first frame in {browser.name}", f"{first_frame - loaded:.0f} ms after the page was there")
    # The promise is one second; thrice that is a fault on any machine.
    assert first_frame - loaded < 3000


async def test_tells_the_latency_from_camera_to_screen(browser, agent, record):
    page = await watching(browser, agent)
    latency = await page.wait_for(LATENCY)
    error = await page.evaluate("window.perch.latencyError")
    record(f"latency that the page shows in {browser.name}", f"{latency:.1f} ± {error:.1f} ms")
    assert 0 < latency < 500
    assert 0 <= error < 100


async def test_serves_both_browsers_at_once_and_one_of_them_twice(both_browsers, agent):
    chromium, firefox = both_browsers
    pages = [await watching(browser, agent) for browser in (chromium, firefox, chromium)]
    for page in pages:
        counters = [c for c in await page.watch("rig.counter()", seconds=1) if c is not None]
        assert counters[-1] > counters[0]
    statistics = await agent.get("api/stats")
    assert len([viewer for viewer in statistics["viewers"] if viewer["connected"]]) >= 3
