"""What stands beside the picture: values that tick, and controls that do something."""

from page import DEVICE, LIVE, SNAPSHOT, TELEMETRY, call, watching


async def test_telemetry_ticks(browser, agent):
    page = await watching(browser, agent)
    first = await page.wait_for(f"{TELEMETRY}")
    second = await page.wait_for(f"{TELEMETRY} !== {first!r} && {TELEMETRY}")
    await page.wait_for(f"{TELEMETRY} !== {second!r}")


async def test_a_control_changes_the_size_of_the_picture(browser, own_agent):
    page = await watching(browser, own_agent)
    await page.wait_for(DEVICE)
    before = await page.evaluate("rig.video().videoWidth")
    width, height = (640, 360) if before != 640 else (320, 240)
    await page.evaluate(call("video.set", {"width": width, "height": height}))
    await page.wait_for(f"rig.video().videoWidth === {width} && rig.video().videoHeight === {height}")
    await page.wait_for("rig.counter() !== null")


async def test_the_page_learns_which_device_it_watches(browser, agent):
    page = await watching(browser, agent)
    device = await page.wait_for(DEVICE)
    assert device["name"] and device["version"], device
    assert device["camera"]["synthetic"] is True


async def test_an_unknown_method_is_told_to_the_page_as_an_error(browser, agent):
    page = await watching(browser, agent)
    await page.wait_for(DEVICE)
    assert (await page.evaluate(call("no.such.method")))["code"] == -32601


async def test_a_snapshot_is_a_picture_of_the_video(browser, agent):
    page = await watching(browser, agent)
    await page.wait_for(LIVE)
    # A download in a headless browser goes nowhere: look at what the page would save.
    await page.evaluate("""(() => {
      const create = URL.createObjectURL;
      URL.createObjectURL = (blob) => { rig.saved = blob; return create.call(URL, blob); };
      return true;
    })()""")
    await page.click(SNAPSHOT)
    size = await page.wait_for("rig.saved && createImageBitmap(rig.saved).then((image) => [image.width, image.height])")
    assert size == await page.evaluate("[rig.video().videoWidth, rig.video().videoHeight]")


async def test_says_that_the_picture_is_synthetic(browser, agent):
    page = await watching(browser, agent)
    await page.wait_for(DEVICE)
    assert "test picture" in (await page.evaluate("document.body.innerText")).lower()
