// SPDX-License-Identifier: BSD-2-Clause
// The first document: log in, then the overview.
import "./style.css";
import { account, isLeaving } from "./account";
import { Refusal, sessions } from "./api";
import { byId, say } from "./dom";
import { roughly } from "./format";
import { Live } from "./live";
import { onLogin, showLogin } from "./login";
import { showOverview } from "./overview";

const app = byId("app", HTMLDivElement);
const gone = byId("gone", HTMLDivElement);
const overview = byId("overview", HTMLElement);
const WHY: Record<string, string> = { "#over": "Your session is over. Log in again.", "#out": "You are logged out." };

const live = new Live({
    show(said) {
        gone.hidden = true;
        say(byId("gone-what", HTMLElement), ""); // said again when it is gone again
        overview.classList.remove("stale");
        showOverview(said);
        overview.hidden = false;
        app.hidden = false;
    },
    gone(heard, next) {
        const age = overview.hidden ? "" : `What is shown is ${heard < 60 ? `${Math.round(heard)} s` : roughly(heard)} old. `;
        say(byId("gone-what", HTMLElement), "The connection to the machine is gone.");
        say(byId("gone-text", HTMLSpanElement), age + (next > 0 ? `Trying again in ${next} s.` : "Trying again now."));
        gone.hidden = false;
        overview.classList.add("stale");
        app.hidden = false;
    },
    over: () => { if (!isLeaving()) leave("#over"); },
});

function leave(why: string): void {
    live.stop();
    app.hidden = true;
    gone.hidden = true;
    showLogin(WHY[why] ?? "");
}

async function begin(): Promise<void> {
    const why = WHY[location.hash] ?? "";
    const toShell = location.hash === "#shell";
    if (location.hash) history.replaceState(null, "", "/");
    onLogin(() => toShell ? location.assign("/shell") : live.start());
    account(() => {
        leave("#out");
        return true;
    });
    byId("gone-now", HTMLButtonElement).addEventListener("click", () => live.tryNow());
    try {
        await sessions();
    } catch (refused) {
        if (!(refused instanceof Refusal)) throw refused;
        if (refused.status === 401) return showLogin(why);
    }
    live.start();
}

void begin();
