"""The patient's app in Debian's Chromium: what a person sees, taps and types, on a phone, in the dark, by keyboard."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from chromium import Page, Pipe
from house import House, Visitor

pytestmark = pytest.mark.browser

PAGES = ("", "results", "results/85354-9", "results/29463-7", "sharing", "activity")


def show(page: Page, house: House, path: str) -> None:
    page.open(f"{house.context.base_url}/app/{path}")
    page.wait("document.querySelector('h1') && !document.querySelector('.placeholder')")


# -- seeing ------------------------------------------------------------------------------------------------------------
def test_the_sign_in_link_works_once(house: House, browser: Pipe, page: Page) -> None:
    link = house.context.base_url + house.invite("Adair")
    page.open(link)
    page.see("Mona Adair")
    other = browser.page()
    other.open(link)
    other.see("Each link opens the door once")
    other.open(house.context.base_url + "/app/")
    other.see("You are signed out")
    other.close()


def test_the_timeline_shows_entries_of_all_systems(mona: Page) -> None:
    for words in (
        "2 systems feed this record",
        "Lisinopril 10 MG Oral Tablet",
        "Penicillin",
        "138 / 86 mmHg",
        "April 2019",
    ):
        mona.see(words)
    mona.see("Stated as not present")
    mona.see("Weight rose by 2 kg in 3 days")


def test_disagreeing_systems_are_shown_with_both_values(mona: Page) -> None:
    mona.see("Your systems disagree on one thing")
    sides = mona.run("[...document.querySelectorAll('.differences .side')].map(one => one.innerText)")
    assert sorted(sides) == ["Harbour Clinic says\n5.4 mmol/L", "Stadtspital says\n4.5 mmol/L"]


def test_a_tap_on_a_value_leads_to_each_systems_own_words(mona: Page, house: House) -> None:
    show(mona, house, "results/29463-7")
    mona.click("tbody tr:first-child .from")
    mona.see("2 systems said this.")
    mona.see("“154 lb”")
    mona.see("harbour-clinic.ndjson")
    mona.click("[data-source=harbour-clinic] summary")
    mona.see('"id": "lb"')
    mona.press("Escape")
    mona.wait("!document.querySelector('dialog')")
    assert mona.run("document.activeElement.classList.contains('from')")


def test_a_chart_has_a_name_and_the_same_values_as_a_table(mona: Page, house: House) -> None:
    show(mona, house, "results/85354-9")
    mona.wait("document.querySelector('.chart canvas')")
    label = mona.run("document.querySelector('.chart [role=img]').getAttribute('aria-label')")
    assert label.startswith("Chart of Blood pressure: 2 values")
    table = mona.run("[...document.querySelectorAll('table.values tbody .num')].map(one => one.innerText)")
    assert table == ["138 / 86", "151 / 94"]
    drawn = mona.run(
        """(() => { const one = document.querySelector('.chart canvas'); const pixels = one.getContext('2d')
        .getImageData(0, 0, one.width, one.height).data; let seen = 0
        for (let i = 3; i < pixels.length; i += 4) if (pixels[i] > 0) seen += 1; return seen })()"""
    )
    assert drawn > 500


def test_the_older_value_can_be_chosen_without_touching_the_chart(mona: Page, house: House) -> None:
    show(mona, house, "results/85354-9")
    mona.see("138 / 86")
    mona.click(".steps button")
    mona.wait("document.querySelector('.readout-value').innerText.startsWith('151 / 94')")


def test_the_record_fills_before_ones_eyes(mona: Page, house: House) -> None:
    from house import observation

    house.deliver("harbour-clinic", observation("gl", "2345-7", "Glucose", "2026-03-28T08:00:00Z", 101, unit="mg/dL"))
    mona.wait("document.querySelector('.stem').innerText.includes('Blood sugar')")
    mona.wait("document.querySelector('[role=status].spoken').innerText.startsWith('Your record has new entries')")


def test_a_result_is_found_by_name(mona: Page, house: House) -> None:
    show(mona, house, "results")
    mona.click("input[type=search]")
    mona.type("potas")
    mona.wait("document.querySelectorAll('.result').length === 1")
    mona.type("xyz")
    mona.see("No result has this name.")


# -- sharing -----------------------------------------------------------------------------------------------------------
def clinic_sees(house: House, token: str) -> int:
    """Count the Observations that the FHIR door gives the holder of the clinic's key."""
    answer = Visitor(house).fhir("Observation?_count=200", token)
    return len(answer.json().get("entry", ())) if answer.status_code == 200 else -answer.status_code


