// What the checks of pages stand on: the tools that ./test sets up, and a bucket that the program itself serves.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

// The folder of npm's packages that ./test fills.
export const npm = process.env.FAHRTENBUCH_TEST_NPM ?? join(process.env.CARGO_TARGET_DIR ?? join(repository, "target"), "npm");

if (!existsSync(join(npm, "node_modules"))) {
  console.error(`${npm} has no node_modules: run ./test, which sets it up, or say in FAHRTENBUCH_TEST_NPM where it is`);
  process.exit(2);
}

const required = createRequire(join(npm, "node_modules/x.js"));

export const packageFile = (name) => required.resolve(name);

// Chromium of the system; root has no sandbox of it.
export async function browser() {
  const { chromium } = required("playwright-core");
  const places = [process.env.FAHRTENBUCH_TEST_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const executablePath = places.find((place) => place && existsSync(place));
  if (!executablePath) {
    console.error("there is no chromium: install Debian's package chromium, or say in FAHRTENBUCH_TEST_CHROMIUM where it is");
    process.exit(2);
  }
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({ executablePath, args: isRoot ? ["--no-sandbox"] : [], chromiumSandbox: !isRoot });
}

// The base address of a bucket, with a slash at its end, and what ends its server. `place` is an address on the web, the folder of a
// workspace, or that of a bucket.
export async function served(place) {
  if (/^https?:/.test(place)) {
    return { base: place.endsWith("/") ? place : `${place}/`, stop: () => {} };
  }
  let workspace = resolve(place);
  let made;
  if (!existsSync(join(workspace, "fahrtenbuch.yaml"))) {
    if (!existsSync(workspace)) {
      console.error(`${workspace} is no folder of a bucket or of a workspace`);
      process.exit(2);
    }
    made = mkdtempSync(join(tmpdir(), "fahrtenbuch-pages-"));
    const lines = ["title: Pages", "publisher: Pages", "licence: CC0-1.0", "time_zone: Europe/Berlin", "bucket:", `  location: ${JSON.stringify(workspace)}`, "private: private", ""];
    writeFileSync(join(made, "fahrtenbuch.yaml"), lines.join("\n"));
    workspace = made;
  }
  const built = join(process.env.CARGO_TARGET_DIR ?? join(repository, "target"), "release/fahrtenbuch");
  const program = process.env.FAHRTENBUCH_TEST_PROGRAM ?? (existsSync(built) ? built : "fahrtenbuch");
  const child = spawn(program, ["-C", workspace, "serve", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const stop = () => {
    child.kill();
    if (made) rmSync(made, { recursive: true, force: true });
  };
  const base = await new Promise((done, failed) => {
    let said = "";
    child.on("error", (error) => failed(new Error(`${program} serve: ${error.message}; say in FAHRTENBUCH_TEST_PROGRAM where it is`)));
    child.on("exit", (code) => failed(new Error(`${program} serve ended with ${code}: ${said}`)));
    child.stdout.on("data", (bytes) => {
      said += bytes;
      const address = said.match(/https?:\/\/[^\s]+/);
      if (address && said.includes("\n")) done(address[0].endsWith("/") ? address[0] : `${address[0]}/`);
    });
  });
  return { base, stop };
}
