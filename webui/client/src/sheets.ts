// SPDX-License-Identifier: BSD-2-Clause
// xterm.js writes style sheets into <style> elements and colours of single cells into style attributes: both are what a policy
// without 'unsafe-inline' refuses. The terminal is given a document that hands out constructed style sheets instead, and spans take
// such an attribute through their style object. Both ways are open under `style-src 'self'`: no text is parsed as a document's style
// that did not come from this program.

/** Looks like a style element to who sets its text and removes it; is an empty, hidden element. */
function constructed(): HTMLElement {
    const sheet = new CSSStyleSheet();
    const stand = document.createElement("span");
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

/** A document for ITerminalOptions.documentOverride. */
export const terminalDocument: Document = new Proxy(document, {
    get(real, name) {
        if (name === "createElement") return (tag: string) => tag === "style" ? constructed() : real.createElement(tag);
        const value: unknown = Reflect.get(real, name, real);
        return typeof value === "function" ? value.bind(real) as unknown : value;
    },
    set: (real, name, value) => Reflect.set(real, name, value, real),
});

const setAttribute = Element.prototype.setAttribute;
HTMLSpanElement.prototype.setAttribute = function (name: string, value: string): void {
    if (name === "style") this.style.cssText = value;
    else setAttribute.call(this, name, value);
};