def test_share_pause_resume_stop_from_the_page(mona: Page, house: House) -> None:
    show(mona, house, "sharing")
    mona.click("input[name=who]")
    mona.type("Harbour Clinic app")
    mona.wait("/They will see \\d+ of your \\d+ entries/.test(document.querySelector('.covered').innerText)")
    promised = int(mona.run("document.querySelector('.covered').innerText").split()[3])
    mona.click("form [type=submit]")
    mona.see("Give this key to the clinic")
    token = mona.run("[...document.querySelectorAll('.copyable code')].at(-1).innerText")
    assert clinic_sees(house, token) == promised
    mona.press("Escape")
    mona.see("Can see: Results, Body measurements")
    mona.click(".share-acts button")
    mona.see("Sees nothing now")
    assert clinic_sees(house, token) == 0
    mona.click(".share-acts .strong")
    mona.wait("document.querySelector('.share .state').innerText === 'Can see'")
    assert clinic_sees(house, token) == promised
    mona.click(".share-acts .danger")
    mona.see("cannot be called back")
    mona.click(".share-sure .danger-full")
    mona.see("Past shares (1)")
    assert clinic_sees(house, token) == -401
    show(mona, house, "activity")
    mona.see(f"Harbour Clinic app looked at results · {2 * promised} entries · 2 times")
    mona.see("Allowed by: Harbour Clinic app can see your lab results")


def test_a_share_without_a_name_is_not_made_and_says_why(mona: Page, house: House) -> None:
    show(mona, house, "sharing")
    mona.click("form [type=submit]")
    mona.see("Please say who it is.")
    assert mona.run("document.activeElement.name") == "who"


def test_a_share_takes_three_taps_at_most_beside_the_name(mona: Page, house: House) -> None:
    show(mona, house, "sharing")
    mona.click("input[name=who]")
    mona.type("Three Taps")
    mona.click("form [type=submit]")
    mona.see("Give this key to the clinic")


# -- every eye, every hand ---------------------------------------------------------------------------------------------
def test_everything_can_be_reached_and_done_by_keyboard(mona: Page) -> None:
    mona.run("document.activeElement.blur()")
    mona.tab_to("it.classList.contains('skip')")
    mona.tab_to("it.textContent.trim() === 'Results'")
    mona.press("Enter")
    mona.see("Find a result")
    mona.tab_to("it.classList.contains('result-link')")
    mona.press("Enter")
    mona.see("All values as a table")
    mona.tab_to("it.classList.contains('from')")
    mona.press("Enter")
    mona.see("Where this comes from")
    assert mona.run("document.activeElement.closest('dialog') !== null")
    mona.press("Escape")
    mona.wait("document.activeElement.classList.contains('from')")
    mona.press("Tab", shift=True)
    mona.run("scrollTo(0, 0)")
    mona.tab_to("it.textContent.trim() === 'Sharing'", presses_max=200)
    mona.press("Enter")
    mona.see("Share with someone")
    mona.tab_to("it.name === 'who'", presses_max=200)
    mona.type("By keyboard")
    mona.press("Enter")
    mona.see("Give this key to the clinic")


def test_whatever_has_the_focus_shows_it(mona: Page, house: House) -> None:
    for path in ("", "sharing"):
        show(mona, house, path)
        for _ in range(25):
            mona.press("Tab")
            shown = mona.run(
                """(() => { const it = document.activeElement; if (it === document.body) return true
                const next = it.matches('.choice input') ? it.nextElementSibling : it
                const style = getComputedStyle(next); return parseFloat(style.outlineWidth) >= 2
                && style.outlineStyle !== 'none' })()"""
            )
            assert shown, mona.run("document.activeElement.outerHTML")


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_page_scrolls_sideways(mona: Page, house: House, width: int) -> None:
    mona.screen(width, 740)
    for path in PAGES:
        show(mona, house, path)
        assert mona.run("document.documentElement.scrollWidth - innerWidth") <= 0, path


def test_what_is_pressed_with_a_finger_is_large_enough(mona: Page, house: House) -> None:
    """WCAG 2.2, 2.5.8: at least 24 by 24 CSS pixels, the extended area of the chip included."""
    for path in PAGES:
        show(mona, house, path)
        small = mona.run(
            """[...document.querySelectorAll('button, a, input, summary')]
            .filter(one => one.offsetParent && !one.closest('.skip'))
            .filter(one => { const box = one.getBoundingClientRect(); return box.height < 24 || box.width < 24 })
            .map(one => one.outerHTML)"""
        )
        assert small == [], path


