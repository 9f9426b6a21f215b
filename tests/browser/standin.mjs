// SPDX-License-Identifier: BSD-2-Clause
// A stand-in for the machine's web process: serves the built client and speaks its interface, for work on the pages and for their
// tests. It judges nothing that webd's own tests judge; what a page must cope with, a test makes it do (cut, end, take over).
//     node standin.mjs --dist FOLDER [--port 8080] [--modules FOLDER]      the secret is "stand-in"
import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

export const SECRET = "stand-in";
const TYPES = {
    html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml",
};
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'";
const SHELLS = 4;
const KEPT_MS = 30_000;
const COOKIE = "capos_remote_session";
const token = () => randomBytes(32).toString("base64url");

export function overviewOf(world) {
    const process = (name, state, starts, memory_kib, end = "") => ({ name, state, starts, end, memory_kib });
    return {
        machine: { world, build: "f54691f", nonce: "65f389675fe2a7e8007faa0527438850" },
        uptime_s: 11_520,
        memory: { total_kib: 2_096_088, free_kib: 2_051_320 },
        processes: [
            process("auditd", "waits", 1, 412), process("nicd", "runs", 3, 1288, "killed"), process("netd", "waits", 1, 3180),
            process("authd", "waits", 1, 19_660), process("termd", "waits", 1, 908), process("shell", "waits", 2, 236, "exit 0"),
            process("echod", "waits", 1, 180), process("webd", "runs", 1, 2744), process("metad", "ended", 1, 0, "exit 0"),
            process("diskd", "ended", 1, 0, "exit 0"), process("shell-web-1", "ended", 0, 0), process("shell-web-2", "ended", 0, 0),
        ],
        network: { state: "bound", mac: "42:01:0a:4d:00:02", address: "10.77.0.2", prefix: 32, gateway: "10.77.0.1", mtu: 1460,
            lease_s: 84_210, frames_in: 18_204, frames_out: 17_991 },
        web: { connections: 57, requests: 1234, refused: 3, too_slow: 2, gave_way: 0 },
        health: { ok: true, text: "Everything runs. nicd was started again twice." },
    };
}

/** A shell's far end: takes keys, gives text. Enough of one to see what a page makes of it. */
class FakeShell {
    constructor(number) {
        Object.assign(this, { number, socket: null, size: [0, 0], line: "", received: 0, timer: null, counting: false, busy: false,
            came: 0, waiting: 0 });
    }

    show(text) {
        this.socket?.send(Buffer.concat([Buffer.of(0), Buffer.from(text)]));
    }

    begin() {
        this.show("capos shell. `help` lists what there is.\r\n$ ");
    }

    /** As webd: what waits for a busy shell is bounded, a ^C on its own goes ahead of it, and what was taken is told. */
    typed(bytes) {
        this.came += bytes.length;
        if (this.busy && bytes.length === 1 && bytes[0] === 3) {
            this.busy = false;
            this.taken(this.waiting + 1);
            this.waiting = 0;
            this.show("^C\r\n$ ");
        } else if (this.busy) {
            this.waiting += bytes.length;
        } else {
            this.type(bytes);
            this.taken(bytes.length);
        }
    }

    taken(bytes) {
        const message = Buffer.of(2, 0, 0, 0, 0);
        message.writeUInt32LE(bytes, 1);
        this.socket?.send(message);
    }

    type(bytes) {
        this.received += bytes.length;
        if (this.counting) { // a paste: counted, not echoed
            const end = bytes.indexOf(4);
            if (end < 0) return;
            this.show(`${this.received - 1 - (bytes.length - 1 - end)} bytes\r\n$ `);
            this.counting = false;
            return;
        }
        for (const letter of bytes.toString()) {
            if (letter === "\r") this.run();
            else if (letter === "\x7f") {
                if (this.line) this.show("\b \b");
                this.line = this.line.slice(0, -1);
            } else if (letter >= " ") {
                this.line += letter;
                this.show(letter);
            }
        }
    }

    run() {
        const [word, ...rest] = this.line.trim().split(/ +/);
        this.line = "";
        this.show("\r\n");
        const said = {
            help: "help  echo  size  colours  flood  wait  count  hostile  exit",
            echo: rest.join(" "),
            size: this.size.join("x"),
            colours: "\x1b[31mred \x1b[32mgreen \x1b[33myellow \x1b[34mblue " +
                "\x1b[38;2;200;80;20mtrue\x1b[0m \x1b[1mbold\x1b[0m",
            flood: Array.from({ length: Number(rest[0] ?? 1000) }, (_, at) => `line ${at + 1}`).join("\r\n"),
            hostile: "\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07" +
                "\x1b]8;;http://example.invalid/\x07link\x1b]8;;\x07\x1b]10;?\x07\x1b[21t after",
        }[word];
        if (word === "exit") return this.over("logged out");
        if (word === "wait") {
            this.busy = true;
            return undefined;
        }
        if (word === "count") {
            this.counting = true;
            this.received = 0;
            return undefined;
        }
        return this.show(`${word === "" ? "" : `${said ?? `${word}: not known`}\r\n`}$ `);
    }

