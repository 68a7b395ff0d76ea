"""The page in a real Chromium, before a real `edgeseg run --web` on a real model; the camera's driver is a fake."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from e2e_browser import DESKTOP, PHONE, Browser, Tab, chromium
from e2e_run import Run, calibrate, soon
from e2e_scene import LANDSCAPES, landscape, scene

import edgeseg

CORNER = (0.97, 0.08)  # where the room is, never the person
PERSON = (0.5, 0.45)
WEIGHT = 120_000
FIRST_FRAME = "performance.getEntriesByName('first picture')[0].startTime"
PAGE = Path(edgeseg.__file__).parent / "web" / "page"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def folder(browser: Browser, asset: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the camera's pictures are, and some for the gallery."""
    made = tmp_path_factory.mktemp("board")
    np.save(made / "scene.npy", scene(asset("astronaut")))
    for name, colors in LANDSCAPES.items():
        cv2.imwrite(str(made / f"{name}.jpg"), landscape(*colors))
    for name, color in {"Red": (30, 30, 200), "Grey": (90, 90, 90)}.items():
        cv2.imwrite(str(made / f"{name}.png"), np.full((360, 640, 3), color, np.uint8))
    return made


@pytest.fixture(scope="module")
def run(folder: Path, tier_file: Callable[..., Path]) -> Iterator[Run]:
    """Governed, for something was measured."""
    tier_file()
    calibrate(folder)
    made = Run(folder, "--web-show-source")
    yield made
    made.close()


@pytest.fixture
def tab(browser: Browser, run: Run) -> Iterator[Tab]:
    """The page with moving frames, all as it began; no script of it may fail."""
    run.plug()
    run.api.delete("settings")
    with browser.tab() as made:
        yield made.open(run.url).sees_frames()
        assert made.uncaught == []


def choose(tab: Tab, mode: str) -> None:
    tab.page.click(f"#modes label:has-text('{mode}')")


def upload(tab: Tab, *paths: Path) -> None:
    tab.page.set_input_files("#files", [str(path) for path in paths])


def test_frames_change_and_the_page_is_light_and_quiet(run: Run, browser: Browser) -> None:
    with browser.tab() as tab:
        tab.open(run.url).sees_frames()
        first_frame_ms = tab.page.evaluate(FIRST_FRAME)
        soon(lambda: "fps" in tab.text("#live-fps"))
        seen = set()
        for _ in range(20):
            tab.page.wait_for_timeout(100)
            seen.add(str(tab.pixels(PERSON, (0.42, 0.3), (0.6, 0.8))))
        assert len(seen) > 5, "the picture moves"
        state = run.api.get("state").json()
        for column, card in {"temp_c": ".temp_c", "power_w": ".power_w", "memory_mb": ".memory_mb"}.items():
            assert (tab.text(f"{card} .value") == "–") == (state[column] is None), column
        assert state["viewers"] == 1
        assert tab.errors == []
        weight, plain = sum(tab.sizes.values()), sum(one.stat().st_size for one in PAGE.iterdir())
        print(f"{weight} bytes in {len(tab.sizes)} requests, of files of {plain} bytes")
        print(f"first frame after {first_frame_ms:.0f} ms")
        assert weight < WEIGHT
        assert plain < WEIGHT
        assert all(url.startswith((run.url, "blob:")) for url in tab.sizes), "no foreign host"


def test_each_background_is_seen_in_the_picture(run: Run, tab: Tab, folder: Path) -> None:
    choose(tab, "Colour")
    tab.becomes(CORNER, "#00b140")
    tab.page.click("[aria-label=Slate]")
    tab.becomes(CORNER, "#1f2933")
    tab.page.fill("#color", "#aa2299")
    tab.becomes(CORNER, "#aa2299")
    assert run.settings["color"] == "#aa2299"
    upload(tab, folder / "Red.png")
    tab.becomes(CORNER, "#c81e1e")
    upload(tab, folder / "Grey.png")
    tab.becomes(CORNER, "#5a5a5a")
    tab.page.click("[aria-label='Show Red behind the person']")
    tab.becomes(CORNER, "#c81e1e")
    assert tab.page.get_attribute("[aria-label='Show Red behind the person']", "aria-pressed") == "true"
    choose(tab, "Blur")
    soon(lambda: np.abs(np.subtract(tab.pixels(CORNER)[0], (200, 30, 30))).max() > 60, why="the room, blurred")
    tab.page.fill("#strength", "90")
    soon(lambda: run.settings["blur_strength"] == 90)
    choose(tab, "Colour")
    tab.page.click("label:has(#on)")
    tab.says("#status-word", "Off")
    tab.becomes(PERSON, "#aa2299")
    tab.page.click("label:has(#on)")
    tab.says("#status-word", "Running")
    soon(lambda: np.abs(np.subtract(tab.pixels(PERSON)[0], (0xAA, 0x22, 0x99))).max() > 60, why="the person")


