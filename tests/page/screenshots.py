"""Takes the pictures of the main views: python tests/page/screenshots.py FOLDER."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import browser  # noqa: E402
from collector import Collector, span  # noqa: E402

SERVICES = ["shop", "cart", "stock", "payment", "database", "mailer"]


def send_orders(collector):
    for turn in range(24):
        trace, start, unit = 0x5EED0000 + turn * 7919, -turn * 9_000_000, 900 + 631 * (turn * 7 % 11)
        calls = [("shop", "GET /orders/{id}", 0, 0, 100), ("cart", "load cart", 1, 4, 30), ("database", "SELECT carts", 2, 8, 20),
                 ("stock", "reserve", 1, 36, 28), ("database", "UPDATE stock", 4, 40, 12), ("database", "SELECT stock", 4, 53, 9),
                 ("payment", "charge card", 1, 66, 26), ("payment", "POST /charges", 7, 69, 20), ("mailer", "queue mail", 1, 93, 5)]
        for at, (service, name, parent, begin, length) in enumerate(calls[:9 if turn % 3 else 6], 1):
            failed = turn % 5 == 2 and at in (7, 8)
            events = [(length * unit // 2, "exception", {"message": "card declined", "code": 402})] if failed else []
            collector.send([span(trace, at, name, parent or None, start + begin * unit, length * unit, failed, events,
                                 **{"order.id": 4711 + turn, "http.status_code": 402 if failed else 200})], service, **{"host.name": "web-1"})


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    collector, driver = Collector(), browser.start()
    page = browser.Page(driver, collector)
    try:
        send_orders(collector)
        trace = next(found["id"] for found in collector.get("/api/search?limit=50")["traces"] if found["errors"] and found["spans"] == 9)
        failed = next(one["id"] for one in collector.get(f"/api/trace/{trace}")["spans"] if one["error"])
        views = {"search": ("#/search", ".trace-row", ""), "trace": (f"#/trace/{trace}/{failed}", ".details h2", ""),
                 "waterfall": (f"#/trace/{trace}", ".span-row", ""), "statistics": (f"#/trace/{trace}", ".span-row", "s"),
                 "map": ("#/map", ".map-node", "")}
        for name, (fragment, selector, keys) in views.items():
            for width, height in ((1280, 640), (400, 760)):
                for dark in (False, True):
                    browser.emulate(driver, width, height, dark)
                    page.open(fragment).wait(selector)
                    page.wait_text(".connection", "live")
                    if keys:
                        page.keys(keys)
                    driver.execute_async_script("setTimeout(arguments[0], 400)")
                    driver.save_screenshot(str(folder / f"{name}-{width}-{'dark' if dark else 'light'}.png"))
    finally:
        driver.quit()
        collector.stop()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
