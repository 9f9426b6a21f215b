// SPDX-License-Identifier: BSD-2-Clause
// When to try again: at once, then after longer and longer, at the latest every ten seconds; at once too when the browser has a
// network again or the page is looked at again.

const DELAYS_MS = [500, 1000, 2000, 4000, 8000, 10_000];

export class Retry {
    private failures = 0;
    private timer = 0;
    private at = 0;

    constructor(private readonly attempt: () => void) {
        window.addEventListener("online", () => this.now());
        document.addEventListener("visibilitychange", () => { if (!document.hidden) this.now(); });
    }

    /** One failed: the next comes. */
    later(): void {
        this.stop();
        const delay = DELAYS_MS[Math.min(this.failures, DELAYS_MS.length - 1)] ?? 0;
        this.failures++;
        this.at = performance.now() + delay;
        this.timer = window.setTimeout(() => this.now(), delay);
    }

    /** Does nothing when no attempt is due. */
    now(): void {
        if (this.timer === 0) return;
        this.stop();
        this.attempt();
    }

    stop(): void {
        window.clearTimeout(this.timer);
        this.timer = 0;
    }

    worked(): void {
        this.stop();
        this.failures = 0;
    }

    /** Seconds to the next attempt; 0 while one is under way. */
    secondsLeft(): number {
        return this.timer === 0 ? 0 : Math.max(0, Math.ceil((this.at - performance.now()) / 1000));
    }
}
