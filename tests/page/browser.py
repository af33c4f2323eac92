"""Headless Chromium, and what the tests ask of the page."""

import contextlib
import pathlib
import shutil
import threading
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from collector import until

# Records the tasks that held up the page, and what its policy refused.
RECORD = """
window.longTasks = [];
window.violations = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ startTime, duration }) =>
    ({ start: performance.timeOrigin + startTime, time: duration }))))
  .observe({ type: "longtask", buffered: true });
document.addEventListener("securitypolicyviolation", (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


def start():
    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,800"):
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": RECORD})
    return driver


class Page:
    """The page of one collector in a browser."""

    def __init__(self, driver, collector):
        self.driver = driver
        self.url = collector.url

    def open(self, fragment=""):
        # From one fragment to another the document would stay.
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/{fragment}")
        return self

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)", selector)

    def text(self, selector):
        return (self.texts(selector) or [""])[0]

    def wait(self, selector, count=1):
        until(lambda: len(self.texts(selector)) >= count and not self.busy(), f"{count} × {selector}; shown: {self.text('main')[:300]!r}")
        return self.all(selector)

    def busy(self):
        """Whether rows of a list are still to be drawn."""
        return self.run("return document.querySelector('[aria-busy=true]') !== null")

    def wait_text(self, selector, wanted):
        until(lambda: wanted in self.text(selector), f"{selector} says {self.text(selector)[:200]!r}, not {wanted!r}")

    def click(self, selector, at=0):
        self.wait(selector, at + 1)
        until(lambda: self.clicked(selector, at), f"{selector} number {at} can be clicked")

    def clicked(self, selector, at):
        # The page may draw a row anew between the look and the click.
        with contextlib.suppress(StaleElementReferenceException, IndexError):
            self.all(selector)[at].click()
            return True
        return False

    def click_text(self, selector, text):
        self.wait(selector)
        self.run("[...document.querySelectorAll(arguments[0])].find((node) => node.textContent === arguments[1]).click()", selector, text)

    def keys(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def wait_fragment(self, fragment):
        until(lambda: self.driver.current_url.split("#")[-1] == fragment, f"the fragment is {self.driver.current_url.split('#')[-1]}, not {fragment}")

    def settled(self):
        """What went wrong in the page: refused by its policy, or an error of its script."""
        logged = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        return self.run("return violations"), [message for message in logged if "status of 404" not in message]


class WaitSamples:
    """Samples of the time in which the page's main thread was ready to run and had no CPU."""

    def __init__(self, driver):
        self.files = [f"/proc/{pid}/task/{pid}/schedstat" for pid in descendants(driver.service.process.pid) if is_renderer(pid)]
        self.taken = {file: [] for file in self.files}
        self.samples = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.take, daemon=True)

    def take(self):
        while not self.ended.wait(0.004):
            for file in self.files:
                with contextlib.suppress(OSError):
                    used, waited = (int(number) / 1e6 for number in pathlib.Path(file).read_text().split()[:2])
                    self.taken[file].append((time.time() * 1000, used, waited))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        # The browser keeps renderers without a page: the page's is the one that worked.
        busiest = max(self.taken.values(), key=lambda taken: taken[-1][1] - taken[0][1] if taken else 0)
        self.samples = [(at, waited) for at, _, waited in busiest]

    def within(self, start, duration):
        """The time of waiting in a span of time, in milliseconds, rounded up to whole samples and at most all of it."""
        before = [waited for at, waited in self.samples if at <= start] or [self.samples[0][1]]
        behind = [waited for at, waited in self.samples if at >= start + duration] or [self.samples[-1][1]]
        return min(duration, behind[0] - before[-1])


def is_renderer(pid):
    with contextlib.suppress(OSError):
        return b"--type=renderer" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def descendants(root):
    parents = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                # Behind the name, which may have spaces and brackets.
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = {root}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def emulate(driver, width, height, dark=False, reduced_motion=False):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
    media = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
             {"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
