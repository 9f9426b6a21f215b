// SPDX-License-Identifier: BSD-2-Clause
// Numbers as people read them.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function two(seconds: number, large: number, name: string, small: number, smallName: string): string {
    const rest = Math.floor((seconds % large) / small);
    return `${Math.floor(seconds / large)} ${name}${rest > 0 ? ` ${rest} ${smallName}` : ""}`;
}

/** Seconds in the two largest units that say something: "3 h 12 min". */
export function duration(seconds: number): string {
    const s = Math.max(0, Math.floor(seconds));
    if (s < MINUTE) return `${s} s`;
    if (s < HOUR) return two(s, MINUTE, "min", 1, "s");
    if (s < DAY) return two(s, HOUR, "h", MINUTE, "min");
    return two(s, DAY, "d", HOUR, "h");
}

/** Seconds, roughly: for what need not tick. */
export function roughly(seconds: number): string {
    const s = Math.max(0, Math.floor(seconds));
    if (s < MINUTE) return "less than a minute";
    if (s < HOUR) return `${Math.floor(s / MINUTE)} min`;
    return duration(s);
}

export function kib(amount: number): string {
    if (amount < 1024) return `${amount} KiB`;
    const mib = amount / 1024;
    if (mib < 1024) return `${mib < 10 ? mib.toFixed(1) : Math.round(mib)} MiB`;
    return `${(mib / 1024).toFixed(1)} GiB`;
}

export function count(amount: number): string {
    return amount.toLocaleString("en-GB");
}

export function plural(amount: number, one: string, many: string): string {
    return `${count(amount)} ${amount === 1 ? one : many}`;
}