def test_pictures_are_dropped_refused_and_deleted(run: Run, tab: Tab, folder: Path) -> None:
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    upload(tab, folder / "broken.jpg")
    tab.says("#gallery-why", "broken.jpg:")
    assert len(tab.text("#gallery-why")) > 30
    (folder / "large.png").write_bytes(bytes(13_000_000))
    upload(tab, folder / "large.png")
    tab.says("#gallery-why", "at most 12.5 MB")
    content = list((folder / "Meadow.jpg").read_bytes())
    transfer = tab.page.evaluate_handle(
        """(bytes) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "Meadow.jpg", {type: "image/jpeg"})); return data; }""",
        content,
    )
    for event in ("dragenter", "dragover", "drop"):
        tab.page.dispatch_event("#drop", event, {"dataTransfer": transfer})
    soon(lambda: run.settings["mode"] == "image")
    assert [one["title"] for one in run.api.get("backgrounds").json() if one["is_used"]] == ["Meadow"]
    tab.page.click("[aria-label='Delete Meadow']")
    tab.page.click("#dialog-yes")
    tab.says("#gallery-why", "shown now")
    choose(tab, "Blur")
    soon(lambda: run.settings["mode"] == "blur")
    tab.page.click("[aria-label='Delete Meadow']")
    tab.page.click("#dialog-yes")
    tab.page.wait_for_selector("[aria-label='Delete Meadow']", state="detached")
    assert "Meadow" not in [one["title"] for one in run.api.get("backgrounds").json()]


def test_a_setting_that_is_refused_says_why(run: Run, tab: Tab) -> None:
    tab.page.fill("#fps-target", "1000")
    tab.page.press("#fps-target", "Enter")
    tab.says("[data-why=target_fps]", "240")
    assert tab.page.get_attribute("#fps-target", "aria-invalid") == "true"
    assert run.settings["target_fps"] is None
    tab.page.fill("#fps-target", "15")
    tab.page.press("#fps-target", "Enter")
    soon(lambda: run.settings["target_fps"] == 15)
    soon(lambda: tab.text("[data-why=target_fps]") == "")
    tab.says(".fps .sub", "target 15")
    tab.page.click("#forget")
    tab.page.click("#dialog-yes")
    soon(lambda: run.settings["target_fps"] is None)
    soon(lambda: tab.page.input_value("#fps-target") == "")


def test_camera_and_tier_can_be_chosen(run: Run, tab: Tab) -> None:
    ids = tab.page.eval_on_selector_all("#source-choice option", "all => all.map((one) => one.value)")
    assert ids == ["auto", "camera:/dev/video0", "camera:/dev/video1"], "camera:0 is one of them"
    tab.page.select_option("#source-choice", "camera:/dev/video1")
    soon(lambda: run.settings["source"] == "camera:/dev/video1")
    tab.says("#source-now", "/dev/video1")
    tab.page.select_option("#tier-choice", "selfie-landscape-96x160-fp16")
    tab.says("#rung-name", "selfie-landscape-96x160-fp16")
    tab.page.click("label:has([data-setting=hflip])")
    soon(lambda: run.settings["hflip"] is True)
    tab.sees_frames()


def test_a_rung_is_pinned_for_a_while(run: Run, tab: Tab) -> None:
    tab.says("#ladder-sum", "Rung")
    wanted = run.api.get("ladder").json()["rungs"][0]["name"]
    tab.page.select_option("#pin-rung", wanted)
    tab.page.select_option("#pin-minutes", "30")
    tab.page.click("#pin-form >> text=Pin")
    tab.says("#pinned-words", f"Pinned to {wanted} for 29 min")
    assert run.api.get("state").json()["pin"]["rung"] == wanted
    soon(lambda: tab.text("#rung-name") == wanted)
    tab.page.click("#unpin")
    soon(lambda: run.api.get("state").json()["pin"] is None)
    tab.page.wait_for_selector("#pin-form", state="visible")


def test_a_lost_camera_is_said_and_its_return_too(run: Run, tab: Tab) -> None:
    run.unplug()
    tab.says("#status-word", "Degraded")
    tab.says("#problems", "The camera is lost")
    tab.says("#log", "source lost")
    run.plug()
    tab.says("#status-word", "Running")
    tab.says("#problems", "Nothing is wrong")
    tab.sees_frames()


