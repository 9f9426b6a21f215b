// SPDX-License-Identifier: BSD-2-Clause
// The second document against the stand-in: typing, several shells, a paste of 1 MB, lost sockets, what output may not do, the
// keyboard.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { bench, closeBrowser, openBrowser, overview, prompt, says, screen, shells, type, until } from "./bench.mjs";

before(openBrowser);
after(closeBrowser);

const PASTE_BYTES = 1_000_000;
const notice = (page, state) => page.waitForSelector(`#message[data-state=${state}]:not([hidden])`);

test("what is typed arrives, what is said is shown, and the size is told", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await shells(page, url);
    await type(page, "echo grüße, 世界");
    await says(page, "\ngrüße, 世界\n$");
    const [columns, rows] = machine.shells.get(1).size;
    assert.ok(columns > 80 && rows > 25, `${columns}x${rows}`);
    await page.setViewportSize({ width: 500, height: 500 });
    await until("a smaller size", () => machine.shells.get(1).size[0] < columns && machine.shells.get(1).size[1] < rows);
    await type(page, "flood 100");
    await says(page, "line 100\n$");
    for (let pages = 8; pages > 0; pages--) await page.keyboard.press("Shift+PageUp"); // scrollback
    await says(page, "line 1\nline 2");
}));

test("several shells, each its own; a close ends one", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await shells(page, url);
    await type(page, "echo first");
    for (const word of ["second", "third", "fourth"]) {
        await page.click("#new");
        await prompt(page);
        await type(page, `echo ${word}`);
        await says(page, `\n${word}\n$`);
    }
    assert.ok(await page.isDisabled("#new"), "the machine has four");
    assert.equal(machine.shells.size, 4);
    assert.ok(!(await screen(page)).includes("first"));
    await page.click("text=Shell 1");
    await says(page, "\nfirst\n$");
    await page.click("#close");
    await until("three shells", () => machine.shells.size === 3 && !machine.shells.has(1));
    await says(page, "\nsecond\n$");
    await type(page, "exit");
    await notice(page, "ended");
    assert.match(await page.textContent("#message"), /The shell ended: logged out/);
    await page.click("#message >> text=New shell");
    await prompt(page);
    assert.deepEqual([...machine.shells.keys()].sort(), [1, 3, 4]);
}));

test("all four in use elsewhere is said", () => bench(async ({ url, page: open }) => {
    const one = await open();
    await shells(one, url);
    for (let more = 3; more > 0; more--) {
        await one.click("#new");
        await prompt(one);
    }
    const two = await open();
    await overview(two, url);
    await two.click("nav >> text=Shell");
    await notice(two, "refused");
    assert.match(await two.textContent("#message"), /All four shells are in use/);
    await one.click("#close");
    await two.click("#message >> text=Try again");
    await prompt(two);
}));

test("a token that another window's log-in replaced is replaced here too", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await shells(page, url);
    for (const session of machine.sessions.values()) session.csrf = "another";
    await page.click("#new");
    await prompt(page);
    assert.equal(machine.shells.size, 2);
}));

const paste = (page) => page.evaluate((bytes) => {
    const data = new DataTransfer();
    data.setData("text/plain", "0123456789".repeat(bytes / 10));
    document.querySelector(".panel:not([hidden]) textarea")
        .dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
}, PASTE_BYTES);

test("a ^C gets past a paste that waits; what was not sent of it never is", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await shells(page, url);
    await type(page, "wait");
    const before = machine.shells.get(1).came;
    await paste(page);
    await page.waitForSelector("#message >> text=Stop");
    await page.keyboard.press("Control+c");
    await says(page, "^C\n$");
    await page.waitForSelector("#message", { state: "hidden" });
    const came = machine.shells.get(1).came - before;
    assert.ok(came > 4096 && came <= 16_384, `${came} bytes came`); // webd's room
    await type(page, "echo after");
    await says(page, "$ echo after\nafter\n$");
}));

test("a size that no terminal has is not asked for", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await shells(page, url);
    const size = (what, holds) => until(what, () => holds(...machine.shells.get(1).size));
    await page.setViewportSize({ width: 120, height: 700 });
    await size("20 columns, not 13", (columns) => columns === 20);
    for (let height = 500; height > 100; height -= 20) { // until there is no room for a row
        await page.setViewportSize({ width: 600, height });
        await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
    }
    await size("4 rows, not 1", (_, rows) => rows === 4);
    await page.setViewportSize({ width: 5200, height: 6200 });
    await size("500 columns and 300 rows", (columns, rows) => columns === 500 && rows === 300);
}));

