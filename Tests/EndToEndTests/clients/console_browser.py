# SPDX-License-Identifier: Apache-2.0
"""Walks the console in headless Chromium, as a person would: console_browser.py URL FOLDER.

Ends with a sentence and status 1 at the first thing that is not as it should be. Whatever the browser complains of (a script error, a
violation of the content security policy) counts.
"""
import pathlib
import shutil
import sys

from playwright.sync_api import expect, sync_playwright

base, folder = sys.argv[1], sys.argv[2]
complaints = []
accessibility = pathlib.Path(__file__).with_name("accessibility.js").read_text()
accessibility = accessibility[accessibility.index("() =>"):]
pages = ["/", "/incidents", "/approvals", "/orders", "/recordings", "/detectors", "/deliveries", "/silences", "/evidence", "/health",
         "/identities", "/tokens", "/report", "/nowhere", "/identities/ana%40example.com"]


def note(message):
    # That a page is not there, or for others, is the browser's error too.
    if message.type in ("error", "warning") and not message.location["url"].endswith(("/nowhere", "/tokens")):
        complaints.append(f"{message.text} {message.location}")


def watch(page):
    page.on("console", note)
    page.on("pageerror", lambda e: complaints.append(str(e)))


def look(page, path):
    """Everybody can read a page and use it."""
    faults = page.evaluate(accessibility)
    assert not faults, f"{path}: {'; '.join(faults)}"


def login(browser, name, path="/", **options):
    context = browser.new_context(**options)
    page = context.new_page()
    watch(page)
    page.goto(base + path)
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(base + path)
    return page


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    page = login(browser, "Cleo", "/incidents")

    # An incident, and the identity behind it.
    page.get_by_role("link", name="Bulk pull of vectors").first.click()
    expect(page.locator("h1")).to_contain_text("Bulk pull of vectors")
    assert not page.evaluate("window.attacked"), "a script of the attacker ran"
    page.get_by_label("Comment").fill("asked <b>ana</b>")
    page.get_by_role("button", name="Add comment").click()
    expect(page.get_by_role("status").first).to_have_text("Comment added.")
    expect(page.locator(".timeline")).to_contain_text("asked <b>ana</b>")
    look(page, "an incident")
    page.pdf(path=folder + "/incident.pdf")
    page.locator("main .head a.id").first.click()
    expect(page.locator("h1")).to_have_text("ana@example.com")
    expect(page.get_by_text("Risk over time", exact=False).or_(page.locator("#risk"))).not_to_have_count(0)

    # A request that waits at the gateway. The page hears of it by itself.
    page.goto(base + "/approvals")
    waiting = page.locator("#pending article").filter(has_text="ben@example.com")
    expect(waiting).to_have_count(1, timeout=30000)
    waiting.get_by_label("Reason").fill("quarterly review")
    waiting.get_by_role("button", name="Approve once").click()
    expect(page.get_by_role("status").first).to_have_text("Approved.")

    # An order, lifted.
    page.goto(base + "/orders")
    order = page.locator("#force article").filter(has_text="eve@example.com")
    expect(order).to_have_count(1, timeout=30000)
    order.get_by_text("Lift…").click()
    order.get_by_label("Reason").fill("a mistake")
    order.get_by_role("button", name="Lift").click()
    expect(page.locator("#force article").filter(has_text="eve@example.com")).to_have_count(0)

    # A recorded session, played.
    page.goto(base + "/recordings?identity=ana%40example.com")
    page.get_by_role("link", name="ana-1").first.click()
    expect(page.locator(".steps > li")).not_to_have_count(0)
    page.get_by_label("Speed").select_option("600")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".steps > li").last).to_be_visible(timeout=30000)
    page.locator(".steps summary").first.click()
    expect(page.locator(".steps pre").first).to_be_visible()
    look(page, "a session")

    # The week's report, printed.
    page.goto(base + "/report")
    expect(page.locator(".report")).to_be_visible()
    page.pdf(path=folder + "/report.pdf")
    with open(folder + "/report.pdf", "rb") as printed:
        assert printed.read(5) == b"%PDF-", "the report was not printed"

    # In the light, on a desk, for everybody; opened, as what is folded has texts too. A fault that is made is found.
    for path in pages:
        page.goto(base + path)
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
        look(page, path)
    page.evaluate("document.querySelector('main h1').style.color = '#aaa'")
    assert page.evaluate(accessibility), "grey on grey was not found"

    # Keys.
    page.goto(base + "/incidents")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("tbody tr.at")).to_have_count(1)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search", "/ does not lead to the search"

    # On a phone, in the dark, nothing is wider than the screen.
    phone = login(browser, "Vera", viewport={"width": 390, "height": 844}, color_scheme="dark")
    for path in pages:
        phone.goto(base + path)
        look(phone, path)
        wider = phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{path} is {wider} pixels wider than a phone"
    # A viewer finds no button for what a viewer may not do.
    phone.goto(base + "/approvals")
    expect(phone.get_by_role("button", name="Approve once")).to_have_count(0)

    # Without a script everything is there too.
    plain = login(browser, "Cleo", "/incidents", java_script_enabled=False)
    plain.get_by_role("link", name="Bulk pull of vectors").first.click()
    plain.get_by_text("Disposition", exact=True).click()
    plain.get_by_label("benign").check()
    plain.get_by_label("Reason").first.fill("a planned export")
    plain.get_by_role("button", name="Record").click()
    expect(plain.get_by_role("status").first).to_have_text("Disposition recorded.")
    plain.get_by_role("button", name="Log out").click()
    expect(plain.locator("h1")).to_have_text("You are logged out")
    plain.goto(base + "/incidents")
    expect(plain.locator("h1")).to_have_text("Who are you?")
    browser.close()

if complaints:
    sys.exit("the browser complains: " + "; ".join(complaints))
print("walked")
