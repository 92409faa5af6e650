"""Headless Chromium and Firefox, each driven by the protocol that it speaks itself: DevTools and WebDriver BiDi.

    async with Chromium(network) as browser:
        page = await browser.open("http://…/")
        await page.wait_for("document.querySelector('video').videoWidth")

No flag or preference touches what a user's browser would do with the page: no permission, no address policy, no autoplay.
"""

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import websockets

import barcode

# Runs in each page before its own scripts: what the tests look at, without asking the page for help.
INSTRUMENTS = """
(() => {
  const rig = (window.rig = { peers: [], firstFrame: null, readBarcode: %(reader)s });
  const Original = window.RTCPeerConnection;
  if (!Original) return;
  window.RTCPeerConnection = class RTCPeerConnection extends Original {
    constructor(...parameters) {
      super(...parameters);
      rig.peers.push(this);
    }
  };
  rig.video = () => document.querySelector('video');
  rig.counter = () => (rig.video() ? rig.readBarcode(rig.video()) : null);
  rig.peer = () => rig.peers.at(-1);
  rig.stats = async (type, kind) => {
    if (!rig.peer()) return null;
    const all = [...(await rig.peer().getStats()).values()];
    return all.find((s) => s.type === type && (!kind || s.kind === kind)) ?? null;
  };
  const watch = () => {
    const video = rig.video();
    if (!video) return false;
    video.requestVideoFrameCallback((now) => { rig.firstFrame ??= now; });
    return true;
  };
  // From the first element on: the root does not exist yet when this runs.
  new MutationObserver((_, observer) => watch() && observer.disconnect())
    .observe(document, { childList: true, subtree: true });
})()
""" % {"reader": barcode.JAVASCRIPT_READER}


class BrowserError(Exception):
    """A script threw, a condition did not come true in time, or the browser died."""


class Connection:
    """JSON commands with numbered answers, and events, over one web socket: what both protocols have in common."""

    def __init__(self, socket):
        self._socket = socket
        self._next = 0
        self._answers = {}
        self._listeners = []
        self._reader = asyncio.create_task(self._read())

    def on_event(self, listener):
        self._listeners.append(listener)

    async def command(self, method, params=None, within=30, **envelope):
        self._next += 1
        number = self._next
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            message = {"id": number, "method": method, "params": params or {}, **envelope}
            await self._socket.send(json.dumps(message))
            return await asyncio.wait_for(answer, within)
        except asyncio.TimeoutError:
            raise BrowserError(f"No answer to {method} within {within} s.") from None
        except websockets.ConnectionClosed:
            raise BrowserError(f"The browser went away during {method}.") from None
        finally:
            del self._answers[number]

    async def _read(self):
        try:
            async for text in self._socket:
                message = json.loads(text)
                answer = self._answers.get(message.get("id"))
                if answer is None:
                    for listener in self._listeners:
                        listener(message)
                elif not answer.done():
                    if "error" in message:
                        answer.set_exception(BrowserError(f"{message['error']}: {message.get('message', '')}"))
                    else:
                        answer.set_result(message["result"])
        except websockets.ConnectionClosed:
            pass
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BrowserError("The browser went away."))

    async def close(self):
        await self._socket.close()
        await self._reader


class Browser:
    """One browser process with a profile of its own in a temporary folder. Each page is a window with its own storage."""

    name: str
    ready: re.Pattern  # the line on stderr that names its web socket

    def __init__(self, network):
        self._network = network
        self._clean_up = contextlib.AsyncExitStack()
        self.pages = []

    async def __aenter__(self):
        try:
            profile = Path(tempfile.mkdtemp(prefix=f"perch-{self.name}-"))
            self._clean_up.callback(shutil.rmtree, profile, ignore_errors=True)
            environment = {**os.environ, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1", "TZ": "UTC"}
            self._process = await asyncio.create_subprocess_exec(
                *self._network.inside(self.command(profile)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, start_new_session=True, env=environment, limit=1 << 20)
            self._clean_up.push_async_callback(self._end)
            self._stderr = []
            address = await asyncio.wait_for(self._address(), 60)
            self._drain = asyncio.create_task(self._collect())
            self.connection = Connection(await self._web_socket(address))
            self._clean_up.push_async_callback(self.connection.close)
            self.connection.on_event(self._handle)
            await self.start()
        except BaseException:
            await self._clean_up.aclose()
            raise
        return self

    async def __aexit__(self, *_):
        await self._clean_up.aclose()

    @property
    def is_alive(self):
        return self._process.returncode is None

    async def open(self, url, width=1000, height=900):
        page = await self.new_page(width, height)
        self.pages.append(page)
        await page.go(url)
        return page

    # What the two differ in.

    def command(self, profile): ...

    async def start(self): ...

    async def new_page(self, width, height): ...

    def page_of(self, message): ...

    def _handle(self, message):
        page = self.page_of(message)
        if page:
            page.handle(message)

    # The process.

    async def _address(self):
        while line := (await self._process.stderr.readline()).decode(errors="replace"):
            self._stderr.append(line)
            if match := self.ready.search(line):
                return match.group(1)
        raise BrowserError(f"{self.name} ended at once:\n{''.join(self._stderr)}")

    async def _collect(self):
        while line := await self._process.stderr.readline():
            self._stderr = self._stderr[-200:] + [line.decode(errors="replace")]

    async def _web_socket(self, address):
        host, port = re.match(r"ws://([^:/]+):(\d+)", address).groups()
        socket = await asyncio.to_thread(self._network.connect, host, int(port))
        return await websockets.connect(address, sock=socket, max_size=None, ping_interval=None)

    async def _end(self):
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, kind)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._process.wait(), 8)
                break


