// SPDX-License-Identifier: BSD-2-Clause
// What was typed and is not sent yet. A paste of any size goes out in messages the machine takes, no faster than the socket
// takes them.

const MESSAGE_BYTES = 16 * 1024; // the machine takes 64 KiB
const SOCKET_BYTES_MAX = 128 * 1024; // handed to the browser and not sent
const LOOK_AGAIN_MS = 20;

export class Typed {
    private waiting: Uint8Array[] = [];
    private timer = 0;
    private left = 0;

    /** `left`: bytes that are not with the machine yet; called after each change. */
    constructor(private readonly changed: (left: number) => void) {}

    add(bytes: Uint8Array): void {
        for (let at = 0; at < bytes.length; at += MESSAGE_BYTES) this.waiting.push(bytes.subarray(at, at + MESSAGE_BYTES));
        this.left += bytes.length;
    }

    clear(): void {
        window.clearTimeout(this.timer);
        this.timer = 0;
        this.waiting = [];
        this.left = 0;
        this.changed(0);
    }

    /** Sends what the socket takes, and comes again for the rest while it is open. */
    send(ws: WebSocket): void {
        window.clearTimeout(this.timer);
        this.timer = 0;
        if (ws.readyState !== WebSocket.OPEN) return;
        while (this.waiting.length > 0 && ws.bufferedAmount < SOCKET_BYTES_MAX) {
            const next = this.waiting.shift() as Uint8Array;
            const message = new Uint8Array(next.length + 1); // a leading 0x00: bytes typed
            message.set(next, 1);
            ws.send(message);
            this.left -= next.length;
        }
        this.changed(this.left + ws.bufferedAmount);
        if (this.left > 0 || ws.bufferedAmount > 0) this.timer = window.setTimeout(() => this.send(ws), LOOK_AGAIN_MS);
    }
}
