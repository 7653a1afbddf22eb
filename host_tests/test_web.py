"""`make web`: the folder for ESP Web Tools, and that it is served."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from host_tests.test_flash import image
from tools.board import web
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT
from tools.shared.process import popen


def with_petrel(path: Path, chip: str) -> Path:
    image(path, chip)
    path.write_bytes(path.read_bytes() + b"boot.py\0node/main.py\0")
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools", "web", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_folder_has_a_page_a_manifest_and_the_images(tmp_path: Path) -> None:
    images = {
        "ESP32_GENERIC": with_petrel(tmp_path / "a.bin", "esp32"),
        "ESP32_GENERIC_S3": with_petrel(tmp_path / "b.bin", "esp32s3"),
        "ESP32_GENERIC_C3": with_petrel(tmp_path / "c.bin", "esp32c3"),
    }
    out = tmp_path / "out"
    assert web.write(images, out) == []
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["name"] == "Petrel"
    assert manifest["new_install_improv_wait_time"] == 20
    assert manifest["builds"] == [
        {"chipFamily": "ESP32", "parts": [{"path": "ESP32_GENERIC.bin", "offset": 0x1000}]},
        {"chipFamily": "ESP32-S3", "parts": [{"path": "ESP32_GENERIC_S3.bin", "offset": 0}]},
        {"chipFamily": "ESP32-C3", "parts": [{"path": "ESP32_GENERIC_C3.bin", "offset": 0}]},
    ]
    for name, file in images.items():
        assert (out / f"{name}.bin").read_bytes() == file.read_bytes()
    page = (out / "index.html").read_text()
    assert '<esp-web-install-button manifest="manifest.json">' in page
    assert not re.search(r"@[A-Z_]+@", page)
    assert re.search(r"esp-web-tools@\d+\.\d+\.\d+/", page), "its version isn't pinned"


def test_what_can_not_be_flashed_is_refused(tmp_path: Path) -> None:
    file = with_petrel(tmp_path / "a.bin", "esp32")
    out = tmp_path / "out"
    with pytest.raises(ToolError, match="can't flash RPI_PICO_W") as caught:
        web.write({"RPI_PICO_W": file}, out)
    assert "ESP8266_GENERIC" in caught.value.hint
    with pytest.raises(ToolError, match="is not for esp32s3"):
        web.write({"ESP32_GENERIC_S3": file}, out)
    assert not out.exists()
    assert "which board?" in run().stderr
    said = run("ESP32_GENERIC_C3", "--firmware", str(tmp_path / "none.bin")).stderr
    assert "make firmware BOARD=ESP32_GENERIC_C3" in said
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    said = run("ESP32_GENERIC", "--firmware", str(file), "--out", str(tmp_path / "mine")).stderr
    assert "has other files in it" in said
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_a_firmware_without_petrel_is_told(tmp_path: Path) -> None:
    stock = image(tmp_path / "stock.bin")
    done = run("ESP32_GENERIC", "--firmware", str(stock), "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert "stock.bin has no Petrel in it: after it, deploy" in done.stdout


def test_it_is_served_for_a_try(tmp_path: Path) -> None:
    file = with_petrel(tmp_path / "a.bin", "esp32")
    command = [sys.executable, "-m", "tools", "web", "ESP32_GENERIC", "--firmware", str(file)]
    command += ["--out", str(tmp_path / "out"), "--serve", "--port", "0"]
    with popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        over = threading.Timer(60, process.kill)
        over.start()
        try:
            assert process.stdout
            said = next(line for line in process.stdout if "the page is at" in line)
            found = re.search(r"http://127\.0\.0\.1:\d+", said)
            assert found
            with urllib.request.urlopen(f"{found[0]}/", timeout=60) as answer:
                assert b"manifest.json" in answer.read()
            with urllib.request.urlopen(f"{found[0]}/ESP32_GENERIC.bin", timeout=60) as answer:
                assert answer.read() == file.read_bytes()
        finally:
            over.cancel()
            process.kill()
