// SPDX-License-Identifier: BSD-2-Clause
// Two documents, hashed assets beside them, nothing inline: the pages run under a policy without 'unsafe-inline'.
// `npx vite` serves the sources for work on them, with the stand-in of tests/browser behind /api.
import { defineConfig } from "vite";

export default defineConfig({
    appType: "mpa",
    publicDir: false,
    server: { proxy: { "/api": { target: "http://127.0.0.1:8080", ws: true } } },
    build: {
        target: "es2022",
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        reportCompressedSize: false,
        rollupOptions: { input: ["index.html", "shell.html"] },
    },
});
