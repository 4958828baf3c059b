"""What every proof of shipping needs: a certificate, and a receiver that trusts it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .receivers import Receiver


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate of localhost, for the receivers."""
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(path), "-out", str(path.with_suffix(".crt"))),
        ],
        check=True,
        capture_output=True,
    )
    with path.open("a", encoding="ascii") as file:
        file.write(path.with_suffix(".crt").read_text(encoding="ascii"))
    return path


@pytest.fixture
def receive(certificate: Path) -> Iterator[Callable[[str], Receiver]]:
    """Return a function that starts the receiver of a sink."""
    started: list[Receiver] = []

    def start(name: str) -> Receiver:
        receiver = Receiver(name, certificate)
        receiver.start()
        started.append(receiver)
        return receiver

    yield start
    for receiver in started:
        receiver.stop()
