"""Visits the installed station as a browser would: `visit.py start | again`."""

import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

ADDRESS = "http://127.0.0.1:8099"
WATCHDOG = float(os.environ["WATCHDOG"])
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))


def ask(path: str, values: dict[str, str] | None = None) -> str:
    """A page, once the servers are there."""
    body = urllib.parse.urlencode(values).encode() if values is not None else None
    end = time.monotonic() + WATCHDOG
    while True:
        try:
            with browser.open(ADDRESS + path, body, timeout=WATCHDOG) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            if error.code != 502 or time.monotonic() > end:
                raise
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)


def state(page: str) -> str:
    [found] = re.findall(r'<body [^>]*data-state="([a-z-]+)"', page)
    return str(found)


def until(wanted: str) -> str:
    end = time.monotonic() + WATCHDOG
    while state(page := ask("/")) != wanted:
        if time.monotonic() > end:
            raise SystemExit(f"never {wanted}, but {state(page)}")
        time.sleep(0.05)
    return page


def main() -> None:
    if sys.argv[1] == "start":
        page = ask("/")
        print("first visit:", state(page))
        form = dict(re.findall(r'name="(token|sequence)" value="([^"]+)"', page))
        form |= {"serial-0": "114181807700", "name-0": "Garage", "timezone": "Europe/Berlin"}
        ask("/first", form)
        # At night the simulated inverter sleeps, which is as good a sign of life.
        end = time.monotonic() + WATCHDOG
        while "keeps the daemon" not in ask("/daemon") or state(page) not in ("live", "empty"):
            page = ask("/")
            if time.monotonic() > end:
                raise SystemExit(f"never started: {state(page)}")
        print("started: Garage" if "Garage" in page else page)
        while "150" not in (log := ask("/log")) and "started" not in log:
            if time.monotonic() > end:
                raise SystemExit(f"no log: {log}")
        print("log: started")
    else:
        page = ask("/")
        print("after the reboot:", "Garage" if "Garage" in page else page)


main()