test("a paste of 1 MB arrives whole", () => bench(async ({ url, page: open }) => {
    const page = await open();
    await shells(page, url);
    await type(page, "count");
    await paste(page);
    await page.waitForSelector("#message >> text=Stop");
    await page.waitForSelector("#message", { state: "hidden", timeout: 120_000 });
    await page.keyboard.press("Control+d");
    await says(page, `${PASTE_BYTES} bytes`);
}));

test("a lost socket is said and comes back onto the same shell", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await shells(page, url);
    await page.keyboard.type("echo be");
    await says(page, "$ echo be");
    const shell = machine.shells.get(1);
    machine.unreachable = true;
    machine.cut();
    await notice(page, "lost");
    await page.keyboard.type("LOST"); // typed into nothing: it is not kept for later
    machine.unreachable = false;
    await page.click("#message >> text=Try now").catch(() => undefined); // unless it came back by itself just now
    await page.waitForSelector("#message", { state: "hidden" });
    await type(page, "fore");
    await says(page, "\nbefore\n$");
    assert.equal(machine.shells.get(1), shell);
    machine.unreachable = true;
    machine.cut();
    await notice(page, "lost");
    shell.ended(); // 30 seconds are over
    machine.unreachable = false;
    await notice(page, "ended");
    assert.match(await page.textContent("#message"), /ended while it had no connection/);
}));

test("a reload finds the shells again; another window takes one", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await shells(page, url);
    await page.click("#new");
    await prompt(page);
    await page.reload();
    await until("two shells with sockets",
        () => machine.shells.size === 2 && [...machine.shells.values()].every((shell) => shell.socket));
    assert.equal(await page.locator(".tab").count(), 2);
    const other = await page.context().newPage();
    await other.goto(url);
    await other.evaluate(() => sessionStorage.setItem("capos.shells", "[2]"));
    await other.goto(`${url}/shell`);
    await notice(page, "taken");
    await page.click("#message >> text=Take it back");
    await notice(other, "taken");
    await type(page, "echo mine");
    await says(page, "mine");
    assert.equal(machine.shells.size, 2);
    for (const shell of [...machine.shells.values()]) { // longer than 30 seconds away: a new one, without a word
        shell.ended();
    }
    await page.reload();
    await prompt(page);
}));

test("output sets no title, no clipboard, no link, and asks nothing", () => bench(async ({ machine, url, person }) => {
    const context = await person();
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await context.newPage();
    await shells(page, url);
    await page.evaluate(() => navigator.clipboard.writeText("before"));
    await type(page, "hostile");
    const typed = machine.shells.get(1).received;
    await says(page, "link after");
    await type(page, "echo done");
    await says(page, "\ndone\n$");
    assert.equal(machine.shells.get(1).received, typed + "echo done\r".length, "nothing was answered");
    assert.equal(await page.title(), "Shell – capos");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "before");
    assert.equal(await page.locator(".xterm-rows a, .xterm-underline-5").count(), 0);
}));

test("the keyboard alone: out of a terminal, between tabs, copy", () => bench(async ({ url, person }) => {
    const context = await person();
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await context.newPage();
    await shells(page, url);
    await page.click("#new");
    await prompt(page);
    const at = () => page.evaluate(() => document.activeElement.id || document.activeElement.tagName);
    await page.keyboard.press("F6");
    assert.equal(await at(), "tab-2");
    await page.keyboard.press("ArrowRight");
    assert.equal(await at(), "tab-1");
    assert.ok(await page.isVisible("#panel-1") && await page.isHidden("#panel-2"));
    await page.keyboard.press("F6");
    assert.equal(await at(), "TEXTAREA");
    await page.keyboard.type("echo copied");
    await page.keyboard.press("Enter");
    await says(page, "\ncopied\n$");
    const row = await page.locator(".panel:not([hidden]) .xterm-rows > div:nth-child(3)").boundingBox();
    await page.mouse.dblclick(row.x + 12, row.y + row.height / 2);
    await page.waitForSelector("#copy:enabled");
    await page.keyboard.press("Control+Shift+C");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "copied");
    await page.keyboard.press("Control+Shift+V");
    await says(page, "$ copied");
}));
