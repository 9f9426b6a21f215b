// SPDX-License-Identifier: BSD-2-Clause
// What the tests of the pages share: one browser, a stand-in for each test, and what no page may do at any time.
//     CAPOS_CLIENT: the built client     CAPOS_BROWSER_MODULES: the folder with node_modules     CAPOS_SHOTS: for screenshots
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SECRET, StandIn, modulesOf } from "./standin.mjs";

const modules = modulesOf(process.env.CAPOS_BROWSER_MODULES);
const { chromium } = modules("playwright-core");
const { WebSocketServer } = modules("ws");
const AXE = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf-8");
export const SHOTS = process.env.CAPOS_SHOTS;
mkdirSync(SHOTS, { recursive: true });

let browser;
export async function openBrowser() {
    browser = await chromium.launch({ executablePath: process.env.CAPOS_CHROMIUM ?? "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
}
export const closeBrowser = () => browser.close();

/** Somebody's own: cookies, storage, pages. */
export async function newContext(options = {}) {
    const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
    context.setDefaultTimeout(30_000);
    return context;
}

/** Runs `act` with a stand-in and a way to open pages on it; afterwards no page has done what none may do. */
export async function bench(act) {
    const machine = new StandIn(process.env.CAPOS_CLIENT, { WebSocketServer });
    const url = `http://127.0.0.1:${await machine.listen()}`;
    const contexts = [];
    const wrong = [];
    const person = async (options = {}) => {
        const context = await newContext(options);
        contexts.push(context);
        context.on("request", (request) => { if (!request.url().startsWith(url)) wrong.push(`asked ${request.url()}`); });
        context.on("weberror", (error) => wrong.push(String(error.error())));
        context.on("console", (message) => { if (/Content Security Policy/.test(message.text())) wrong.push(message.text()); });
        return context;
    };
    try {
        await act({ machine, url, person, page: async (options) => (await person(options)).newPage() });
    } finally {
        for (const context of contexts) await context.close();
        await machine.close();
    }
    assert.deepEqual(wrong, []);
}

export async function logIn(page, url, secret = SECRET, path = "/") {
    await page.goto(url + path);
    await page.fill("#secret", secret);
    await page.keyboard.press("Enter");
}

export async function overview(page, url) {
    await logIn(page, url);
    await page.waitForSelector("#health:not(:empty)");
}

export async function shells(page, url) {
    await overview(page, url);
    await page.click("nav >> text=Shell");
    await prompt(page);
}

/** The text of the shell that is shown. */
export const screen = (page) => page.$eval(".panel:not([hidden]) .xterm-rows", (rows) =>
    [...rows.children].map((row) => row.textContent.replaceAll("\u00a0", " ").trimEnd()).join("\n").trimEnd());

export async function until(what, holds) {
    for (let left = 1200; left > 0; left--) { // thirty seconds, for a machine that does other things too
        if (await holds()) return;
        await new Promise((done) => { setTimeout(done, 25); });
    }
    assert.fail(`did not come: ${what}`);
}

export async function says(page, text) {
    try {
        await until(text, async () => (await screen(page)).includes(text));
    } catch (error) {
        assert.fail(`${error.message}\n${await screen(page)}`);
    }
}

export const prompt = async (page) => {
    await page.waitForSelector(".panel:not([hidden]) .xterm-rows");
    await until("a prompt", async () => (await screen(page)).endsWith("$"));
};

/** Types a line at a prompt. */
export async function type(page, line) {
    await page.locator(".panel:not([hidden]) textarea").focus();
    await page.keyboard.type(line);
    await page.keyboard.press("Enter");
}

/** No finding of axe-core that is serious, and nothing wider than the window. */
export async function fit(page, what) {
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wider <= 0, `${what}: ${wider} pixels wider than the window`);
    await page.evaluate(`${AXE}; 0`);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const found = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    assert.deepEqual(found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), [], what);
}