class Page:
    """One window. Expressions are JavaScript, may be promises, and come back as plain values."""

    def __init__(self, browser):
        self._browser = browser
        self._loaded = {}
        self.console = []
        self.errors = []

    async def evaluate(self, expression, within=30):
        text = await self.evaluate_text(f"(async () => JSON.stringify(await ({expression})) ?? 'null')()", within)
        return json.loads(text)

    async def wait_for(self, condition, within=10):
        """The first truthy value of an expression, looked at before each repaint and at least every 50 ms."""
        found = await self.evaluate(
            f"""(async () => {{
              const until = performance.now() + {within * 1000};
              let value, problem;
              do {{
                try {{ value = await ({condition}); problem = undefined; }} catch (error) {{ problem = String(error); }}
                if (value && !problem) return {{ value }};
                await new Promise((resume) => {{ setTimeout(resume, 50); requestAnimationFrame(resume); }});
              }} while (performance.now() < until);
              return {{ late: true, last: problem ?? value ?? null }};
            }})()""",
            within + 20)
        if "late" in found:
            raise BrowserError(f"Not true within {within} s in {self._browser.name}: {condition}\n"
                               f"  last: {found['last']}\n  console: {self.console[-5:]}")
        return found["value"]

    async def watch(self, expression, seconds=1.0, interval=0.05):
        """The values of an expression over some time."""
        return await self.evaluate(
            f"""(async () => {{
              const values = [], until = performance.now() + {seconds * 1000};
              while (performance.now() < until) {{
                values.push(await ({expression}));
                await new Promise((resume) => setTimeout(resume, {interval * 1000}));
              }}
              return values;
            }})()""",
            seconds + 30)

    async def click(self, name):
        """Clicks, as a user with a mouse would, on the button that calls itself so: by label, title or text."""
        box = await self.wait_for(
            f"""(() => {{
              const wanted = new RegExp({json.dumps(name)}, 'i');
              const says = (b) => b.getAttribute('aria-label') || b.innerText?.trim() || b.title;
              const button = [...document.querySelectorAll('button, [role=button], summary')]
                .find((b) => wanted.test(says(b)) && b.getClientRects().length && !b.disabled);
              button?.scrollIntoView({{ block: 'nearest' }});
              const box = button?.getBoundingClientRect();
              return box && {{ x: Math.round(box.x + box.width / 2), y: Math.round(box.y + box.height / 2) }};
            }})()""")
        await self.click_at(box["x"], box["y"])

    async def screenshot(self, path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(base64.b64decode(await self.png()))

    async def close(self):
        if self in self._browser.pages:
            self._browser.pages.remove(self)
        with contextlib.suppress(BrowserError):
            await self.end()

    async def load(self, key, within=30):
        """Waits for the load event of one navigation; it may have come already."""
        await asyncio.wait_for(self._load(key).wait(), within)

    def _load(self, key):
        return self._loaded.setdefault(key, asyncio.Event())

    def log(self, level, text):
        self.console.append(f"{level}: {text}")
        if level == "error":
            self.errors.append(text)

    # What the two differ in.

    def handle(self, message): ...

    async def go(self, url): ...

    async def evaluate_text(self, expression, within): ...

    async def click_at(self, x, y): ...

    async def png(self): ...

    async def end(self): ...


class Chromium(Browser):
    name = "chromium"
    ready = re.compile(r"DevTools listening on (ws://\S+)")

    def command(self, profile):
        # Root has no sandbox to put it in.
        unboxed = ["--no-sandbox"] if os.geteuid() == 0 else []
        return ["chromium", "--headless=new", *unboxed, "--remote-debugging-port=0", f"--user-data-dir={profile}",
                "--no-first-run", "--disable-gpu", "about:blank"]

    async def start(self):
        pass

    def page_of(self, message):
        return next((p for p in self.pages if p.session == message.get("sessionId")), None)

    async def new_page(self, width, height):
        storage = (await self.connection.command("Target.createBrowserContext"))["browserContextId"]
        target = (await self.connection.command("Target.createTarget", {
            "url": "about:blank", "browserContextId": storage, "newWindow": True, "width": width, "height": height,
        }))["targetId"]
        session = (await self.connection.command("Target.attachToTarget", {"targetId": target, "flatten": True}))
        page = ChromiumPage(self, target, session["sessionId"], storage)
        for method in ("Page.enable", "Runtime.enable", "Log.enable"):
            await page.command(method)
        # The window's size has the browser's own bars in it.
        await page.command("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        await page.command("Page.setLifecycleEventsEnabled", {"enabled": True})
        await page.command("Page.addScriptToEvaluateOnNewDocument", {"source": INSTRUMENTS})
        return page


class ChromiumPage(Page):
    def __init__(self, browser, target, session, storage):
        super().__init__(browser)
        self._target, self.session, self._storage = target, session, storage

    async def command(self, method, params=None, within=30):
        return await self._browser.connection.command(method, params, within, sessionId=self.session)

    def handle(self, message):
        params = message["params"]
        match message["method"]:
            case "Page.lifecycleEvent" if params["name"] == "load":
                self._load(params["loaderId"]).set()
            case "Runtime.consoleAPICalled":
                self.log(params["type"], " ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.log("error", details.get("exception", {}).get("description", details["text"]))
            case "Log.entryAdded":
                self.log(params["entry"]["level"], f"{params['entry']['text']} {params['entry'].get('url', '')}")

    async def go(self, url):
        result = await self.command("Page.navigate", {"url": url})
        if "errorText" in result:
            raise BrowserError(f"{url}: {result['errorText']}")
        await self.load(result["loaderId"])

    async def evaluate_text(self, expression, within):
        result = await self.command("Runtime.evaluate", {
            "expression": expression, "awaitPromise": True, "returnByValue": True}, within)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return result["result"]["value"]

    async def click_at(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            await self.command("Input.dispatchMouseEvent", {
                "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1})

    async def prefer(self, scheme):
        """Light or dark."""
        await self.command("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    async def png(self):
        return (await self.command("Page.captureScreenshot", {"format": "png"}))["data"]

    async def end(self):
        await self._browser.connection.command("Target.closeTarget", {"targetId": self._target})
        await self._browser.connection.command("Target.disposeBrowserContext", {"browserContextId": self._storage})


class Firefox(Browser):
    name = "firefox"
    ready = re.compile(r"WebDriver BiDi listening on (ws://\S+)")

    def command(self, profile):
        return ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0",
                "about:blank"]

    async def _web_socket(self, address):
        return await super()._web_socket(f"{address}/session")

    async def start(self):
        await self.connection.command("session.new", {"capabilities": {}})
        await self.connection.command("session.subscribe", {"events": ["log.entryAdded", "browsingContext.load"]})
        await self.connection.command("script.addPreloadScript", {"functionDeclaration": f"() => {{{INSTRUMENTS}}}"})

    def page_of(self, message):
        params = message.get("params", {})
        context = params.get("context") or params.get("source", {}).get("context")
        return next((p for p in self.pages if p.context == context), None)

    async def new_page(self, width, height):
        storage = (await self.connection.command("browser.createUserContext"))["userContext"]
        context = (await self.connection.command("browsingContext.create", {
            "type": "window", "userContext": storage}))["context"]
        await self.connection.command("browsingContext.setViewport", {
            "context": context, "viewport": {"width": width, "height": height}})
        return FirefoxPage(self, context, storage)


class FirefoxPage(Page):
    def __init__(self, browser, context, storage):
        super().__init__(browser)
        self.context, self._storage = context, storage

    async def command(self, method, params, within=30):
        return await self._browser.connection.command(method, {"context": self.context, **params}, within)

    def handle(self, message):
        if message["method"] == "log.entryAdded":
            entry = message["params"]
            self.log(entry["level"], entry.get("text") or "")

    async def go(self, url):
        await self.command("browsingContext.navigate", {"url": url, "wait": "complete"})

    async def evaluate_text(self, expression, within):
        result = await self._browser.connection.command("script.evaluate", {
            "expression": expression, "target": {"context": self.context}, "awaitPromise": True}, within)
        if result["type"] == "exception":
            raise BrowserError(result["exceptionDetails"]["text"])
        return result["result"]["value"]

    async def click_at(self, x, y):
        await self.command("input.performActions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [
            {"type": "pointerMove", "x": x, "y": y}, {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0}]}]})

    async def png(self):
        return (await self.command("browsingContext.captureScreenshot", {}))["data"]

    async def end(self):
        await self.command("browsingContext.close", {})
        await self._browser.connection.command("browser.removeUserContext", {"userContext": self._storage})


ALL = {kind.name: kind for kind in (Chromium, Firefox)}
