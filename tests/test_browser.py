"""The documentation and the admin in a real browser, under the policy that the service sends.

    SCREENSHOTS=1 python -m pytest -m long -n 0 -k default tests/test_browser.py

also takes the pictures in docs/ anew.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uv
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from tests.combinations import COMBINATIONS, STACKS
from tests.conftest import TEMPLATE, BakedProject, Install
from tests.databases import NewDatabase
from tests.programs import program
from tests.reliability.harness import free_port, is_open, wait_until

pytestmark = pytest.mark.long

# Nothing of Chromium's own may go to the network, and it runs as root in containers.
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync --lang=en
--window-size=1200,900 --hide-scrollbars --force-device-scale-factor=1""".split()
USER, PASSWORD = "ann", "correct horse battery"
PREPARE = f"""
from decimal import Decimal
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from ecommerce.products.models import Product
get_user_model().objects.create_superuser("{USER}", "ann@example.com", "{PASSWORD}")
Group.objects.create(name="Shopkeepers")
for name, stock, price in [("Laptop", 10, 50000), ("Phone", 25, 20000), ("Cable", 400, 250)]:
    Product.objects.create(name=name, stock=stock, price=Decimal(price))
"""
DIRECTIVES = {
    "default-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "img-src": "'self' data:",
}


@dataclass(frozen=True)
class Site:
    """A running service: its address, and the project it runs from."""

    url: str
    project: BakedProject

    def events_of(self, request_id: str) -> list[str]:
        """Return the events of a request in the log file."""
        lines = self.project.read("logs/app.json.log").splitlines()
        parsed = [json.loads(line) for line in lines]
        return [line["event"] for line in parsed if line["request_id"] == request_id]


@pytest.fixture(scope="module", params=STACKS)
def site(
    request: pytest.FixtureRequest, installed: Install, new_database: NewDatabase
) -> Iterator[Site]:
    """Run the project of a stack as its README says, on a free port."""
    program("chromium")
    project = installed("--no-dev", **COMBINATIONS[request.param])
    outside = project.path.parent
    with (project.path / ".env").open("a", encoding="utf-8") as env:
        env.write(f"DATABASE_URL={new_database(project.answers['database'], outside)}\n")
    manage = (uv.find_uv_bin(), "run", "--no-sync", "python", "manage.py")
    project.run(*manage, "migrate")
    project.run(*manage, "shell", "-v0", "--command", PREPARE)
    port = free_port()
    address = f"127.0.0.1:{port}"
    python = project.path / ".venv" / "bin" / "python"
    command = [str(python), "manage.py", "runserver", "--noreload", address]
    with (
        (outside / "output").open("wb") as output,
        subprocess.Popen(command, cwd=project.path, stdout=output, stderr=output) as server,
    ):
        try:
            wait_until(lambda: is_open(port), seconds=30)
            yield Site(f"http://{address}", project)
        finally:
            server.terminate()


@dataclass(frozen=True)
class Browser:
    """A page in Chromium, looked at as a person does."""

    driver: Chrome

    def open(self, url: str) -> None:
        """Open a page, and hold the policy it came with against the one that is wanted."""
        self.driver.get(url)
        fetch = "return fetch(location.href).then(r => r.headers.get('Content-Security-Policy'))"
        policy = dict(part.split(" ", 1) for part in self.driver.execute_script(fetch).split("; "))
        style = policy.pop("style-src")
        assert policy == DIRECTIVES
        assert re.fullmatch(r"'self' 'sha256-[\w+/]{43}='", style)

    def one(self, selector: str) -> WebElement:
        """Return the element, once it is shown."""
        shown: list[WebElement] = wait_until(lambda: self.all(selector), seconds=30)
        return shown[0]

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements that are shown."""
        elements = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return [element for element in elements if element.is_displayed()]

    def look_at(self, selector: str) -> None:
        """Bring an element into the middle of the window."""
        centre = "arguments[0].scrollIntoView({block: 'center'})"
        self.driver.execute_script(centre, self.one(selector))

    def click(self, selector: str) -> None:
        """Click an element, once it is there."""
        self.look_at(selector)
        self.one(selector).click()

    def has_text(self, selector: str, text: str) -> None:
        """Wait until an element holds a text."""
        wait_until(lambda: text in self.one(selector).text, seconds=30)

    def picture(self, name: str) -> None:
        """Take a picture of the page for docs/, if it was asked for."""
        if os.environ.get("SCREENSHOTS"):
            self.driver.save_screenshot(str(TEMPLATE / "docs" / name))

    def complaints(self) -> list[str]:
        """Return what the console says: errors, and refusals of the policy.

        The icon of the site is Chromium's own wish: no page names one, and none is brought.
        """
        console: list[dict[str, str]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        said = [entry["message"] for entry in console]
        return [message for message in said if "/favicon.ico - " not in message]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Return Chromium with a profile of its own; its console must stay empty."""
    options = ChromeOptions()
    options.binary_location = program("chromium")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, ChromeService(program("chromedriver")))
    try:
        browser = Browser(driver)
        yield browser
        assert browser.complaints() == []
    finally:
        driver.quit()


def test_what_swagger_ui_tries_out_is_found_in_the_log(site: Site, browser: Browser) -> None:
    browser.open(site.url)
    assert browser.driver.current_url == f"{site.url}/api/docs/"
    operation = ".opblock-get[id$='_list']"
    browser.click(f"{operation} .opblock-summary-control")
    browser.click(f"{operation} .try-out__btn")
    browser.click(f"{operation} .execute")
    answer = f"{operation} .live-responses-table tbody"
    browser.has_text(f"{answer} .response-col_status", "200")
    browser.has_text(f"{answer} .response-col_description", '"Laptop"')
    headers = browser.one(f"{answer} .response-col_description").text
    (request_id,) = re.findall(r"x-request-id: (\S+)", headers)
    wait_until(lambda: "request_finished" in site.events_of(request_id), seconds=30)
    assert site.events_of(request_id) == [
        "fetch_products_start",
        "fetch_products_success",
        "request_finished",
    ]
    browser.look_at(answer)
    browser.picture("api-docs.png")


def test_the_admin_and_its_widgets_work(site: Site, browser: Browser) -> None:
    browser.open(f"{site.url}/admin/")
    browser.one("#id_username").send_keys(USER)
    browser.one("#id_password").send_keys(PASSWORD)
    browser.click("[type=submit]")

    browser.open(f"{site.url}/admin/products/product/")
    browser.picture("admin.png")
    browser.one("#searchbar").send_keys("Laptop")
    browser.click("#changelist-search [type=submit]")
    browser.has_text("#result_list", "Laptop")
    assert "Phone" not in browser.one("#result_list").text
    browser.click("#result_list .action-select")
    Select(browser.one("[name=action]")).select_by_value("delete_selected")
    browser.has_text(".action-counter", "1 of 1 selected")

    browser.open(f"{site.url}/admin/accounts/user/")
    browser.click("#changelist-filter [href*=is_staff]")
    browser.click("#result_list tbody th a")
    browser.click("#id_groups_from option")
    browser.click("#id_groups_add, #id_groups_add_link")
    browser.has_text("#id_groups_to", "Shopkeepers")
    browser.click(".field-last_login .datetimeshortcuts [id^=calendarlink]")
    browser.has_text(".calendarbox .calendar caption", "20")
    browser.click(".calendarbox .calendar td.today a, .calendarbox .calendar td a")
    assert browser.one("#id_last_login_0").get_attribute("value")
    browser.click("[name=_continue]")
    browser.has_text(".success", "was changed successfully")
