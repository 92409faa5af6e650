"""Sound, which browsers hold back until the user asks for it."""

from page import MUTE, UNMUTE, watching

ENERGY = "rig.stats('inbound-rtp', 'audio').then(s => s.totalAudioEnergy)"


async def test_is_silent_until_the_user_unmutes_and_then_the_tone_is_heard(browser, agent):
    page = await watching(browser, agent)
    assert await page.evaluate("rig.video().muted")
    await page.click(UNMUTE)
    await page.wait_for("!rig.video().muted && !rig.video().paused")
    before = await page.wait_for(ENERGY)
    await page.wait_for(f"{ENERGY}.then(energy => energy > {before})")
    assert page.errors == []


async def test_mutes_again(browser, agent):
    page = await watching(browser, agent)
    await page.click(UNMUTE)
    await page.wait_for("!rig.video().muted")
    await page.click(MUTE)
    await page.wait_for("rig.video().muted")


async def test_sends_audio_that_the_browser_plays_without_gaps(browser, agent):
    page = await watching(browser, agent)
    await page.click(UNMUTE)
    received = "rig.stats('inbound-rtp', 'audio')"
    start = await page.wait_for(f"{received}.then(s => s.totalSamplesReceived > 0 && s)")
    enough = start["totalSamplesReceived"] + 96000
    later = await page.wait_for(f"{received}.then(s => s.totalSamplesReceived > {enough} && s)")
    assert later["packetsLost"] == start["packetsLost"]
