"""The page for everyone: small screens, dark rooms, keyboards, screen readers."""

import pytest

from page import watching


# 335 less a scroll bar is 320, which WCAG 2.2 asks for (1.4.10).
@pytest.mark.parametrize("width", [335, 768, 1400])
async def test_fits_the_screen(browser, agent, width):
    page = await browser.open(agent.url, width=width, height=700)
    await page.wait_for("rig.counter() !== null")
    overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    assert await page.evaluate("rig.video().getBoundingClientRect().width <= innerWidth")


async def test_every_control_has_a_name(browser, agent):
    page = await watching(browser, agent)
    nameless = await page.evaluate("""[...document.querySelectorAll('button, input, select, [role=button], video')]
      .filter((e) => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.innerText?.trim()
        || e.title || e.labels?.length))
      .map((e) => e.outerHTML.slice(0, 120))""")
    assert nameless == []


async def test_is_a_document_that_screen_readers_know_their_way_in(browser, agent):
    page = await watching(browser, agent)
    assert await page.evaluate("document.documentElement.lang")
    assert await page.evaluate("document.title")
    assert await page.evaluate("document.querySelectorAll('h1').length") == 1
    assert await page.evaluate("!!document.querySelector('main')")
    assert await page.evaluate("!!document.querySelector('[aria-live], [role=status]')"), "the state is announced"


async def test_follows_the_light_and_the_dark(browser, agent):
    if browser.name != "chromium":
        pytest.skip("WebDriver BiDi cannot set the colour scheme in this Firefox")
    page = await watching(browser, agent)
    backgrounds = []
    for scheme in ("light", "dark"):
        await page.prefer(scheme)
        backgrounds.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds[0] != backgrounds[1]