def test_the_dark_is_dark_and_the_light_is_light(mona: Page) -> None:
    brightness = (
        "getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number).reduce((a, b) => a + b)"
    )
    assert mona.run(brightness) > 600
    mona.prefer(prefers_color_scheme="dark")
    assert mona.run(brightness) < 150


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_wcag_1_4_3_every_text_on_every_page_has_contrast(mona: Page, house: House, scheme: str) -> None:
    script = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
    mona.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    for path in PAGES:
        show(mona, house, path)
        assert mona.run(script) == [], path


def test_every_page_has_landmarks_one_heading_and_names_for_all_it_offers(mona: Page, house: House) -> None:
    for path in PAGES:
        show(mona, house, path)
        nodes = [node for node in mona.tree() if not node["ignored"]]
        roles = [node["role"]["value"] for node in nodes]
        assert {"banner", "navigation", "main", "contentinfo"} <= set(roles), path
        assert mona.run("document.querySelectorAll('h1').length") == 1
        acting = {"button", "link", "textbox", "searchbox", "checkbox", "radio", "img", "dialog", "table", "form"}
        nameless = [node["role"]["value"] for node in nodes if node["role"]["value"] in acting and not _name(node)]
        assert nameless == [], path
        assert mona.run("document.documentElement.lang") == "en"
        assert " · mainstem" in mona.run("document.title")


def _name(node: dict[str, Any]) -> str:
    return str(node.get("name", {}).get("value", "")).strip()


def test_headings_leave_no_level_out(mona: Page, house: House) -> None:
    for path in PAGES:
        show(mona, house, path)
        levels = mona.run("[...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]))")
        assert levels[0] == 1, path
        assert all(after - before <= 1 for before, after in pairwise(levels)), path


def test_no_id_is_used_twice(mona: Page, house: House) -> None:
    for path in PAGES:
        show(mona, house, path)
        ids = mona.run("[...document.querySelectorAll('[id]')].map(one => one.id)")
        assert len(ids) == len(set(ids)), path


def test_less_motion_means_none(mona: Page) -> None:
    assert mona.run("document.getAnimations().length") == 0


def test_the_same_page_in_german(mona: Page) -> None:
    mona.click(".languages [lang=de]")
    mona.see("Verlauf")
    mona.wait("document.documentElement.lang === 'de'")
    assert "Timeline" not in mona.run("document.body.innerText")


# -- trouble -----------------------------------------------------------------------------------------------------------
def test_without_a_connection_the_page_says_so_and_keeps_what_it_has(mona: Page) -> None:
    mona.send("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
    mona.click("a[href='/app/sharing']")
    mona.see("There is no connection")
    mona.send("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    mona.click(".problem button")
    mona.see("Share with someone")


def test_an_ended_session_says_how_to_come_back(mona: Page, house: House) -> None:
    mona.send("Network.clearBrowserCookies")
    mona.open(f"{house.context.base_url}/app/")
    mona.see("You are signed out")


def test_the_policy_lets_everything_of_ours_through_and_nothing_else(mona: Page, house: House) -> None:
    for path in PAGES:
        show(mona, house, path)
    assert mona.complaints == []
    blocked = mona.run(
        "new Promise(done => { addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));"
        "const one = document.createElement('script'); one.textContent = 'window.stolen = 1';"
        "document.body.append(one) })"
    )
    assert blocked.startswith("script-src")
    assert mona.run("window.stolen === undefined")


def test_names_from_a_source_are_text_and_never_markup(mona: Page, house: House) -> None:
    from house import about, coded

    evil = "<img src=x onerror=alert(1)><b>Bold</b>"
    house.deliver("harbour-clinic", about("Condition", "evil", code=coded(evil), onsetDateTime="2026-03-29"))
    mona.wait(f"document.querySelector('.stem').innerText.includes({json.dumps(evil)})")
    assert mona.run("document.querySelectorAll('.stem img, .stem b').length") == 0


def test_a_visitor_by_http_sees_the_same_record(mona: Page, house: House) -> None:
    by_http = Visitor(house)
    by_http.get(house.invite("Adair"))
    assert by_http.api("me")["name"] == mona.run("document.querySelector('.who-name').innerText")
