// SPDX-License-Identifier: BSD-2-Clause
// What was typed and is not sent yet. A paste of any size goes out no faster than the machine says that its shell takes it, so
// that little is under way at any time and a ^C can get past it.

const MESSAGE_BYTES = 4 * 1024;
const UNDER_WAY_BYTES_MAX = 12 * 1024; // the machine has room for 16 KiB, and tells of each 4 KiB that were taken

export class Typed {
    private waiting: Uint8Array[] = [];
    private left = 0;
    private underWay = 0;

    /** `left`: bytes that are not sent yet; called after each change. */
    constructor(private readonly changed: (left: number) => void) {}

    add(bytes: Uint8Array): void {
        for (let at = 0; at < bytes.length; at += MESSAGE_BYTES) this.waiting.push(bytes.subarray(at, at + MESSAGE_BYTES));
        this.left += bytes.length;
    }

    /** What is not sent stays unsent. */
    clear(): void {
        this.waiting = [];
        this.left = 0;
        this.changed(0);
    }

    /** Another socket: nothing is under way on it. */
    begin(): void {
        this.underWay = 0;
        this.clear();
    }

    /** Sends what the machine has room for. */
    send(ws: WebSocket): void {
        while (this.waiting.length > 0 && this.underWay + (this.waiting[0]?.length ?? 0) <= UNDER_WAY_BYTES_MAX) {
            const next = this.waiting.shift() as Uint8Array;
            this.put(ws, next);
            this.left -= next.length;
        }
        this.changed(this.left);
    }

    /** ^C: ahead of what is not sent, which is dropped, as the machine drops what its shell has not taken. */
    interrupt(ws: WebSocket): void {
        this.clear();
        this.put(ws, Uint8Array.of(3));
    }

    /** The machine's shell took so many bytes more. */
    taken(bytes: number, ws: WebSocket): void {
        this.underWay = Math.max(0, this.underWay - bytes);
        this.send(ws);
    }

    private put(ws: WebSocket, bytes: Uint8Array): void {
        const message = new Uint8Array(bytes.length + 1); // a leading 0x00: bytes typed
        message.set(bytes, 1);
        if (ws.readyState === WebSocket.OPEN) ws.send(message);
        this.underWay += bytes.length;
    }
}