def test_the_page_comes_back_after_a_restart(run: Run, tab: Tab) -> None:
    run.end()
    tab.says("#notices", "Trying again")
    tab.says("#status-word", "No connection")
    tab.says("#veil-words", "No connection")
    run.start()
    tab.sees_frames()
    assert tab.page.query_selector("[data-name=lost]") is None
    before = tab.pixels(PERSON)
    soon(lambda: tab.pixels(PERSON) != before, why="frames change again")
    choose(tab, "Colour")  # with the new process's word against forged requests
    tab.becomes(CORNER, "#00b140")


def test_two_people_who_change_the_same_thing(run: Run, tab: Tab) -> None:
    def meanwhile(route) -> None:  # type: ignore[no-untyped-def]
        run.set(mode="color", color="#224466")
        route.continue_()

    def elsewhere(route) -> None:  # type: ignore[no-untyped-def]
        run.set(hflip=True)
        route.continue_()

    tab.page.route("**/api/v1/settings", elsewhere, times=1)
    tab.page.fill("#strength", "33")
    tab.says("#toasts", "mirrored is yes")
    soon(lambda: (run.settings["hflip"], run.settings["blur_strength"]) == (True, 33), why="both hold")
    assert tab.page.is_hidden("#dialog")
    for answer, mode in (("#dialog-no", "color"), ("#dialog-yes", "blur")):
        run.set(mode="blur", blur_strength=20)
        soon(lambda: tab.page.input_value("#strength") == "20")
        tab.page.route("**/api/v1/settings", meanwhile, times=1)
        tab.page.fill("#strength", "70")
        tab.says("#dialog", "Somebody else changed this meanwhile")
        assert "#224466" in tab.text("#dialog")
        assert "blur: 70" in tab.text("#dialog")
        tab.page.click(answer)
        soon(lambda: tab.page.is_hidden("#dialog"))
        soon(lambda mode=mode: run.settings["mode"] == mode if mode == "color" else run.settings["blur_strength"] == 70)  # type: ignore[misc]
    run.set(mode="color", color="#0000ff")
    tab.says("#toasts", "Changed elsewhere")
    tab.becomes(CORNER, "#0000ff")


def test_the_source_side_is_marked_and_moves_with_the_keys(run: Run, tab: Tab) -> None:
    choose(tab, "Colour")
    tab.becomes(CORNER, "#00b140")
    assert tab.page.is_hidden("#source")
    tab.page.click("#compare")
    assert "room is visible" in tab.text("#source-mark")
    soon(lambda: np.abs(np.subtract(tab.pixels(CORNER, canvas="source")[0], (0, 177, 64))).max() > 60)
    for _ in range(10):
        tab.page.keyboard.press("ArrowRight")
    assert tab.page.evaluate("getComputedStyle(document.getElementById('screen')).getPropertyValue('--split')") == "60%"
    tab.page.click("#compare")
    assert tab.page.is_hidden("#source")
    tab.page.click("#pause")
    tab.says("#veil-words", "Paused")
    soon(lambda: run.api.get("state").json()["viewers"] == 0, why="whoever pauses costs the board nothing")


def test_it_is_used_by_keyboard_alone(run: Run, tab: Tab) -> None:
    tab.page.keyboard.press("Tab")
    assert tab.page.evaluate("document.activeElement.className") == "skip"
    tab.page.focus("#modes input:checked")
    tab.page.keyboard.press("ArrowRight")
    soon(lambda: run.settings["mode"] == "color")
    tab.page.focus(".fps .plot")
    for _ in range(2):
        tab.page.keyboard.press("ArrowLeft")
    assert tab.page.get_attribute(".fps .plot", "aria-valuetext").startswith("20 seconds ago")
    assert tab.text(".fps .sub").startswith("at ")


def test_the_doctor_is_asked_and_answers(run: Run, tab: Tab) -> None:
    tab.page.click("#examine")
    tab.says("#doctor-note", "Examined at", 60)
    report = run.api.get("doctor").json()["report"]
    shown = len(tab.page.query_selector_all("#findings > li, #fine > li"))
    assert shown == len(report["findings"]) > 0
    remedies = [one["remedy"] for one in report["findings"] if one["remedy"] and one["severity"] != "fine"]
    assert all(one in tab.text("#findings") for one in remedies)


