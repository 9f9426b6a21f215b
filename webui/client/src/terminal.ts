// SPDX-License-Identifier: BSD-2-Clause
// One shell: a terminal, its socket, and what became of it. A lost socket is opened again onto the same shell, which the
// machine keeps
// for 30 seconds; after that the shell is over.
import { FitAddon } from "@xterm/addon-fit";
import { type ITheme, Terminal } from "@xterm/xterm";
import { Refusal, SESSION_OVER, SHELL_ENDED, TAKEN_OVER, inWords, shellTicket, socket } from "./api";
import { Retry } from "./retry";
import { withConstructedSheets } from "./sheets";
import { Typed } from "./typed";

const SCROLLBACK_LINES = 5000;
const PASTE_SHOWN_BYTES = 64 * 1024;
const CTRL_C = 3;
// What the machine takes for a terminal's size; a window that is smaller or larger shows a part, or has a margin.
const COLUMNS = [20, 500] as const;
const ROWS = [4, 300] as const;
const within = (value: number, [least, most]: readonly [number, number]): number => Math.max(least, Math.min(most, value));
// Operating-system commands that a shell's output may not use on this page: title, icon, links, notices, colours (asking for one is
// answered as if typed), clipboard.
const REFUSED_OSC = [0, 1, 2, 4, 7, 8, 9, 10, 11, 12, 22, 50, 52, 104, 110, 111, 112, 133, 777, 1337];
const LIGHT: ITheme = {
    background: "#ffffff", foreground: "#1d2329", cursor: "#1f5f8b", cursorAccent: "#ffffff", selectionBackground: "#b9d7ea",
    black: "#1d2329", red: "#a8201a", green: "#14713d", yellow: "#7a5200", blue: "#1f5f8b", magenta: "#82307c", cyan: "#0d6a70",
    white: "#6a737b", brightBlack: "#5c6670", brightRed: "#c0352e", brightGreen: "#1d8349", brightYellow: "#8f6200",
    brightBlue: "#2b73a6", brightMagenta: "#9a3f93", brightCyan: "#107d84", brightWhite: "#343b42",
};
const DARK: ITheme = {
    background: "#101418", foreground: "#e3e6e8", cursor: "#7fb8dc", cursorAccent: "#101418", selectionBackground: "#2d4f66",
    black: "#343b42", red: "#ff9a90", green: "#7fd6a0", yellow: "#f0c26a", blue: "#7fb8dc", magenta: "#dba2d6", cyan: "#7ed3d8",
    white: "#c9ced2", brightBlack: "#8b959e", brightRed: "#ffb5ad", brightGreen: "#a1e5ba", brightYellow: "#f7d692",
    brightBlue: "#a5d0ea", brightMagenta: "#e8bfe4", brightCyan: "#a5e3e7", brightWhite: "#ffffff",
};

export type State = "opening" | "open" | "lost" | "ended" | "taken" | "refused";

export interface Owner {
    /** Something that the page says of a shell is different now. */
    changed(): void;
    sessionOver(): void;
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const encoder = new TextEncoder();

export class Shell {
    readonly panel = document.createElement("div");
    state: State = "opening";
    /** Why it is in its state, or what it does, in words; "" when there is nothing to say. */
    words = "";
    number: number; // the machine's; 0: not known yet
    private readonly terminal: Terminal;
    private readonly fit = new FitAddon();
    private readonly typed = new Typed((left) => this.pasted(left));
    private readonly retry = new Retry(() => void this.connect());
    private ws: WebSocket | null = null;
    private why = "";
    private gone = false;
    private opened = false;
    private pasting = 0;

