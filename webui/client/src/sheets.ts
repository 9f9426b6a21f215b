// SPDX-License-Identifier: BSD-2-Clause
// xterm.js writes style sheets into <style> elements and colours of single cells into style attributes: both are what a policy
// without 'unsafe-inline' refuses. The terminal gets constructed style sheets instead, and spans take such an attribute through
// their style object. Both ways are open under `style-src 'self'`: no text is parsed as a document's style
// that did not come from this program.

/** Looks like a style element to who sets its text and removes it; is an empty, hidden element. */
function constructed(createElement: Document["createElement"]): HTMLElement {
    const sheet = new CSSStyleSheet();
    const stand = createElement.call(document, "span");
    stand.hidden = true;
    Object.defineProperty(stand, "textContent", {
        get: () => "",
        set: (text: string) => { sheet.replaceSync(text); },
    });
    stand.remove = () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
        Element.prototype.remove.call(stand);
    };
    document.adoptedStyleSheets.push(sheet);
    return stand;
}

/** Runs what makes style elements, here and now: a terminal makes all of its own when it is opened. */
export function withConstructedSheets(act: () => void): void {
    const createElement = document.createElement;
    document.createElement = ((tag: string, options?: ElementCreationOptions) =>
        tag === "style" ? constructed(createElement) : createElement.call(document, tag, options)) as Document["createElement"];
    try {
        act();
    } finally {
        document.createElement = createElement;
    }
}

const setAttribute = Element.prototype.setAttribute;
HTMLSpanElement.prototype.setAttribute = function (name: string, value: string): void {
    if (name === "style") this.style.cssText = value;
    else setAttribute.call(this, name, value);
};