    over(why) {
        this.socket?.send(Buffer.concat([Buffer.of(1), Buffer.from(why)]));
        this.socket?.close(4002);
        this.ended();
    }
}

export class StandIn {
    constructor(dist, { world = "simulator", WebSocketServer }) {
        this.overview = overviewOf(world);
        this.secret = SECRET;
        this.sessions = new Map(); // cookie: {csrf, id, began, used, sockets}
        this.tickets = new Map();
        this.shells = new Map();
        this.live = new Set();
        this.refuse = null; // [status, body]: the next log-in's answer
        this.unreachable = false;
        this.keptMs = KEPT_MS;
        this.requests = [];
        this.pages = { "/": "index.html", "/shell": "shell.html" };
        for (const name of readdirSync(join(dist, "assets"))) this.pages[`/assets/${name}`] = `assets/${name}`;
        this.dist = dist;
        this.sockets = new WebSocketServer({ noServer: true, maxPayload: 65_536 });
        this.server = createServer((request, answer) => void this.serve(request, answer));
        this.server.on("upgrade", (request, socket, head) => this.upgrade(request, socket, head));
        this.clock = setInterval(() => this.change({ uptime_s: this.overview.uptime_s + 1 }), 1000);
    }

    listen(port = 0) {
        return new Promise((done) => { this.server.listen(port, "127.0.0.1", () => done(this.server.address().port)); });
    }

    close() {
        clearInterval(this.clock);
        this.keptMs = 0;
        for (const shell of this.shells.values()) clearTimeout(shell.timer);
        this.cut();
        this.server.closeAllConnections();
        return new Promise((done) => { this.server.close(done); });
    }

    /** New values of top-level members, to every live socket. */
    change(members) {
        Object.assign(this.overview, members);
        for (const socket of this.live) socket.send(JSON.stringify({ delta: members }));
    }

    /** Every socket is lost without a word; `unreachable` keeps new ones away. */
    cut() {
        for (const socket of this.sockets.clients) socket.terminate();
    }

    /** As expiry and log-out do. */
    endSession(cookie) {
        const session = this.sessions.get(cookie);
        if (!session) return;
        this.sessions.delete(cookie);
        for (const socket of session.sockets) socket.close(4001);
        for (const shell of [...this.shells.values()]) if (shell.session === session) shell.ended();
    }

    endAllSessions() {
        for (const cookie of [...this.sessions.keys()]) this.endSession(cookie);
    }

