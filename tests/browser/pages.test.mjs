// SPDX-License-Identifier: BSD-2-Clause
// The first document against the stand-in: log-in, overview, sessions; both documents at both widths in both schemes.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SHOTS, bench, closeBrowser, fit, logIn, openBrowser, overview, prompt, shells, type, until } from "./bench.mjs";
import { SECRET } from "./standin.mjs";

before(openBrowser);
after(closeBrowser);

const text = (page, selector) => page.$eval(selector, (element) => element.textContent);
const has = (page, selector, what) => until(`${selector}: ${what}`, async () => (await text(page, selector)).includes(what));

test("a wrong secret, a delay, the right one", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await logIn(page, url, "not this");
    await has(page, "#login-error", "not the secret");
    machine.refuse = [429, { error: "wait", wait_ms: 1500 }];
    await page.fill("#secret", "nor this");
    await page.click("#login-go");
    await has(page, "#login-error", "Try again in 2 s");
    assert.ok(await page.isDisabled("#login-go"), "no attempt that the machine would not take");
    const asked = machine.requests.length;
    await page.keyboard.press("Enter");
    await page.waitForSelector("#login-go:enabled");
    assert.equal(machine.requests.length, asked, "nothing was sent while it waited");
    for (const [word, words] of [["no-verifier", "without a secret"], ["audit", "cannot record"], ["busy", "in a moment"]]) {
        machine.refuse = [503, { error: word }];
        await page.click("#login-go");
        await has(page, "#login-error", words);
    }
    await page.fill("#secret", SECRET);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#health:not(:empty)");
    const kept = await page.evaluate(() => [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage),
        location.href, document.querySelector("#secret").value].join());
    assert.ok(!kept.includes(SECRET) && !kept.includes("capos_remote_session"), kept);
}));

test("the overview shows each figure, follows, and takes text for text", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await overview(page, url);
    const all = await text(page, "#overview");
    for (const figure of ["Simulator", "up 3 h 12 min", "f54691f", machine.overview.machine.nonce, "44 MiB used",
        "10.77.0.2/32", "10.77.0.1", "42:01:0a:4d:00:02", "1,460", "23 h 23 min left", "18,204", "17,991",
        "8 of 12 alive, 3 restarts", "last end: killed"]) {
        assert.ok(all.includes(figure), `${figure} in ${all}`);
    }
    assert.equal(await text(page, "#processes tr:first-child th"), "auditd");
    const asked = machine.requests.length;
    const markup = "<img src=x onerror=\"document.title='owned'\"> & nicd";
    machine.change({ health: { ok: false, text: markup }, network: { ...machine.overview.network, state: "no-card" },
        processes: machine.overview.processes.slice(0, 4)
            .map((one) => one.name === "nicd" ? { ...one, state: "gave-up", starts: 7 } : one) });
    await has(page, "#health", markup);
    assert.equal(await text(page, "#processes tr:first-child"), "nicdgiven uplast end: killed61.3 MiB");
    assert.equal(await page.locator("#processes tr").count(), 4);
    assert.equal(await text(page, "#network"), "");
    assert.match(await page.title(), /^\(!\) Overview/);
    machine.change({ uptime_s: 90_061 });
    await has(page, "#uptime", "up 1 d 1 h");
    assert.equal(machine.requests.length, asked, "nothing is polled");
}));

test("a connection that is gone is said and comes back by itself", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await overview(page, url);
    machine.unreachable = true;
    machine.cut();
    await has(page, "#gone", "The connection to the machine is gone.");
    await has(page, "#gone", "Trying again in");
    await fit(page, "overview without a connection");
    machine.overview.health = { ok: true, text: "Back again." };
    machine.unreachable = false;
    await has(page, "#health", "Back again.");
    assert.ok(await page.isHidden("#gone"));
}));

test("a connection that falls silent is taken for gone", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await page.clock.install();
    await overview(page, url);
    clearInterval(machine.clock);
    await page.clock.runFor(14_000);
    assert.ok(await page.isHidden("#gone"));
    machine.unreachable = true;
    await page.clock.runFor(3000);
    await has(page, "#gone", "The connection to the machine is gone.");
    machine.unreachable = false;
    await page.click("#gone-now");
    await page.waitForSelector("#gone", { state: "hidden" });
}));

