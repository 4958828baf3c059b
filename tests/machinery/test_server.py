"""The development server as a process: what its console and its files say."""

import json

from .support import NAMESPACE, Server, manage, parsed, parsed_line, wait_for

LAPTOP = {"name": "Laptop", "stock": 10, "price": 50000}
JSON = {"Content-Type": "application/json"}


def test_the_examples_of_the_readme_work_and_are_logged(server: Server):
    listed = server.ask("/api/products/", headers={"X-Request-ID": "listing-products"})
    created = server.ask(
        "/api/products/", "POST", json.dumps(LAPTOP), {**JSON, "X-Request-ID": "creating-a-product"}
    )
    assert (listed.status, created.status) == (200, 201)
    assert json.loads(created.body)["name"] == "Laptop"
    logger = f"{NAMESPACE}.products.views"
    events = {
        request_id: [
            line["event"] for line in server.lines_of(request_id) if line["logger"] == logger
        ]
        for request_id in ("listing-products", "creating-a-product")
    }
    assert events == {
        "listing-products": ["fetch_products_start", "fetch_products_success"],
        "creating-a-product": ["create_product_start", "create_product_success"],
    }


def test_the_root_leads_to_the_documentation_while_debugging_only(server: Server, tmp_path):
    root = server.ask("/")
    assert (root.status, root.headers["Location"]) == (302, "/api/docs/")
    ask = "from django.urls import is_valid_path; print(is_valid_path('/'))"
    assert manage(tmp_path, "shell", "-v0", "--command", ask, DEBUG="False").stdout == "False\n"


def test_console_and_files_have_the_same_lines(server: Server):
    for path in ("/api/products/", "/nowhere/", "/api/test/drf-crash", "/test/crash"):
        server.lines_of(server.ask(path).headers["X-Request-ID"])

    def from_console() -> list:
        # The banner of runserver is the only thing that is no line.
        return [line for line in server.console().splitlines() if line.startswith("{")]

    in_file = wait_for(
        lambda: server.logs.text() if server.logs.text().splitlines() == from_console() else ""
    )
    lines = parsed(in_file)
    assert server.logs.lines("errors") == [
        line for line in lines if line["level"] in ("ERROR", "CRITICAL")
    ]
    assert any(line["level"] == "ERROR" for line in lines)
    assert any(line["level"] == "INFO" for line in lines)


def test_the_console_has_nothing_but_lines_below_the_banner(server: Server):
    server.lines_of(server.ask("/test/crash").headers["X-Request-ID"])
    stdout = (server.folder / "stdout").read_text("utf-8")
    below = stdout[stdout.index("{", stdout.index("Quit the server")) :]
    assert all(parsed_line(line) for line in below.splitlines())
    assert "Traceback" not in (server.folder / "stderr").read_text("utf-8")
