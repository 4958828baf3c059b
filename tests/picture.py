"""Draws docs/terminal.svg from what a terminal really shows: python -m tests.picture.

It bakes with the default answers, serves the project, sends one request, and asks for its story.
"""

import os
import re
import subprocess
import tempfile
from html import escape
from pathlib import Path
from urllib.request import Request, urlopen

from tests.reliability.harness import free_port, is_open, wait_until

TEMPLATE = Path(__file__).resolve().parent.parent
PICTURE = TEMPLATE / "docs" / "terminal.svg"
COLUMNS, ROW, MARGIN, LETTER = 118, 19, 18, 7.8
BODY = '{"name": "Laptop", "stock": 10, "price": 50000}'
STYLE = (
    'text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;'
    "white-space:pre;fill:#c9d1d9}.command{fill:#ffffff;font-weight:bold}.proof{fill:#7ee787}"
)


def output(*command: str, cwd: Path) -> list[str]:
    """Return the lines that a command prints. Raises CalledProcessError when it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.splitlines()


def request_id_of_a_request(project: Path, python: str) -> str:
    """Serve the project until one request is logged to its end; return the id in the answer."""
    port, log = free_port(), project / "logs" / "app.json.log"
    serve = [python, "manage.py", "runserver", "--noreload", str(port)]
    headers = {"Content-Type": "application/json"}
    request = Request(f"http://127.0.0.1:{port}/api/products/", BODY.encode(), headers)
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(serve, cwd=project, stdout=nowhere, stderr=nowhere) as server:
        try:
            wait_until(lambda: is_open(port), seconds=30, what="the server listens")
            with urlopen(request, timeout=10) as response:
                request_id = str(response.headers["X-Request-ID"])
            # The line of the end is written after the answer is sent.
            wait_until(lambda: '"request_finished"' in log.read_text("utf-8"), what="the end")
            return request_id
        finally:
            server.terminate()


def session(folder: Path) -> list[str]:
    """Return the lines of a terminal, each command after a $."""
    made = output("cookiecutter", str(TEMPLATE), "--no-input", cwd=folder)
    project = folder / "ecommerce"
    python = str(project / ".venv" / "bin" / "python")
    output(python, "manage.py", "migrate", cwd=project)
    request_id = request_id_of_a_request(project, python)
    story = output(
        python, "manage.py", "logs", "--no-json", "--request-id", request_id, cwd=project
    )
    plain = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in story]
    return [
        "$ cookiecutter gh:org/repo --no-input",
        *(line.replace(f"{folder}{os.sep}", "") for line in made),
        "",
        "$ uv run python manage.py migrate && uv run python manage.py runserver &",
        f"$ curl -d '{BODY}' -H 'Content-Type: application/json' http://127.0.0.1:8000/api/products/",
        f"$ uv run python manage.py logs --request-id {request_id}",
        *plain,
    ]


def picture(lines: list[str]) -> str:
    """Draw lines of text; one that is too long for the terminal goes on in the next row."""
    rows: list[tuple[str, str]] = []
    for line in lines:
        kind = "command" if line.startswith("$") else "proof" if "verified" in line else ""
        pieces = [line[at : at + COLUMNS] for at in range(0, len(line), COLUMNS)]
        rows += [(kind, piece) for piece in pieces or [""]]
    width, height = round(COLUMNS * LETTER + 2 * MARGIN), len(rows) * ROW + 2 * MARGIN
    label = "From the command to a project whose logging is proven, and the log of one request"
    drawn = [
        f'<text class="{kind}" x="{MARGIN}" y="{MARGIN + (row + 0.75) * ROW:g}"'
        f' textLength="{len(text) * LETTER:g}" xml:space="preserve">{escape(text)}</text>'
        for row, (kind, text) in enumerate(rows)
        if text
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{label}"><style>{STYLE}</style>'
    )
    ground = '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>'
    return "\n".join([head, ground, *drawn, "</svg>\n"])


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        PICTURE.write_text(picture(session(Path(folder).resolve())), encoding="utf-8")


if __name__ == "__main__":
    main()
