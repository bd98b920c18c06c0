"""Drives Chromium through the pages of both account APIs: sign up, follow the mailed link, confirm, sign in, set a new
password, sign in by link, sign out; then the demo, to its report, and applications that are allowed. On each page nothing overflows and nothing is blank, at
a phone's width and at a desktop's, in both languages."""
import argparse
import json
import pathlib
import time
import urllib.parse

import requests
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from consent import consent

WIDTHS = [375, 1280]
LANGUAGES = ["en", "fr"]
FIRST, SECOND = "correct horse 1", "another horse 2"

# what reaches over the edge, but for what scrolls by itself; and what there is to read
LOOK = """
const width = document.documentElement.clientWidth;
const over = [...document.querySelectorAll('body *')].filter(element => {
    const inside = element.parentElement.closest('.scroll, svg, .unseen');
    const box = element.getBoundingClientRect();
    return !inside && !element.matches('.unseen') && box.width > 0 && (box.right > width + 0.5 || box.left < -0.5);
});
return {width, all: document.documentElement.scrollWidth, over: over.map(element => element.outerHTML.slice(0, 200)),
        text: document.body.innerText.trim(), title: document.title, language: document.documentElement.lang,
        small: [...document.querySelectorAll('button, input:not([type=hidden])')].filter(element => {
            const box = element.getBoundingClientRect();
            return !element.matches('[type=checkbox], [type=radio]') && (box.width < 44 || box.height < 30);
        }).map(element => element.outerHTML)};
"""


class Browser:
    def __init__(self, ready, width, language, shots):
        self.ready, self.width, self.language, self.shots = ready, width, language, shots
        self.pages = 0
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE [::1], EXCLUDE ::1",
                         f"--accept-lang={language}"]:
            options.add_argument(argument)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def close(self):
        self.driver.quit()

    def open(self, url):
        self.driver.get(url)
        self.look()

    def look(self, language=None):
        """What every page must be."""
        seen = self.driver.execute_script(LOOK)
        where = f"{self.driver.current_url} at {self.width}"
        assert seen["width"] == self.width, seen
        assert seen["all"] <= seen["width"] and not seen["over"], f"{where} overflows: {seen}"
        assert len(seen["text"]) > 20 and seen["title"], f"{where} is blank: {seen}"
        assert not seen["small"], f"{where} has what no finger hits: {seen['small']}"
        assert seen["language"] == (language or self.language), f"{where}: {seen['language']}"
        # a page that says what was wrong has its status; what else the browser complains of is a fault
        expected = ["favicon", "server responded with a status of 4"]
        faults = [entry for entry in self.driver.get_log("browser")
                  if entry["level"] != "DEBUG" and not any(text in entry["message"] for text in expected)]
        assert not faults, f"{where}: {faults}"
        self.pages += 1
        if self.shots:
            # a cookie's or a token's text is no part of a file's name
            name = urllib.parse.urlsplit(self.driver.current_url).path.strip("/").replace("/", "-") or "data"
            self.driver.save_screenshot(str(self.shots / f"{self.width}-{self.language}-{self.pages:02}-{name[:40]}.png"))
        return seen["text"]

    def fill(self, **values):
        for name, value in values.items():
            if value is True:
                self.driver.find_element(By.CSS_SELECTOR, f"[name={name}]").click()
            else:
                field = self.driver.find_element(By.NAME, name)
                field.clear()
                field.send_keys(value)

    def go(self, what, language=None):
        """Clicks and waits for the page that comes; its text."""
        before = self.driver.find_element(By.TAG_NAME, "html")
        what.click()
        WebDriverWait(self.driver, 30).until(lambda driver: self.is_another(before))
        return self.look(language)

    @staticmethod
    def is_another(page):
        try:
            page.is_enabled()
        except Exception:  # noqa: BLE001 - the old page is gone
            return True
        return False

    def send(self, **values):
        self.fill(**values)
        return self.go(self.driver.find_element(By.CSS_SELECTOR, "form button"))

    def follow(self, path, language=None):
        return self.go(self.driver.find_element(By.CSS_SELECTOR, f"a[href*='{path}']"), language)

    def at(self):
        return urllib.parse.urlsplit(self.driver.current_url).path

    def mail(self, to, count):
        """Opens the mail that came as the person's n-th, and clicks its link."""
        for _ in range(200):
            mails = [mail for mail in requests.get(self.ready["control"] + "/_local/mail", timeout=30).json() if mail["to"] == [to]]
            if len(mails) >= count:
                break
            time.sleep(0.05)
        html = mails[count - 1]["html"]
        self.driver.get("data:text/html;charset=utf-8," + urllib.parse.quote(html))
        self.go(self.driver.find_element(By.TAG_NAME, "a"))
        assert len(mails) == count, mails


