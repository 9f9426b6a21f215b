// SPDX-License-Identifier: BSD-2-Clause
// The log-in view of the first document.
import { byId, say, sayOrHide } from "./dom";
import { Refusal, inWords, login } from "./api";

const view = byId("login", HTMLDivElement);
const form = byId("login-form", HTMLFormElement);
const secret = byId("secret", HTMLInputElement);
const show = byId("secret-show", HTMLButtonElement);
const go = byId("login-go", HTMLButtonElement);
const error = byId("login-error", HTMLParagraphElement);
const note = byId("login-note", HTMLParagraphElement);
let waiting = 0; // the timer of a delay that is being counted down

function unveil(shown: boolean): void {
    secret.type = shown ? "text" : "password";
    show.setAttribute("aria-pressed", String(shown));
    say(show, shown ? "Hide" : "Show");
}

function ready(): void {
    go.disabled = false;
    say(go, "Log in");
}

/** No attempt before the machine would take one. */
function countDown(until: number): void {
    window.clearTimeout(waiting);
    const left = Math.ceil((until - performance.now()) / 1000);
    if (left <= 0) {
        say(error, "");
        return ready();
    }
    go.disabled = true;
    say(go, `Log in (in ${left} s)`);
    waiting = window.setTimeout(countDown, 250, until);
}

async function attempt(done: () => void): Promise<void> {
    const typed = secret.value;
    go.disabled = true;
    say(go, "Checking…");
    say(error, "");
    try {
        await login(typed);
        secret.value = "";
        unveil(false);
        ready();
        view.hidden = true;
        done();
    } catch (refused) {
        ready();
        say(error, inWords(refused));
        if (refused instanceof Refusal && refused.waitMs > 0) countDown(performance.now() + refused.waitMs);
        secret.focus();
        secret.select();
    }
}

/** Shows the view; `why` says what led here. */
export function showLogin(why: string): void {
    sayOrHide(note, why);
    view.hidden = false;
    document.title = "Log in – capos";
    secret.focus();
}

/** `done` is called after each log-in. */
export function onLogin(done: () => void): void {
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (!go.disabled) void attempt(done);
    });
    show.addEventListener("click", () => {
        unveil(secret.type === "password");
        secret.focus();
    });
}
