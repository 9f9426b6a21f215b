// SPDX-License-Identifier: BSD-2-Clause
// Two people at the real machine in the simulator, and what ends their sessions: people.mjs URL PID. The secret comes by standard
// input; PID is the simulator's, which moves its clock on by more than half an hour at SIGUSR1. Prints what held and what was
// measured, a line each; ends with 0 if all held. The machine is whoever started it's (test_system.py).
import { readFileSync } from "node:fs";
import { closeBrowser, logIn, newContext, openBrowser, says, screen, type, until } from "./bench.mjs";

const [url, pid] = process.argv.slice(2);
const secret = readFileSync(0, "utf-8").trim();
const SECOND_SECRET = "another one, and longer";
const step = (what) => console.log(`held: ${what}`);
const text = (page, selector) => page.$eval(selector, (element) => element.textContent);
const has = (page, selector, what) => until(`${selector}: ${what}`, async () => (await text(page, selector)).includes(what));
const overview = (page) => page.waitForSelector("#overview:not([hidden]) #health:not(:empty)");

/** Tries a secret in the form that is shown, once the machine takes an attempt. */
async function attempt(page, words) {
    await page.waitForSelector("#login-go:enabled");
    await page.fill("#secret", words);
    await page.keyboard.press("Enter");
}

async function shellOf(context) {
    const page = await context.newPage();
    const ended = new Promise((done) => { page.on("websocket", (ws) => ws.on("close", () => done(performance.now()))); });
    await page.goto(`${url}shell`);
    await page.waitForSelector(".panel:not([hidden]) .xterm-rows");
    await until("a prompt", async () => (await screen(page)).endsWith("capos>"));
    return { page, ended };
}

/** Wrong ones until the machine makes `page` wait, and after that once more: the seconds of both. */
async function lockedOut(page) {
    const waits = [];
    for (let wrong = 0; waits.length < 2 && wrong < 20; wrong++) {
        await attempt(page, `wrong number ${wrong}`);
        await until("a refusal", async () => /not the secret|Try again in/.test(await text(page, "#login-error")));
        const seconds = /Try again in (\d+) s/.exec(await text(page, "#login-error"));
        if (!seconds) continue;
        waits.push(Number(seconds[1]));
        await page.waitForSelector("#login-go:disabled");
    }
    return waits;
}

async function others(mine, shell, other) {
    await other.goto(url);
    await other.waitForSelector("#secret");
    const waits = await lockedOut(other);
    if (waits.length !== 2 || waits[1] <= waits[0]) throw new Error(`it made wait ${waits} seconds`);
    step("who is wrong again and again waits, and then longer");
    const before = await text(mine, "#uptime");
    await until("the machine's time goes on", async () => (await text(mine, "#uptime")) !== before);
    await type(shell, "usage");
    await says(shell, "devices claimed");
    step("who is logged in notices nothing of it");
    await attempt(other, secret);
    await overview(other);
    step("the right one is taken when the time is over");
}

async function changed(mine, other) {
    await mine.click("#account");
    await mine.fill("#secret-old", secret);
    await mine.fill("#secret-new", SECOND_SECRET);
    await mine.fill("#secret-again", SECOND_SECRET);
    await mine.click("text=Change the secret");
    await has(mine, "dialog .done", "Other sessions have ended");
    await mine.click("dialog >> text=Done");
    await has(other, "#login-note", "Your session is over");
    await attempt(other, secret);
    await has(other, "#login-error", "not the secret");
    await attempt(other, SECOND_SECRET);
    await overview(other);
    step("a new secret ends other sessions, and the old one is none any more");
}

async function loggedOut(context, other) {
    const { ended, page } = await shellOf(context);
    const answered = other.waitForResponse((response) => response.url().endsWith("/api/logout"));
    const at = performance.now();
    await other.click("#logout");
    const status = (await answered).status();
    const cut = (await ended) - at;
    if (status !== 204) throw new Error(`the log-out was answered ${status}`);
    await page.waitForSelector("#secret");
    console.log(`figure: a log-out cut the shell's socket ${cut.toFixed(1)} ms after the click`);
    step("a log-out ends the shell in another window");
}

async function expired(mine, shell) {
    process.kill(Number(pid), "SIGUSR1");
    await has(mine, "#login-note", "Your session is over");
    await shell.waitForSelector("#secret");
    step("half an hour without use ends a session, and both pages say so");
    await attempt(mine, SECOND_SECRET);
    await overview(mine);
    step("and one can log in again");
}

await openBrowser();
try {
    const [one, two] = [await newContext(), await newContext()];
    const [mine, other] = [await one.newPage(), await two.newPage()];
    await logIn(mine, url, secret, "");
    await overview(mine);
    const { page: shell } = await shellOf(one);
    await others(mine, shell, other);
    await changed(mine, other);
    await loggedOut(two, other);
    await expired(mine, shell);
} finally {
    await closeBrowser();
}