test("a page opened while nobody answers comes once somebody does", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await overview(page, url);
    await page.route("**/api/**", (route) => route.abort());
    await page.reload();
    await has(page, "#gone", "Trying again");
    assert.ok(await page.isHidden("#overview"), "nothing is shown that was not heard");
    await page.unroute("**/api/**");
    await page.waitForSelector("#health:not(:empty)");
    assert.equal(machine.sessions.size, 1);
}));

test("a session that is over asks for the secret again and says why", () => bench(async ({ machine, url, person }) => {
    const context = await person();
    const page = await context.newPage();
    await overview(page, url);
    const other = await context.newPage();
    await other.goto(`${url}/shell`);
    await prompt(other);
    machine.endAllSessions();
    await has(page, "#login-note", "Your session is over.");
    assert.ok(await page.isHidden("#app"));
    await has(other, "#login-note", "Your session is over.");
    assert.equal(new URL(other.url()).pathname, "/");
    await other.goto(`${url}/shell`);
    await other.fill("#secret", SECRET);
    await other.keyboard.press("Enter");
    await prompt(other);
}));

test("one's own sessions are listed and ended", () => bench(async ({ url, page: open }) => {
    const here = await open();
    const there = await open();
    await overview(here, url);
    await overview(there, url);
    await here.click("#account");
    await here.waitForSelector("dialog .sessions li:nth-child(2)");
    await has(here, "dialog", "ends after 30 min without use, and after 12 h");
    await fit(here, "sessions");
    await here.screenshot({ path: join(SHOTS, "sessions.png") });
    await here.click("dialog .sessions button");
    await has(there, "#login-note", "Your session is over.");
    await until("one session", async () => await here.locator("dialog .sessions li").count() === 1);
    await here.keyboard.press("Escape");
    await until("no dialog", async () => await here.locator("dialog").count() === 0);
}));

test("a new secret", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await overview(page, url);
    await page.click("#account");
    const attempt = async (old, fresh, again) => {
        await page.fill("#secret-old", old);
        await page.fill("#secret-new", fresh);
        await page.fill("#secret-again", again);
        await page.click("dialog >> text=Change the secret");
    };
    await attempt(SECRET, "a new secret", "another one");
    await has(page, "dialog .error", "differ");
    await attempt("not it", "a new secret", "a new secret");
    await has(page, "dialog .error", "not the secret");
    await attempt(SECRET, SECRET, SECRET);
    await has(page, "dialog .error", "8 to 128 bytes");
    await attempt(SECRET, "a new secret", "a new secret");
    await has(page, "dialog .done", "is changed");
    assert.equal(machine.secret, "a new secret");
    assert.equal(await page.inputValue("#secret-new"), "");
}));

test("logging out ends what the session held", () => bench(async ({ machine, url, page: open }) => {
    const page = await open();
    await shells(page, url);
    assert.equal(machine.shells.size, 1);
    await page.click("#logout");
    await has(page, "#login-note", "You are logged out.");
    assert.deepEqual([machine.sessions.size, machine.shells.size], [0, 0]);
    await page.goBack();
    await page.waitForSelector("#secret:visible");
}));

// Each width and each scheme once; the other two pairs in the deep tier.
for (const width of [360, 1600]) {
    for (const colorScheme of process.env.CAPOS_DEEP === "1" ? ["light", "dark"] : [width === 360 ? "light" : "dark"]) {
        test(`each view at ${width} pixels, ${colorScheme}`, () => bench(async ({ url, page: open }) => {
            const page = await open({ viewport: { width, height: width === 360 ? 740 : 950 }, colorScheme });
            const look = async (name) => {
                await fit(page, name);
                await page.screenshot({ path: join(SHOTS, `${name}-${width}-${colorScheme}.png`), fullPage: true });
            };
            await logIn(page, url, "not this");
            await has(page, "#login-error", "not the secret");
            await look("login");
            await page.fill("#secret", SECRET);
            await page.keyboard.press("Enter");
            await page.waitForSelector("#health:not(:empty)");
            await look("overview");
            await page.click("nav >> text=Shell");
            await prompt(page);
            await type(page, "colours");
            await page.click("#new");
            await prompt(page);
            await type(page, "flood 60");
            await prompt(page);
            await look("shell");
            await type(page, "exit");
            await page.waitForSelector("#message[data-state=ended]");
            await look("shell-ended");
        }));
    }
}
