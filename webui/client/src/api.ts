// SPDX-License-Identifier: BSD-2-Clause
// The machine's interface: JSON over HTTP, and tickets for the two WebSockets. The cookie is the browser's alone; the CSRF
// token lives
// in this module and nowhere else.

export interface Session { id: string; current: boolean; age_s: number; idle_s: number }
export interface Sessions { csrf: string; idle_s: number; absolute_s: number; sessions: Session[] }
export interface Process { name: string; state: string; starts: number; end: string; memory_kib: number }
/** As webui/overview.schema.json has it. */
export interface Overview {
    machine: { world: string | null; build: string | null; nonce: string | null };
    uptime_s: number;
    memory: { total_kib: number; free_kib: number };
    processes: Process[];
    network: {
        state: string; mac: string; address: string; prefix: number; gateway: string; mtu: number; lease_s: number;
        frames_in: number; frames_out: number;
    };
    web: { connections: number; requests: number; refused: number; too_slow: number; gave_way: number };
    health: { ok: boolean; text: string };
}

/** What the machine refused, or that it could not be asked (status 0). */
export class Refusal extends Error {
    constructor(readonly status: number, readonly word: string, readonly waitMs: number) {
        super(word);
    }
}

const ANSWER_MS_MAX = 20_000; // a check of a secret takes a second or two, and may wait for another one
let csrf = "";

/** A token that the machine does not take any more (another window of this browser logged in since) is replaced once. */
async function call<T>(method: "GET" | "POST", path: string, body?: object): Promise<T> {
    const used = csrf;
    try {
        return await ask<T>(method, path, body);
    } catch (refused) {
        if (!(refused instanceof Refusal) || refused.status !== 403 || used === "") throw refused;
        if ((await sessions()).csrf === used) throw refused;
        return ask<T>(method, path, body);
    }
}

async function ask<T>(method: "GET" | "POST", path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = {};
    if (body) headers["Content-Type"] = "application/json";
    if (method === "POST" && csrf) headers["X-CSRF-Token"] = csrf;
    let answer: Response;
    try {
        answer = await fetch(path, {
            method, headers, credentials: "same-origin", cache: "no-store", redirect: "error",
            signal: AbortSignal.timeout(ANSWER_MS_MAX), ...(body ? { body: JSON.stringify(body) } : {}),
        });
    } catch {
        throw new Refusal(0, "gone", 0);
    }
    if (answer.status === 204) return undefined as T;
    let said: unknown;
    try {
        said = await answer.json();
    } catch {
        throw new Refusal(answer.ok ? 0 : answer.status, "unreadable", 0);
    }
    if (answer.ok) return said as T;
    const { error, wait_ms } = said as { error?: unknown; wait_ms?: unknown };
    throw new Refusal(answer.status, typeof error === "string" ? error : "refused", typeof wait_ms === "number" ? wait_ms : 0);
}

export async function login(secret: string): Promise<void> {
    csrf = "";
    csrf = (await call<{ csrf: string }>("POST", "/api/login", { secret })).csrf;
}

export async function logout(): Promise<void> {
    await call<void>("POST", "/api/logout", {});
    csrf = "";
}

export async function sessions(): Promise<Sessions> {
    const said = await call<Sessions>("GET", "/api/session");
    csrf = said.csrf;
    return said;
}

export function endSession(id: string): Promise<void> {
    return call("POST", "/api/session/end", { id });
}

export function changeSecret(old: string, fresh: string): Promise<void> {
    return call("POST", "/api/secret", { old, new: fresh });
}

export async function liveTicket(): Promise<string> {
    return (await call<{ ticket: string }>("POST", "/api/ticket", { for: "live" })).ticket;
}

/** `shell` 0: a new one. Else one that lost its socket and still waits. */
export function shellTicket(shell: number): Promise<{ ticket: string; shell: number }> {
    return call("POST", "/api/ticket", { for: "shell", shell });
}

export function socket(path: string, ticket: string): WebSocket {
    const at = new URL(path, location.href);
    at.protocol = at.protocol === "https:" ? "wss:" : "ws:";
    at.searchParams.set("ticket", ticket);
    return new WebSocket(at);
}

/** A refusal in words for who reads it. */
export function inWords(error: unknown): string {
    if (!(error instanceof Refusal)) throw error;
    switch (error.word) {
        case "gone": return "The machine does not answer.";
        case "wrong": return "That is not the secret.";
        case "wait": return `Too many attempts. Try again in ${Math.ceil(error.waitMs / 1000)} s.`;
        case "busy": return "Another log-in is being checked. Try again in a moment.";
        case "no-verifier": return "This machine was started without a secret: nobody can log in.";
        case "audit": return "The machine cannot record log-ins now, so it refuses them.";
        case "value": return "The new secret needs 8 to 128 bytes and must differ from the old one.";
        case "login": return "This session is over. Log in again.";
        case "shells": return "All four shells are in use. Close one first.";
        default: return `The machine refused (${error.status}, ${error.word}).`;
    }
}

/** Close codes of the machine's WebSockets. */
export const SESSION_OVER = 4001;
export const SHELL_ENDED = 4002;
export const TAKEN_OVER = 4003;
