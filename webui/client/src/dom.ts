// SPDX-License-Identifier: BSD-2-Clause
// Elements. Whatever comes from the machine becomes text, never markup.

/** The element of that id, of that kind: the documents and these sources are one program. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
    const found = document.getElementById(id);
    if (!(found instanceof kind)) throw new Error(`the document has no ${kind.name} "${id}"`);
    return found;
}

export function make<K extends keyof HTMLElementTagNameMap>(
    tag: K, look: string, ...inside: (Node | string)[]): HTMLElementTagNameMap[K] {
    const made = document.createElement(tag);
    if (look) made.className = look;
    made.append(...inside);
    return made;
}

export function button(text: string, look: string, act: () => void): HTMLButtonElement {
    const made = make("button", look, text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
}

/** Sets text only where it differs: a selection on the page survives an update that changes nothing. */
export function say(where: HTMLElement, text: string): void {
    if (where.textContent !== text) where.textContent = text;
}

/** Text, or no element at all. */
export function sayOrHide(where: HTMLElement, text: string): void {
    say(where, text);
    where.hidden = text === "";
}
