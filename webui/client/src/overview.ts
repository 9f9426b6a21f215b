// SPDX-License-Identifier: BSD-2-Clause
// The overview: what needs attention first, then the processes, then what the machine is.
import type { Overview, Process } from "./api";
import { byId, make, say } from "./dom";
import { count, duration, kib, plural, roughly } from "./format";

const WORLDS: Record<string, string> = { simulator: "Simulator", qemu: "QEMU", gce: "Google Compute Engine" };
const STATES: Record<string, string> = { runs: "running", waits: "waiting", ended: "ended", "gave-up": "given up" };
const NETWORK: Record<string, string> = { "no-card": "no network card", asking: "asking for an address", bound: "connected" };

interface Row {
    row: HTMLTableRowElement;
    state: HTMLSpanElement;
    end: HTMLSpanElement;
    starts: HTMLTableCellElement;
    memory: HTMLTableCellElement;
}
const rows = new Map<string, Row>();
const table = byId("processes", HTMLTableSectionElement);

function stateOf(process: Process): string {
    if (process.state === "ended" && process.starts === 0) return "not started";
    return STATES[process.state] ?? process.state;
}

function newRow(name: string): Row {
    const title = make("th", "name", name);
    title.scope = "row";
    const state = make("span", "state");
    const end = make("span", "end dim");
    const starts = make("td", "number starts");
    const memory = make("td", "number memory");
    return { row: make("tr", "", title, make("td", "", state, end), starts, memory), state, end, starts, memory };
}

function showProcesses(processes: Process[]): void {
    const seen = new Set<string>();
    // What gave up comes first; the rest stays in the machine's own order, so that nothing jumps.
    const order = [...processes].sort((a, b) => Number(b.state === "gave-up") - Number(a.state === "gave-up"));
    order.forEach((process, at) => {
        seen.add(process.name);
        let row = rows.get(process.name);
        if (!row) rows.set(process.name, row = newRow(process.name));
        const again = Math.max(0, process.starts - 1);
        row.row.dataset["state"] = process.state;
        row.row.dataset["again"] = String(again > 0);
        say(row.state, stateOf(process));
        say(row.end, process.end && (again > 0 || process.starts > 0) ? `last end: ${process.end}` : "");
        say(row.starts, again === 0 ? "–" : count(again));
        row.starts.dataset["label"] = again === 1 ? " restart" : " restarts";
        say(row.memory, process.memory_kib === 0 ? "–" : kib(process.memory_kib));
        if (table.children[at] !== row.row) table.insertBefore(row.row, table.children[at] ?? null);
    });
    for (const [name, row] of rows) {
        if (seen.has(name)) continue;
        row.row.remove();
        rows.delete(name);
    }
    const running = processes.filter((process) => process.state === "runs" || process.state === "waits").length;
    const restarts = processes.reduce((sum, process) => sum + Math.max(0, process.starts - 1), 0);
    say(byId("processes-sum", HTMLParagraphElement),
        `${running} of ${processes.length} alive, ${restarts === 0 ? "no restarts" : plural(restarts, "restart", "restarts")}`);
}

/** Fills a list of terms. An empty value leaves its line out. */
function terms(id: string, lines: [string, string, string?][]): void {
    const list = byId(id, HTMLDListElement);
    const wanted = lines.filter(([, value]) => value !== "");
    const shown = [...list.children].map((line) => line.firstChild?.textContent);
    if (shown.join("\n") !== wanted.map(([term]) => term).join("\n")) {
        list.replaceChildren(...wanted.map(([term, , look]) => make("div", "", make("dt", "", term), make("dd", look ?? ""))));
    }
    wanted.forEach(([, value], at) => say(list.children[at]?.lastChild as HTMLElement, value));
}

function showNetwork(network: Overview["network"]): void {
    const state = byId("network-state", HTMLParagraphElement);
    say(state, NETWORK[network.state] ?? network.state);
    state.dataset["state"] = network.state;
    const bound = network.state === "bound";
    const card = network.state !== "no-card";
    terms("network", [
        ["Address", bound ? `${network.address}/${network.prefix}` : "", "code"],
        ["Gateway", bound ? network.gateway : "", "code"],
        ["Lease", bound ? `${roughly(network.lease_s)} left` : ""],
        ["MAC", card ? network.mac : "", "code"],
        ["MTU", card ? count(network.mtu) : ""],
        ["Frames in", card ? count(network.frames_in) : ""],
        ["Frames out", card ? count(network.frames_out) : ""],
    ]);
}

function showWeb(web: Overview["web"]): void {
    const ended = [[web.too_slow, "too slow"], [web.gave_way, "gave way"]] as const;
    const words = ended.filter(([many]) => many > 0).map(([many, why]) => `, ${count(many)} ${why}`).join("");
    terms("web", [
        ["Connections", `${count(web.connections)}${words}`],
        ["Requests", `${count(web.requests)}${web.refused > 0 ? `, ${count(web.refused)} refused` : ""}`],
    ]);
}

function showMemory(memory: Overview["memory"]): void {
    const used = memory.total_kib - memory.free_kib;
    const share = memory.total_kib === 0 ? 0 : used / memory.total_kib;
    const percent = share > 0 && share < 0.01 ? "less than 1" : String(Math.round(share * 100));
    byId("memory", HTMLMeterElement).value = share;
    say(byId("memory-sum", HTMLParagraphElement), `${percent} % used`);
    say(byId("memory-text", HTMLParagraphElement), `${kib(used)} used, ${kib(memory.free_kib)} free of ${kib(memory.total_kib)}`);
}

export function showOverview(overview: Overview): void {
    const world = WORLDS[overview.machine.world ?? ""] ?? "an unknown machine";
    say(byId("world", HTMLSpanElement), world);
    say(byId("uptime", HTMLSpanElement), `up ${duration(overview.uptime_s)}`);
    const health = byId("health", HTMLHeadingElement);
    say(health, overview.health.text);
    health.dataset["ok"] = String(overview.health.ok);
    document.title = `${overview.health.ok ? "" : "(!) "}Overview – capos`;
    showProcesses(overview.processes);
    showMemory(overview.memory);
    showNetwork(overview.network);
    showWeb(overview.web);
    terms("machine", [
        ["Where", world],
        ["Build", overview.machine.build ?? "", "code"],
        ["Run nonce", overview.machine.nonce ?? "", "code"],
    ]);
}