def later(ready):
    """Lets an hour pass, so that no limit is in the way."""
    requests.post(ready["control"] + "/_local/clock", json={"advance_seconds": 3_700}, timeout=30).raise_for_status()


def openscouter(browser, email):
    base = browser.ready["openscouter"].removesuffix("/api")
    browser.open(base + "/home")
    assert browser.at() == "/sign-in", "who is not signed in is led there"
    browser.follow("sign-up")
    browser.send(email=email, password="short enou", fullName="Zoé Roe", companyName="Roe & fils")
    browser.mail(email, 1)
    assert browser.at() == "/verify-email"
    # previews, scanners and a second look burn nothing
    for method in ["GET", "HEAD"]:
        requests.request(method, browser.driver.current_url, timeout=30)
    browser.driver.refresh()
    browser.send()
    browser.follow("sign-in")
    browser.send(email=email, password="wrong password")
    assert browser.driver.find_element(By.CSS_SELECTOR, "[role=alert]").text
    browser.send(password="short enou")
    assert browser.at() == "/home" and "Roe & fils" in browser.look()
    browser.send()
    assert browser.at() == "/sign-in"
    browser.follow("forgot-password")
    browser.send(email=email)
    browser.mail(email, 2)
    browser.send(password=SECOND, revokeCredentials=True)
    browser.follow("sign-in")
    browser.send(email=email, password=SECOND)
    assert browser.at() == "/home"
    browser.send()
    browser.follow("sign-in-link")
    browser.send(email=email)
    browser.mail(email, 3)
    browser.send()
    assert browser.at() == "/home", "signed in by link"
    browser.send()
    browser.follow("resend-verification")
    browser.send(email=email)
    browser.open(base + "/verify-email?token=used")
    browser.send()
    assert browser.driver.find_element(By.CSS_SELECTOR, "[role=alert]").text


def outsend(browser, email):
    base = browser.ready["outsend"].removesuffix("/api")
    browser.open(base + "/home")
    browser.follow("sign-up")
    browser.send(email=email, password=FIRST, accept_responsibility=True)
    assert browser.at() == "/home"
    assert browser.driver.find_element(By.CSS_SELECTOR, "[role=alert] a")
    browser.mail(email, 1)
    browser.send()
    browser.follow("home")
    assert not browser.driver.find_elements(By.CSS_SELECTOR, "[role=alert]"), "confirmed, and still signed in"
    browser.send()
    browser.follow("forgot-password")
    browser.send(email=email)
    browser.mail(email, 2)
    browser.send(new_password=SECOND)
    browser.follow("sign-in")
    browser.send(email=email, password=SECOND)
    assert browser.at() == "/home"
    browser.send()


