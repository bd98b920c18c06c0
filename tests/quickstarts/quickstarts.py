"""Runs the blocks of a quick-start, as a reader would, and compares what they print with what stands behind them:
quickstarts.py PAGE --ready FILE [--write]

A block of `sh` is typed into one shell, one of `python` into one interpreter, one of `js` into the console of `/api/auth/me`
of Outsend after the business user has signed in. A block of `text` or `json` is what the block before it prints."""
import argparse
import contextlib
import io
import json
import pathlib
import re
import subprocess
import sys
import threading

RUN, SHOWN = {"sh", "python", "js"}, {"text", "json"}
# what differs from run to run, and only where it has the form that it must have
MASKS = [
    (r"\b([a-z]+)_[0-9a-hjkmnp-tv-zA-HJKMNP-TV-Z]{26}\b", r"<\1 id>"),
    (r"\b[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\b", "<uuid>"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"outset_session=[\w-]{43}", "outset_session=<session>"),
    (r'"duration_seconds": ?\d+', '"duration_seconds":<seconds>'),
    (r"\bin \d+ s$", "in <seconds> s"),
]
# the addresses of `cargo run` without --port
PORTS = {"control": 4000, "outset": 4001, "outsend": 4002, "openscouter": 4003}
END = "--- end of the block"


def masked(text):
    for form, place in MASKS:
        text = re.sub(form, place, text, flags=re.MULTILINE)
    return text


class Shell:
    """A shell that blocks are typed into."""

    def __init__(self, folder):
        self.process = subprocess.Popen(["bash", "-eu", "-o", "pipefail"], cwd=folder, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=sys.stderr, text=True)

    def run(self, block):
        self.process.stdin.write(f"{block}\nprintf '\\n%s\\n' '{END}'\n")
        self.process.stdin.flush()
        # what hangs ends with the shell
        alarm = threading.Timer(120, self.process.kill)
        alarm.start()
        lines = []
        try:
            for line in self.process.stdout:
                if line.rstrip("\n") == END:
                    return "".join(lines).removesuffix("\n")
                lines.append(line)
        finally:
            alarm.cancel()
        raise AssertionError(f"the shell ended in\n{block}\nafter it printed\n{''.join(lines)}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Interpreter:
    def __init__(self):
        self.names = {"__name__": "__main__"}

    def run(self, block):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(block, "quick-start", "exec"), self.names)
        return printed.getvalue()


class Console:
    """The console of an answer of Outsend's, signed in as the business user."""

    def __init__(self, ready):
        from selenium import webdriver
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.ui import WebDriverWait

        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]:
            options.add_argument(argument)
        self.driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
        self.driver.set_script_timeout(60)
        self.driver.get(ready["outsend"].removesuffix("/api") + "/sign-in")
        for name, value in ready["demo"]["outsend"].items():
            self.driver.find_element(By.NAME, name).send_keys(value)
        self.driver.find_element(By.CSS_SELECTOR, "form button").click()
        WebDriverWait(self.driver, 30).until(lambda driver: driver.current_url.endswith("/home"))
        # the pages let no script ask
        self.driver.get(ready["outsend"] + "/auth/me")

    def run(self, block):
        """What the block logs first: that is the end of it."""
        script = f"""const done = arguments[0];
            const console = {{ log: (...words) => done(words.join(" ") + "\\n") }};
            (async () => {{ {block} }})().catch(error => done(String(error)));"""
        return self.driver.execute_async_script(script)

    def close(self):
        self.driver.quit()


def blocks(text):
    """The blocks of a page: what they are, where their text begins and ends."""
    for found in re.finditer(r"^```(\w+)( start)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield found[1], bool(found[2]), found.span(3)


def canonical(text, ready):
    """A text with the ports of `cargo run`."""
    for name, port in PORTS.items():
        address = re.match(r"http://[\d.]+:\d+", ready[name])[0]
        text = text.replace(address, f"http://127.0.0.1:{port}")
    return text


def walk(page, ready, folder):
    """Runs a page; the text as it should be, and what differs."""
    text = page.read_text()
    consoles = {"sh": Shell(folder), "python": Interpreter()}
    pieces, end, differing, printed, ran = [], 0, [], "", 0
    try:
        for kind, is_start, (begin, after) in blocks(text):
            if kind in SHOWN:
                shown = text[begin:after]
                if masked(shown) != masked(printed):
                    differing.append(f"{page.name}, line {text.count(chr(10), 0, begin)}: it says\n{shown}and what it prints is\n{printed}")
                    pieces += [text[end:begin], printed]
                    end = after
                printed = ""
                continue
            assert kind in RUN, f"{page.name}: nothing runs {kind}"
            assert not printed, f"{page.name}: nothing shows\n{printed}"
            if is_start:
                # the server that stands already
                assert text[begin:after] == "cargo run -- serve --ready-json > ready.json\n", text[begin:after]
                continue
            if kind not in consoles:
                consoles[kind] = Console(ready)
            printed = canonical(consoles[kind].run(text[begin:after].rstrip("\n")), ready)
            ran += 1
            # a file that ends without a line's end
            printed = printed if not printed or printed.endswith("\n") else printed + "\n"
        assert not printed, f"{page.name}: nothing shows\n{printed}"
    finally:
        for console in consoles.values():
            getattr(console, "close", lambda: None)()
    return "".join([*pieces, text[end:]]), differing, ran


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--ready", type=pathlib.Path, required=True)
    parser.add_argument("--write", action="store_true", help="put what the blocks print into the page")
    options = parser.parse_args()
    ready = json.loads(options.ready.read_text())
    text, differing, ran = walk(options.page, ready, options.ready.parent)
    if options.write:
        options.page.write_text(text)
    elif differing:
        sys.exit("\n".join(differing))
    print(f"{options.page.name}: {ran} blocks print what it says")


if __name__ == "__main__":
    main()