    sessionOf(request) {
        const cookies = (request.headers.cookie ?? "").split("; ");
        const cookie = cookies.find((one) => one.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
        const session = this.sessions.get(cookie);
        return session ? { cookie, session } : null;
    }

    async serve(request, answer) {
        this.requests.push(request.url);
        if (this.unreachable) return request.socket.destroy();
        answer.setHeader("Content-Security-Policy", POLICY);
        answer.setHeader("X-Content-Type-Options", "nosniff");
        answer.setHeader("Referrer-Policy", "no-referrer");
        const page = this.pages[request.url];
        if (page) {
            answer.setHeader("Content-Type", TYPES[page.split(".").pop()]);
            const hashed = request.url.startsWith("/assets/");
            answer.setHeader("Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-store");
            return answer.end(readFileSync(join(this.dist, page)));
        }
        const body = [];
        for await (const part of request) body.push(part);
        const say = (status, value, headers = {}) => {
            const type = value ? { "Content-Type": "application/json" } : {};
            answer.writeHead(status, { "Cache-Control": "no-store", ...type, ...headers });
            answer.end(value ? JSON.stringify(value) : undefined);
        };
        try {
            return this.api(request, body.length ? JSON.parse(Buffer.concat(body)) : {}, say);
        } catch {
            return say(400, { error: "json" });
        }
    }

    api(request, body, say) {
        const what = `${request.method} ${request.url}`;
        if (what === "POST /api/login") return this.login(body, say);
        const held = this.sessionOf(request);
        if (!held) return say(401, { error: "login" });
        const { cookie, session } = held;
        session.used = Date.now();
        if (what === "GET /api/session") {
            const seconds = (since) => Math.floor((Date.now() - since) / 1000);
            const sessions = [...this.sessions.values()].map((one) =>
                ({ id: one.id, current: one === session, age_s: seconds(one.began), idle_s: seconds(one.used) }));
            return say(200, { csrf: session.csrf, idle_s: 1800, absolute_s: 43_200, sessions });
        }
        if (what === "GET /api/overview") return say(200, this.overview);
        if (request.headers["x-csrf-token"] !== session.csrf) return say(403, { error: "csrf" });
        switch (what) {
            case "POST /api/logout":
                this.endSession(cookie);
                return say(204, null, { "Set-Cookie": `${COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0` });
            case "POST /api/session/end":
                for (const [other, one] of this.sessions) if (one.id === body.id) this.endSession(other);
                return say(204);
            case "POST /api/secret": return this.changeSecret(cookie, body, say);
            case "POST /api/ticket": return this.ticket(session, body, say);
            default: return say(404, { error: "path" });
        }
    }

    login({ secret }, say) {
        if (this.refuse) {
            const [status, body] = this.refuse;
            this.refuse = null;
            return say(status, body);
        }
        if (secret !== this.secret) return say(401, { error: "wrong" });
        const cookie = token();
        const session = { csrf: token(), id: token().slice(0, 8), began: Date.now(), used: Date.now(), sockets: new Set() };
        this.sessions.set(cookie, session);
        return say(200, { csrf: session.csrf }, { "Set-Cookie": `${COOKIE}=${cookie}; HttpOnly; SameSite=Strict; Path=/` });
    }

    changeSecret(cookie, body, say) {
        if (body.old !== this.secret) return say(401, { error: "wrong" });
        const length = Buffer.byteLength(body.new);
        if (body.new === this.secret || length < 8 || length > 128) return say(400, { error: "value" });
        this.secret = body.new;
        for (const other of [...this.sessions.keys()]) if (other !== cookie) this.endSession(other);
        return say(204);
    }

    ticket(session, body, say) {
        const ticket = token();
        if (body.for === "live") {
            this.tickets.set(ticket, { session, path: "/api/live" });
            return say(200, { ticket });
        }
        let shell = this.shells.get(body.shell);
        if (body.shell !== 0 && (!shell || shell.session !== session)) return say(409, { error: "gone" });
        if (!shell) {
            const number = Array.from({ length: SHELLS }, (_, at) => at + 1).find((one) => !this.shells.has(one));
            if (!number) return say(409, { error: "shells" });
            shell = new FakeShell(number);
            shell.session = session;
            shell.fresh = true;
            shell.ended = () => {
                clearTimeout(shell.timer);
                this.shells.delete(number);
            };
            this.shells.set(number, shell);
        }
        this.tickets.set(ticket, { session, path: "/api/shell", shell });
        return say(200, { ticket, shell: shell.number });
    }

    upgrade(request, socket, head) {
        const at = new URL(request.url, "http://stand-in");
        this.requests.push(at.pathname);
        const ticket = this.tickets.get(at.searchParams.get("ticket"));
        this.tickets.delete(at.searchParams.get("ticket")); // one use
        const held = this.sessionOf(request);
        if (this.unreachable || !ticket || ticket.path !== at.pathname || held?.session !== ticket.session) return socket.destroy();
        return this.sockets.handleUpgrade(request, socket, head, (ws) => {
            ticket.session.sockets.add(ws);
            ws.on("close", () => ticket.session.sockets.delete(ws));
            if (ticket.shell) this.attach(ws, ticket.shell);
            else this.attachLive(ws);
        });
    }

    attachLive(ws) {
        this.live.add(ws);
        ws.on("close", () => this.live.delete(ws));
        ws.on("message", () => ws.close(1003)); // the browser sends nothing here
        ws.send(JSON.stringify({ full: this.overview }));
    }

    attach(ws, shell) {
        clearTimeout(shell.timer);
        shell.socket?.close(4003);
        shell.socket = ws;
        ws.on("message", (data, binary) => {
            if (!binary || shell.socket !== ws) return ws.close(1003);
            if (data[0] === 0) shell.typed(data.subarray(1));
            else if (data[0] === 1) shell.size = [data.readUInt16LE(1), data.readUInt16LE(3)];
            else if (data[0] === 2) shell.ended();
            return undefined;
        });
        ws.on("close", () => {
            if (shell.socket !== ws) return;
            shell.socket = null;
            if (this.shells.get(shell.number) === shell) shell.timer = setTimeout(shell.ended, this.keptMs);
        });
        if (shell.fresh) shell.begin();
        shell.fresh = false;
    }
}

/** The packages of package-lock.json, from the folder that holds node_modules. */
export function modulesOf(folder) {
    return createRequire(pathToFileURL(join(resolve(folder), "from.js")));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
    const option = (name, other) => process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : other;
    const { WebSocketServer } = modulesOf(option("--modules", "."))("ws");
    const standIn = new StandIn(option("--dist", "dist"), { WebSocketServer, world: option("--world", "simulator") });
    console.log(`http://127.0.0.1:${await standIn.listen(Number(option("--port", "8080")))}/  secret: ${SECRET}`);
}