    constructor(number: number, readonly title: string, private readonly owner: Owner) {
        this.number = number;
        this.terminal = new Terminal({
            scrollback: SCROLLBACK_LINES, fontSize: 14, lineHeight: 1.2, cursorBlink: false,
            fontFamily: "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace", minimumContrastRatio: 4.5,
            theme: dark.matches ? DARK : LIGHT, macOptionIsMeta: true, windowOptions: {},
        });
        this.terminal.loadAddon(this.fit);
        for (const code of REFUSED_OSC) this.terminal.parser.registerOscHandler(code, () => true);
        this.terminal.onData((text) => this.type(encoder.encode(text)));
        this.terminal.onBinary((text) => this.type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
        this.terminal.onResize(() => this.sendSize());
        this.terminal.onSelectionChange(() => this.owner.changed());
        this.terminal.attachCustomKeyEventHandler((event) => this.key(event));
        dark.addEventListener("change", this.recolour);
        this.panel.className = "panel";
    }

    /** Once its panel is in the document. */
    open(): void {
        withConstructedSheets(() => this.terminal.open(this.panel));
        this.terminal.textarea?.setAttribute("aria-label", `Terminal of ${this.title}`);
        new ResizeObserver(() => this.refit()).observe(this.panel);
        void this.connect();
    }

    /** Onto the same shell again at once: a taken one is taken back, a lost one need not wait. */
    again(): void {
        this.retry.stop();
        this.set("opening", "");
        void this.connect();
    }

    /** The explicit close: it ends the shell. */
    close(): void {
        this.gone = true;
        this.retry.stop();
        this.typed.clear();
        if (this.ws?.readyState === WebSocket.OPEN) this.ws.send(Uint8Array.of(2));
        this.ws?.close(1000);
        this.ws = null;
        dark.removeEventListener("change", this.recolour);
        this.terminal.dispose();
        this.panel.remove();
    }

    focus(): void {
        this.refit();
        this.terminal.focus();
    }

    /** What it shows is in its upper half: a notice then covers less at the foot. */
    high(): boolean {
        return this.terminal.buffer.active.cursorY < this.terminal.rows / 2;
    }

    selected(): boolean {
        return this.terminal.hasSelection();
    }

    /** The clipboard interface is not to be had without TLS; the browser's own copy command is, and xterm answers it. */
    copy(): void {
        if (!this.selected()) return;
        this.terminal.focus();
        document.execCommand("copy");
    }

    stopPaste(): void {
        this.typed.clear();
    }

    isPasting(): boolean {
        return this.pasting > 0;
    }

    press(keys: string): void {
        this.terminal.input(keys, true);
        this.terminal.focus();
    }

    arrow(letter: "A" | "B" | "C" | "D"): void {
        this.press(`\x1b${this.terminal.modes.applicationCursorKeysMode ? "O" : "["}${letter}`);
    }

    private readonly recolour = (): void => {
        this.terminal.options.theme = dark.matches ? DARK : LIGHT;
    };

    private refit(): void {
        if (this.panel.clientWidth === 0 || this.panel.clientHeight === 0) return;
        const size = this.fit.proposeDimensions();
        if (size && size.cols > 0 && size.rows > 0) this.terminal.resize(within(size.cols, COLUMNS), within(size.rows, ROWS));
    }

    private set(state: State, words: string): void {
        this.state = state;
        this.words = words;
        this.owner.changed();
    }

    private key(event: KeyboardEvent): boolean {
        if (event.type !== "keydown") return true;
        if (event.key === "F6") return false; // the page's: the way out for who has no mouse
        if (event.ctrlKey && event.shiftKey && event.code === "KeyC") {
            event.preventDefault();
            this.copy();
            return false;
        }
        return !(event.ctrlKey && event.shiftKey && event.code === "KeyV"); // the browser pastes
    }

    private type(bytes: Uint8Array): void {
        if (this.state !== "open" || !this.ws) return; // nothing typed into the void arrives later, out of its place
        if (bytes.length === 1 && bytes[0] === CTRL_C) return this.typed.interrupt(this.ws);
        this.typed.add(bytes);
        this.typed.send(this.ws);
    }

    private pasted(left: number): void {
        const shown = left > PASTE_SHOWN_BYTES || (this.pasting > 0 && left > 0) ? left : 0;
        if (shown === this.pasting) return;
        this.pasting = shown;
        if (this.state === "open") this.set("open", shown > 0 ? `Pasting: ${Math.ceil(shown / 1024)} KiB to go.` : "");
    }

    private sendSize(): void {
        if (this.ws?.readyState !== WebSocket.OPEN) return;
        const { cols, rows } = this.terminal;
        this.ws.send(Uint8Array.of(1, cols & 255, cols >> 8, rows & 255, rows >> 8));
    }

    private async connect(): Promise<void> {
        const known = this.number !== 0;
        try {
            const { ticket, shell } = await shellTicket(this.number);
            if (this.gone) return;
            this.number = shell;
            this.attach(socket("/api/shell", ticket));
        } catch (refused) {
            if (!(refused instanceof Refusal)) throw refused;
            if (this.gone) return;
            if (refused.status === 401) this.owner.sessionOver();
            else if (refused.status === 0 || refused.status >= 500) this.lost();
            else if (known && this.opened) this.set("ended", "The shell was ended while it had no connection.");
            else if (known) { // remembered over a reload that took too long
                this.number = 0;
                void this.connect();
            }
            else this.set("refused", inWords(refused));
        }
    }

    private attach(ws: WebSocket): void {
        this.ws = ws;
        this.why = "";
        this.typed.begin();
        ws.binaryType = "arraybuffer";
        ws.addEventListener("open", () => {
            if (this.ws !== ws) return;
            this.opened = true;
            this.retry.worked();
            this.set("open", "");
            this.refit();
            this.sendSize();
        });
        ws.addEventListener("message", (event) => { if (this.ws === ws) this.take(new Uint8Array(event.data as ArrayBuffer)); });
        ws.addEventListener("close", (event) => {
            if (this.ws !== ws) return;
            this.ws = null;
            this.typed.clear();
            if (event.code === SESSION_OVER) this.owner.sessionOver();
            else if (event.code === SHELL_ENDED) this.set("ended", this.why ? `The shell ended: ${this.why}` : "The shell ended.");
            else if (event.code === TAKEN_OVER) this.set("taken", "This shell was opened in another window.");
            else this.lost();
        });
    }

    private take(message: Uint8Array): void {
        if (message[0] === 0) this.terminal.write(message.subarray(1));
        else if (message[0] === 1) this.why = new TextDecoder().decode(message.subarray(1));
        else if (message[0] === 2 && message.length === 5 && this.ws)
            this.typed.taken(new DataView(message.buffer, message.byteOffset).getUint32(1, true), this.ws);
    }

    private lost(): void {
        this.typed.clear();
        this.retry.later();
        this.set("lost", "");
    }

    /** Seconds to the next attempt of a lost one. */
    nextAttempt(): number {
        return this.retry.secondsLeft();
    }
}
