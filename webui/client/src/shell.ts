// SPDX-License-Identifier: BSD-2-Clause
// The second document: shells as tabs, each its own process on the machine.
import "@xterm/xterm/css/xterm.css";
import "./style.css";
import "./shell.css";
import { account, isLeaving } from "./account";
import { Refusal, sessions } from "./api";
import { byId, button, make, say } from "./dom";
import { Shell } from "./terminal";

const SHELLS_MAX = 4; // the machine has no more
const REMEMBERED = "capos.shells"; // numbers of this tab's shells: a reload within 30 seconds finds them again
const MARKS: Record<string, string> = { opening: "…", open: "", lost: "!", ended: "×", taken: "!", refused: "!" };

const tabs = byId("tabs", HTMLDivElement);
const panels = byId("panels", HTMLDivElement);
const message = byId("message", HTMLParagraphElement);
const fresh = byId("new", HTMLButtonElement);
const copy = byId("copy", HTMLButtonElement);
const close = byId("close", HTMLButtonElement);
const messageText = make("span", "");
messageText.setAttribute("role", "status"); // the seconds beside it are not read out
const messageWhen = make("span", "");
const messageAct = button("", "", () => act());
const messageOther = button("Close", "quiet", () => shut());
message.append(messageText, messageWhen, messageAct, messageOther);

interface Tab { shell: Shell; button: HTMLButtonElement }
let all: Tab[] = [];
let current: Tab | undefined;
let made = 0;

function remember(): void {
    const alive = all.filter(({ shell }) => shell.number > 0 && (shell.state === "open" || shell.state === "lost"));
    sessionStorage.setItem(REMEMBERED, JSON.stringify(alive.map(({ shell }) => shell.number)));
}

function remembered(): number[] {
    try {
        const numbers: unknown = JSON.parse(sessionStorage.getItem(REMEMBERED) ?? "[]");
        return Array.isArray(numbers) ? numbers.filter((n): n is number => Number.isInteger(n) && n > 0).slice(0, SHELLS_MAX) : [];
    } catch {
        return [];
    }
}

function sessionOver(): void {
    for (const { shell } of all) shell.close(); // what it showed is not for who comes next
    all = [];
    if (!isLeaving()) location.replace("/#over");
}

/** What the page offers for a shell in its state: words, and a button's. */
function offer(shell: Shell): [string, string] {
    switch (shell.state) {
        case "lost": return ["The connection is gone. The machine keeps the shell for 30 seconds.", "Try now"];
        case "taken": return [shell.words, "Take it back"];
        case "ended": return [shell.words, "New shell"];
        case "refused": return [shell.words, "Try again"];
        case "open": return [shell.words, shell.isPasting() ? "Stop" : ""];
        default: return ["", ""];
    }
}

function act(): void {
    const shell = current?.shell;
    if (!shell) return;
    if (shell.state === "open") shell.stopPaste();
    else if (shell.state !== "ended") shell.again();
    else {
        const at = current as Tab;
        add(0);
        drop(at);
    }
}

function draw(): void {
    for (const tab of all) {
        const mark = MARKS[tab.shell.state] ?? "";
        say(tab.button, mark ? `${tab.shell.title} ${mark}` : tab.shell.title);
        tab.button.dataset["state"] = tab.shell.state;
        const chosen = tab === current;
        tab.button.setAttribute("aria-selected", String(chosen));
        tab.button.tabIndex = chosen ? 0 : -1;
        tab.shell.panel.hidden = !chosen;
    }
    const [words, todo] = current ? offer(current.shell) : ["No shell is open.", ""];
    say(messageText, words);
    const next = current?.shell.nextAttempt() ?? 0;
    say(messageWhen, current?.shell.state !== "lost" ? "" : next > 0 ? `Trying again in ${next} s.` : "Trying again now.");
    say(messageAct, todo);
    messageAct.hidden = todo === "";
    messageOther.hidden = !current || (current.shell.state !== "ended" && current.shell.state !== "refused");
    message.dataset["state"] = current?.shell.state ?? "none";
    message.dataset["foot"] = String(current?.shell.high() ?? false);
    message.hidden = words === "";
    fresh.disabled = all.length >= SHELLS_MAX;
    copy.disabled = !current?.shell.selected();
    close.disabled = !current;
    remember();
}