def test_a_dead_pipeline_is_said_while_the_page_lives(run: Run, browser: Browser) -> None:
    """The state's messages are real; what the runtime says when it has died is put into them on their way."""
    with browser.tab() as tab:
        dead = {"status": "ended", "sentence": "The pipeline has ended: no space left on the device."}

        def between(socket) -> None:  # type: ignore[no-untyped-def]
            import json

            server = socket.connect_to_server()

            def forward(text: str) -> None:
                message = json.loads(text)
                if message["type"] == "state":
                    message["state"].update(dead)
                socket.send(json.dumps(message))

            server.on_message(forward)

        tab.page.route_web_socket("**/api/v1/live", between)
        tab.open(run.url)
        tab.says("#notices", "no space left on the device")
        tab.says("#status-word", "Ended")
        tab.says("#veil-words", "The pipeline has ended")
        assert tab.uncaught == []


def test_a_pipeline_that_hangs_is_said_and_that_it_goes_on(browser: Browser, folder: Path) -> None:
    """Its reader takes nothing for a while, as a program that is stopped does."""
    reader, writer = os.pipe()
    takes, over = threading.Event(), threading.Event()
    takes.set()

    def read() -> None:
        while takes.wait() and not over.is_set() and os.read(reader, 1 << 20):
            pass

    thread = threading.Thread(target=read)
    thread.start()
    run = Run(folder, "--sink", "-", out=writer)
    try:
        with browser.tab() as tab:
            tab.open(run.url).sees_frames()
            takes.clear()
            tab.says("#status-word", "Stalled")
            tab.says("#veil-words", "the sink takes nothing")
            answer = httpx.get(f"{run.url}/readyz")
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert "No frame has gone out for" in answer.json()["detail"]
            takes.set()
            tab.says("#status-word", "Running")
            tab.sees_frames()
    finally:
        takes.set()
        run.close()
        over.set()
        os.close(writer)
        thread.join()
        os.close(reader)


def test_nobody_sees_the_room_without_the_token(browser: Browser, folder: Path) -> None:
    board = Run(folder, "--web-host", "board.test")
    try:
        with browser.tab(viewport=PHONE) as tab:
            tab.open(board.url)
            tab.page.wait_for_selector("#token", state="visible")
            assert tab.page.is_hidden("#main")
            assert tab.violations("sign in") == []
            tab.page.fill("#token", "wrong")
            tab.page.press("#token", "Enter")
            tab.says("#sign-in-why", "not the one of this board")
            tab.page.fill("#token", board.token)
            tab.page.press("#token", "Enter")
            tab.sees_frames()
            assert "not encrypted" in tab.text("#notices")
            assert tab.page.is_hidden("#compare"), "the owner did not allow it"
            tab.page.context.clear_cookies()
            tab.page.evaluate("document.querySelector('#modes input[value=color]').click()")
            tab.page.wait_for_selector("#token", state="visible")
            assert len(tab.text("#sign-in-why")) > 10
            tab.page.fill("#token", board.token)
            tab.page.click("text=Sign in >> nth=-1")
            tab.sees_frames()
            tab.page.click("#sign-out")
            tab.page.wait_for_selector("#token", state="visible")
            assert tab.page.is_hidden("#main")
            assert tab.uncaught == []
    finally:
        board.close()


def test_axe_finds_nothing(run: Run, browser: Browser, folder: Path) -> None:
    run.api.delete("settings")
    found = []
    with browser.tab(reduced_motion="reduce") as tab:
        tab.open(run.url).sees_frames()
        upload(tab, folder / "Dusk.jpg")
        tab.page.wait_for_selector("[aria-label='Delete Dusk']")
        choose(tab, "Colour")
        tab.page.click("#table-box summary")
        tab.page.click("#compare")
        tab.page.fill("#temp-limit", "5")
        tab.page.press("#temp-limit", "Enter")
        tab.says("[data-why=temp_limit_c]", "30")
        for scheme in ("light", "dark"):
            tab.page.emulate_media(color_scheme=scheme)
            for viewport in (DESKTOP, PHONE):
                tab.page.set_viewport_size(viewport)
                found += tab.violations(f"{viewport['width']} {scheme}")
                wide = tab.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= viewport["width"], "nothing is wider than the screen"
                if tab.page.get_attribute("#pause", "aria-pressed") == "false":
                    tab.page.click("#pause")  # the others with the picture veiled
            tab.page.click("[aria-label='Delete Dusk']")
            found += tab.violations(f"{scheme}, asked")
            tab.page.click("#dialog-no")
    assert found == []
