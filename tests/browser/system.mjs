// SPDX-License-Identifier: BSD-2-Clause
// A person at the real machine: system.mjs URL. The secret comes by standard input. Prints what held, a line each; ends with 0 if
// all did. The machine is whoever started it's (test_system.py).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SHOTS, closeBrowser, fit, newContext, openBrowser, says, screen, type, until } from "./bench.mjs";

const url = process.argv[2];
const secret = readFileSync(0, "utf-8").trim();
const PASTED = Number(process.env.CAPOS_PASTE ?? 65_536);
const PASTE_MS_MAX = 240_000;
const wrong = [];
const step = (what) => console.log(`held: ${what}`);
const text = (page, selector) => page.$eval(selector, (element) => element.textContent);
const has = (page, selector, what) => until(`${selector}: ${what}`, async () => (await text(page, selector)).includes(what));
const ready = async (page) => {
    await page.waitForSelector(".panel:not([hidden]) .xterm-rows");
    await until("a prompt", async () => (await screen(page)).endsWith("capos>"));
};

async function person() {
    const context = await newContext();
    context.on("request", (request) => { if (!request.url().startsWith(url)) wrong.push(`asked ${request.url()}`); });
    context.on("weberror", (error) => wrong.push(String(error.error())));
    context.on("console", (message) => { if (/Content Security Policy/.test(message.text())) wrong.push(message.text()); });
    return context;
}

async function logIn(page, words) {
    await page.goto(url);
    await page.fill("#secret", words);
    await page.keyboard.press("Enter");
}

async function shots(page, name) {
    for (const width of [360, 1600]) {
        await page.setViewportSize({ width, height: 900 });
        await until(`${name} fits ${width} pixels`, () => page.evaluate(() =>
            document.documentElement.scrollWidth <= document.documentElement.clientWidth));
        await fit(page, `${name} at ${width} pixels`);
        await page.screenshot({ path: join(SHOTS, `system-${name}-${width}.png`) });
    }
    await page.setViewportSize({ width: 1000, height: 700 });
}

async function overviewOf(page) {
    await logIn(page, "this is not the secret");
    await has(page, "#login-error", "not the secret");
    await logIn(page, secret);
    await page.waitForSelector("#health:not(:empty)");
    await has(page, "#health", "everything that should run runs");
    step("a wrong secret is refused, the right one leads to the overview");
    const before = await text(page, "#uptime");
    await until("the machine's time goes on", async () => (await text(page, "#uptime")) !== before);
    step("what is shown changes by itself");
    await shots(page, "overview");
}

async function paste(page, bytes) {
    await page.locator(".panel:not([hidden]) textarea").focus();
    await page.evaluate((count) => {
        const data = new DataTransfer();
        data.setData("text/plain", "x".repeat(79).concat("\r").repeat(count / 80));
        document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    }, bytes);
}

async function shellOf(context) {
    const page = await context.newPage();
    await page.goto(`${url}shell`);
    await ready(page);
    await type(page, "services");
    await says(page, "shell-web-1             runs");
    step("a shell of its own answers what is typed");
    await page.setViewportSize({ width: 700, height: 500 });
    await type(page, "usage");
    await says(page, "devices claimed");
    step("its terminal follows the window");
    const began = performance.now();
    await paste(page, PASTED);
    await says(page, "no such");
    await page.waitForSelector("#message", { state: "hidden", timeout: PASTE_MS_MAX });
    await type(page, "sockets");
    await says(page, "8080  listens");
    step(`${PASTED} bytes pasted, and the next line answered`);
    console.log(`figure: ${PASTED / 1024} KiB pasted and answered in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    await paste(page, 1 << 20);
    await page.waitForSelector("#message >> text=Stop");
    await page.keyboard.press("Control+c");
    await until("no more of the paste", async () => (await screen(page)).endsWith("^C\ncapos>"));
    await type(page, "dhcp");
    await says(page, "seconds left");
    step("a ^C ends a paste of 1 MB, and the next line is answered");
    await shots(page, "shell");
    return page;
}

async function recovery(overview, shell) {
    await type(shell, "kill nicd");
    await until("the driver's second life", async () => /nicd.*\b2\b/.test(await text(overview, "#processes")));
    await until("the shell is back", async () => { await type(shell, ""); return (await screen(shell)).endsWith("capos>"); });
    step("the network card's driver is killed, and both pages come back by themselves");
}

await openBrowser();
try {
    const context = await person();
    const overview = await context.newPage();
    await overviewOf(overview);
    const shell = await shellOf(context);
    await recovery(overview, shell);
    const other = await (await person()).newPage();
    await other.goto(url);
    await other.waitForSelector("#secret");
    step("another person is asked for the secret");
    await overview.click("text=Log out");
    await overview.waitForSelector("#secret");
    await until("the shell's end", async () => !(await shell.$(".panel:not([hidden]) .xterm-rows")) || (await shell.$("#secret")));
    step("logging out ends the shell");
    assert.deepEqual(wrong, []);
    step("nothing was asked of anybody else, and no policy was broken");
} finally {
    await closeBrowser();
}
