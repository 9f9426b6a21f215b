// SPDX-License-Identifier: BSD-2-Clause
// What both documents have: log out, and a dialog with one's own sessions and a new secret.
import { byId, button, make, say } from "./dom";
import { Refusal, type Session, changeSecret, endSession, inWords, logout, sessions } from "./api";
import { roughly } from "./format";

function sessionLine(session: Session, again: () => void, failed: (text: string) => void): HTMLLIElement {
    const text = make("div", "", make("strong", "", session.current ? "This browser" : "Another browser"),
        make("span", "dim", session.current ? `logged in for ${roughly(session.age_s)}`
            : `logged in for ${roughly(session.age_s)}, idle for ${roughly(session.idle_s)}`));
    const line = make("li", "", text);
    if (!session.current) {
        const end = button("End", "", () => {
            end.disabled = true;
            endSession(session.id).then(again, (refused: unknown) => failed(inWords(refused)));
        });
        end.setAttribute("aria-label", `End the session of another browser, ${roughly(session.age_s)} old`);
        line.append(end);
    }
    return line;
}

function field(id: string, text: string, autocomplete: "current-password" | "new-password"): [HTMLLabelElement, HTMLInputElement] {
    const label = make("label", "", text);
    const input = make("input", "");
    label.htmlFor = input.id = id;
    input.type = "password";
    input.autocomplete = autocomplete;
    input.required = true;
    input.maxLength = 128;
    if (autocomplete === "new-password") input.minLength = 8;
    return [label, input];
}

function secretForm(changed: () => void): HTMLFormElement {
    const [oldLabel, old] = field("secret-old", "Secret now", "current-password");
    const [newLabel, fresh] = field("secret-new", "New secret", "new-password");
    const [againLabel, again] = field("secret-again", "New secret, again", "new-password");
    const said = make("p", "error");
    said.setAttribute("role", "alert");
    const go = make("button", "main", "Change the secret");
    go.type = "submit";
    const user = make("input", "");
    user.type = "text";
    user.autocomplete = "username";
    user.value = "operator";
    user.hidden = true;
    const form = make("form", "", user, oldLabel, old, newLabel, fresh, againLabel, again, said, go);
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (fresh.value !== again.value) return say(said, "The two new secrets differ.");
        go.disabled = true;
        say(said, "");
        changeSecret(old.value, fresh.value).then(() => {
            form.reset();
            changed();
        }, (refused: unknown) => say(said, inWords(refused))).finally(() => { go.disabled = false; });
    });
    return form;
}

function openDialog(): void {
    const said = make("p", "done");
    said.setAttribute("role", "status");
    const list = make("ul", "sessions");
    const limits = make("p", "hint");
    const fill = (): void => {
        sessions().then((all) => {
            list.replaceChildren(...all.sessions.map((session) => sessionLine(session, fill, (text) => say(said, text))));
            say(limits,
                `A session ends after ${roughly(all.idle_s)} without use, and after ${roughly(all.absolute_s)} in any case.`);
        }, (refused: unknown) => say(said, inWords(refused)));
    };
    const title = make("h2", "", "Sessions");
    title.id = "dialog-title";
    const dialog = make("dialog", "", make("div", "head", title, button("Done", "quiet", () => dialog.close())), said, list, limits,
        make("h3", "", "Secret"),
        make("p", "hint", "A new secret holds until the machine is switched off. Other sessions end."),
        secretForm(() => {
            say(said, "The secret is changed. Other sessions have ended.");
            fill();
        }));
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    fill();
    dialog.showModal();
}

let leaving = false;

/** A log-out is under way, or the page is being left by one: its sockets are cut, which is no news. */
export function isLeaving(): boolean {
    return leaving;
}

/** `left` is called once the session is ended, and says whether this page stays for another one. */
export function account(left: () => boolean): void {
    byId("account", HTMLButtonElement).addEventListener("click", openDialog);
    const out = byId("logout", HTMLButtonElement);
    out.addEventListener("click", () => {
        out.disabled = leaving = true;
        // A refusal means that the session is over already; without an answer it is not ended, and the page must not say so.
        logout().catch((refused: unknown) => {
            if (!(refused instanceof Refusal) || refused.status !== 401) throw refused;
        }).then(() => {
            say(out, "Log out");
            return left();
        }, () => {
            say(out, "Log out (again)");
            return true;
        }).then((stays) => {
            if (stays) out.disabled = leaving = false;
        });
    });
}