function choose(tab: Tab | undefined, focus: boolean): void {
    current = tab;
    draw();
    if (focus) tab?.shell.focus();
}

function add(number: number): void {
    made++;
    const shell = new Shell(number, `Shell ${made}`, { changed: draw, sessionOver });
    const tab: Tab = { shell, button: button(shell.title, "tab", () => choose(tab, true)) };
    tab.button.setAttribute("role", "tab");
    tab.button.id = `tab-${made}`;
    shell.panel.id = `panel-${made}`;
    shell.panel.setAttribute("role", "tabpanel");
    shell.panel.setAttribute("aria-labelledby", tab.button.id);
    tab.button.setAttribute("aria-controls", shell.panel.id);
    all.push(tab);
    tabs.append(tab.button);
    panels.append(shell.panel);
    choose(tab, false);
    shell.open();
    shell.focus();
}

/** Its shell ends; the neighbour is shown. */
function drop(tab: Tab): void {
    const at = all.indexOf(tab);
    tab.shell.close();
    tab.button.remove();
    all = all.filter((other) => other !== tab);
    if (current === tab) choose(all[Math.min(at, all.length - 1)], true);
    else draw();
}

function shut(): void {
    if (current) drop(current);
    if (!current) fresh.focus();
}

/** Arrows, Home and End move between tabs, as in any list of tabs. */
function onTabKey(event: KeyboardEvent): void {
    const at = current ? all.indexOf(current) : 0;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || all.length === 0) return;
    event.preventDefault();
    choose(all[to % all.length], false);
    current?.button.focus();
}

function onKey(event: KeyboardEvent): void {
    if (event.key !== "F6" || !current) return;
    event.preventDefault();
    if (panels.contains(document.activeElement)) current.button.focus();
    else current.shell.focus();
}

/** Keys that a telephone does not have. */
function keyBar(): void {
    const keys: [string, string, (shell: Shell) => void][] = [
        ["Tab", "", (shell) => shell.press("\t")], ["Esc", "", (shell) => shell.press("\x1b")],
        ["Ctrl-C", "", (shell) => shell.press("\x03")], ["Ctrl-D", "", (shell) => shell.press("\x04")],
        ["↑", "Arrow up", (shell) => shell.arrow("A")], ["↓", "Arrow down", (shell) => shell.arrow("B")],
        ["←", "Arrow left", (shell) => shell.arrow("D")], ["→", "Arrow right", (shell) => shell.arrow("C")],
    ];
    byId("keys", HTMLDivElement).append(...keys.map(([text, name, press]) => {
        const key = button(text, "quiet", () => { if (current) press(current.shell); });
        if (name) key.setAttribute("aria-label", name);
        return key;
    }));
}

async function begin(): Promise<void> {
    try {
        await sessions();
    } catch (refused) {
        if (!(refused instanceof Refusal)) throw refused;
        if (refused.status === 401) return location.replace("/#shell");
    }
    byId("app", HTMLDivElement).hidden = false;
    account(() => {
        sessionStorage.removeItem(REMEMBERED);
        location.replace("/#out");
        return false;
    });
    keyBar();
    fresh.addEventListener("click", () => add(0));
    copy.addEventListener("click", () => current?.shell.copy());
    close.addEventListener("click", shut);
    tabs.addEventListener("keydown", onTabKey);
    document.addEventListener("keydown", onKey);
    window.setInterval(() => { if (current?.shell.state === "lost") draw(); }, 1000);
    const before = remembered();
    if (before.length === 0) add(0);
    else before.forEach(add);
}

void begin();
