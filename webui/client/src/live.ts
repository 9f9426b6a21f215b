// SPDX-License-Identifier: BSD-2-Clause
// The overview as it changes: one WebSocket, first the whole, then what changed. Says when it is gone and comes back by itself.
import { type Overview, Refusal, SESSION_OVER, liveTicket, sessions, socket } from "./api";
import { Retry } from "./retry";

// The uptime alone changes every second. A socket that says nothing for this long is taken for dead, though nobody closed it.
const SILENCE_MS_MAX = 15_000;

export interface Watcher {
    /** The whole overview, after each change. */
    show(overview: Overview): void;
    /** Seconds since something was heard, and until the next attempt (0: under way). Each second while there is no connection. */
    gone(heard: number, next: number): void;
    over(): void;
}

export class Live {
    private ws: WebSocket | null = null;
    private overview: Overview | null = null;
    private heard = performance.now();
    private ticking = 0;
    private running = false;
    private readonly retry = new Retry(() => void this.open());

    constructor(private readonly watcher: Watcher) {}

    start(): void {
        this.running = true;
        this.heard = performance.now();
        this.ticking = window.setInterval(() => this.tick(), 1000);
        void this.open();
    }

    stop(): void {
        this.running = false;
        this.retry.stop();
        window.clearInterval(this.ticking);
        this.drop();
    }

    tryNow(): void {
        this.retry.now();
    }

    private drop(): void {
        const ws = this.ws;
        this.ws = null;
        this.overview = null;
        ws?.close();
    }

    private finish(): void {
        this.stop();
        this.watcher.over();
    }

    private async open(): Promise<void> {
        try {
            await sessions();
            const ticket = await liveTicket();
            if (!this.running) return;
            const ws = socket("/api/live", ticket);
            this.ws = ws;
            ws.addEventListener("message", (event) => { if (this.ws === ws) this.take(event.data); });
            ws.addEventListener("close", (event) => { if (this.ws === ws) this.lost(event.code); });
        } catch (refused) {
            if (!(refused instanceof Refusal)) throw refused;
            if (!this.running) return;
            if (refused.status === 401) this.finish();
            else this.lost(0);
        }
    }

    private take(data: unknown): void {
        const said = JSON.parse(String(data)) as { full?: Overview; delta?: Partial<Overview> };
        if (said.full) this.overview = said.full;
        else if (this.overview) this.overview = { ...this.overview, ...said.delta };
        if (!this.overview) return;
        this.heard = performance.now();
        this.retry.worked();
        this.watcher.show(this.overview);
    }

    private lost(code: number): void {
        this.drop();
        if (code === SESSION_OVER) return this.finish();
        this.retry.later();
        this.tell();
    }

    private tell(): void {
        this.watcher.gone((performance.now() - this.heard) / 1000, this.retry.secondsLeft());
    }

    private tick(): void {
        if (this.overview) {
            if (performance.now() - this.heard > SILENCE_MS_MAX) this.lost(0);
        } else if (performance.now() - this.heard > 2000) {
            this.tell();
        }
    }
}
