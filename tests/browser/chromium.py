"""Debian's Chromium, driven over its debugging pipe with nothing but the standard library.

Real key presses, real clicks, real layout; waiting is done inside the page, by watching it change, never by sleeping.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions",
    "--disable-dev-shm-usage", "--force-color-profile=srgb", "--lang=en-US", "--remote-debugging-pipe",
)  # fmt: skip
_LAUNCH = """
import fcntl, os, sys
ours = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
os.dup2(ours[0], 3)
os.dup2(ours[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_WAIT = """
new Promise((done, fail) => {
  const look = () => { try { return (%(condition)s) } catch { return false } }
  const never = () => fail(new Error('never true: ' + %(words)s + ' | ' + document.body.innerText.slice(0, 600)))
  const end = setTimeout(never, %(ms)d)
  const turn = () => { const found = look(); if (found) { clearTimeout(end); done(true) } else setTimeout(turn, 25) }
  turn()
})
"""
_KEYS: Mapping[str, tuple[str, int, str]] = {
    "Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), " ": ("Space", 32, " "),
    "ArrowRight": ("ArrowRight", 39, ""), "ArrowLeft": ("ArrowLeft", 37, ""), "Home": ("Home", 36, ""),
}  # fmt: skip


_REACHABLE = """
(() => {
  const one = document.querySelector(%s)
  one.scrollIntoView({ block: 'center', behavior: 'instant' })
  const box = one.getBoundingClientRect()
  const before = window.aim ?? []
  window.aim = [box.x + box.width / 2, box.y + box.height / 2]
  const top = document.elementFromPoint(...window.aim)
  return one.contains(top) && before[0] === window.aim[0] && before[1] === window.aim[1]
})()
"""
_MOVED = ("context was destroyed", "navigated or closed", "Cannot find default execution context")
"""What Chromium says when a page left while a script waited in it."""
_MOVES_MAX = 20


class PageError(AssertionError):
    """The page threw, or what was waited for never came."""


class Page:
    """One tab; every call returns when the browser has answered."""

    def __init__(self, pipe: "Pipe", session: str, profile: str) -> None:
        self._pipe = pipe
        self._profile = profile
        self._session = session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        return self._pipe.send(method, parameters, self._session)

    def close(self) -> None:
        """Close the tab with its profile; an open one would go on asking the server."""
        self._pipe.send("Target.disposeBrowserContext", {"browserContextId": self._profile})

    @property
    def complaints(self) -> list[str]:
        """What the console and the content security policy had to say."""
        return [
            json.dumps(event["params"])
            for event in self._pipe.events
            if event.get("sessionId") == self._session
            and (
                event["method"] == "Runtime.exceptionThrown"
                or (
                    event["method"] == "Log.entryAdded"
                    and event["params"]["entry"]["source"] in {"security", "javascript"}
                )
            )
        ]

    def open(self, url: str) -> None:
        found = self.send("Page.navigate", url=url)
        if found.get("errorText"):
            raise PageError(f"{url}: {found['errorText']}")
        self.wait("document.readyState === 'complete'")

    def run(self, script: str) -> Any:  # noqa: ANN401 - whatever the page answers
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 25) -> None:
        """Wait until the condition holds on the page, also when the page goes to another address meanwhile."""
        script = _WAIT % {"condition": condition, "words": json.dumps(condition), "ms": seconds * 1000}
        for _ in range(_MOVES_MAX):
            try:
                self.run(script)
            except PageError as error:
                if not any(sign in str(error) for sign in _MOVED):
                    raise
            else:
                return
        raise PageError(f"the page never rests: {condition}")

    def see(self, words: str) -> None:
        """Wait until these words stand on the page."""
        self.wait(f"document.body.innerText.includes({json.dumps(words)})")

    def click(self, selector: str) -> None:
        """Click in the middle of the first element that matches, once it stands still and nothing covers it."""
        self.wait(_REACHABLE % json.dumps(selector))
        x, y = self.run("window.aim")
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, *, shift: bool = False) -> None:
        code, number, text = _KEYS[key]
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": 8 if shift else 0}
        self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common, text=text)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        self.send("Input.insertText", text=text)

    def tab_to(self, condition: str, presses_max: int = 80) -> None:
        """Press Tab until `condition` holds of the focused element, named `it`; fails when it is never reached."""
        for _ in range(presses_max):
            self.press("Tab")
            if self.run(f"((it) => Boolean({condition}))(document.activeElement)"):
                return
        raise PageError(f"Tab never reaches: {condition}")

    def screen(self, width: int, height: int, *, phone: bool = True) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )

    def prefer(self, **features: str) -> None:
        wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=wanted)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def tree(self) -> list[dict[str, Any]]:
        """What assistive technology is told: the accessibility tree."""
        return self.send("Accessibility.getFullAXTree")["nodes"]


class Pipe:
    """The debugging protocol: JSON messages that end in a zero byte."""

    def __init__(self, read: int, write: int) -> None:
        self._read = read
        self._write = write
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def send(
        self, method: str, parameters: Mapping[str, Any], session: str = "", seconds: float = 30
    ) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + seconds
        while True:
            answer = self._next(deadline)
            if answer.get("id") != self._number:
                self.events.append(answer)
            elif "error" in answer:
                raise PageError(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise PageError("Chromium does not answer")
            read = os.read(self._read, 1 << 16)
            if not read:
                raise PageError("Chromium has gone")
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def page(self) -> Page:
        """Open a tab in a profile of its own: no cookie of another test."""
        context = self.send("Target.createBrowserContext", {})["browserContextId"]
        target = self.send("Target.createTarget", {"url": "about:blank", "browserContextId": context})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        return Page(self, session, context)


@contextmanager
def chromium(folder: Path) -> Iterator[Pipe]:
    """Run Chromium with its profile in `folder` until the block ends."""
    assert PROGRAM is not None
    their_read, our_write = os.pipe()
    our_read, their_write = os.pipe()
    arguments = [str(their_read), str(their_write), PROGRAM, *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(
        [sys.executable, "-c", _LAUNCH, *arguments],
        pass_fds=(their_read, their_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        os.close(their_read)
        os.close(their_write)
        pipe = Pipe(our_read, our_write)
        try:
            yield pipe
        finally:
            pipe.send("Browser.close", {})
            process.wait(timeout=20)
            os.close(our_read)
            os.close(our_write)