def demo(browser):
    """With the printed credentials alone."""
    told, base = browser.ready["demo"], browser.ready["openscouter"].removesuffix("/api")
    people = told["openscouter"]
    study = f"{base}/studies/{told['story']['study']}"
    browser.open(study)
    assert browser.at() == "/sign-in"
    text = browser.send(**people["business"])
    assert browser.driver.current_url == study and "Checkout on a phone" in text
    # the report is in English, whoever reads it
    text = browser.follow(told["story"]["report"], "en")
    assert "rage click" in text and "whether my order had gone through" in text, text
    browser.open(study)
    text = browser.follow(told["story"]["study_report"], "en")
    assert "1 tester" in text, text
    browser.open(base + "/home")
    browser.send()
    for role in ["tester", "admin"]:
        text = browser.send(**people[role])
        assert browser.at() == "/home" and "Checkout on a phone" in text, text
        browser.follow("studies/")
        browser.follow("home")
        browser.send()
    browser.open(browser.ready["outsend"].removesuffix("/api") + "/sign-in")
    browser.send(**told["outsend"])
    file = browser.driver.find_element(By.CSS_SELECTOR, "a[href*='format=csv']").get_attribute("href")
    cookies = {cookie["name"]: cookie["value"] for cookie in browser.driver.get_cookies()}
    csv = requests.get(file, cookies=cookies, timeout=30)
    assert csv.status_code == 200 and "grace@gmail.com" in csv.text, csv.text
    browser.send()


def control(browser):
    """What the control page leads to and sets off."""
    browser.driver.get(browser.ready["control"])
    text = browser.look("en")
    assert all(word in text for word in ["Outset", "the demo's people", "Mails", "Schedules", "Clock", "Log"]), text
    browser.follow("/_local/mail/", "en")
    assert browser.driver.find_elements(By.CSS_SELECTOR, "pre a[href^='http']") and browser.driver.find_element(By.TAG_NAME, "iframe")
    browser.driver.back()
    for name in ["schedules/", "clock"]:
        form = browser.driver.find_element(By.CSS_SELECTOR, f"form[data-post*='{name}']")
        form.find_element(By.TAG_NAME, "button").click()
        WebDriverWait(browser.driver, 60).until(lambda _: form.find_element(By.TAG_NAME, "output").text.strip().startswith("200"))
    for link in browser.driver.find_elements(By.CSS_SELECTOR, "a[href*='/_local/openapi/']"):
        document = requests.get(link.get_attribute("href"), timeout=30).json()
        (server,) = document["servers"]
        assert any(browser.ready[api].startswith(server["url"]) for api in ["outset", "outsend", "openscouter"]), server


# of each API an operation, and the status that it has for whoever asks
TRIED = [("outset", "schema/schema_retrieve", "200"), ("outsend", "registry/modules_registry_list", "200"), ("openscouter", "auth/auth_me", "401")]


def reference(browser):
    """The reference of each API, and a call of it from there. Nothing is loaded from elsewhere: there are no other names."""
    for api, operation, status in TRIED:
        browser.driver.get(f"{browser.ready['control']}/_local/reference/{api}")
        wait = WebDriverWait(browser.driver, 60)
        block = "operations-" + operation.replace("/", "-")
        wait.until(lambda driver: driver.find_elements(By.CSS_SELECTOR, ".opblock-tag"))
        text = browser.look("en")
        assert "Control page" in text and len(text) > 200, text
        for what in [f"#operations-tag-{operation.split('/')[0]}", f"#{block} .opblock-summary-control", f"#{block} .try-out__btn",
                     f"#{block} .execute"]:
            (found,) = wait.until(lambda driver: driver.find_elements(By.CSS_SELECTOR, what))
            browser.driver.execute_script("arguments[0].click()", found)
        told = lambda driver: driver.find_elements(By.CSS_SELECTOR, f"#{block} .live-responses-table .response-col_status")
        wait.until(lambda driver: any(cell.text.strip().startswith(status) for cell in told(driver)))
        browser.look("en")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready", required=True, type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    ready = json.loads(arguments.ready.read_text())
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        for language in LANGUAGES:
            browser = Browser(ready, width, language, arguments.screenshots)
            try:
                for walk, name in [(openscouter, "olive"), (outsend, "oscar")]:
                    walk(browser, f"{name}-{width}-{language}@example.com")
                    later(ready)
                demo(browser)
                if language == LANGUAGES[0]:
                    # the page has one language
                    consent(browser, later)
                control(browser)
                reference(browser)
                later(ready)
            except Exception:
                print(f"at {browser.driver.current_url}:\n{browser.driver.page_source}")
                raise
            finally:
                browser.close()
            print(f"{width} pixels, {language}: {browser.pages} pages, none overflows or is blank")


main()
