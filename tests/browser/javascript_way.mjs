// Runs a piece of JavaScript of a page in chromium, as a script of a web page that somebody else has: of another origin than the bucket,
// which must allow it. Prints what it logs, one line each.
//
// Usage: node tests/browser/javascript_way.mjs FILE

import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

import { browser, npm } from "./served.mjs";

const snippet = readFileSync(process.argv[2], "utf8");
const modules = join(npm, "node_modules");

// Where a package begins for a browser.
function entry(name) {
  const { exports, module, main } = JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8"));
  const chosen = (of) => (typeof of === "object" && of !== null ? chosen(of.browser ?? of.import ?? of.default) : of);
  return join(name, chosen(exports?.["."] ?? exports) ?? module ?? main).replaceAll("\\", "/");
}

const packages = ["hyparquet", "hyparquet-compressors", "fzstd", "hysnappy"].filter((name) => existsSync(join(modules, name)));
const imports = Object.fromEntries(packages.map((name) => [name, `/npm/${entry(name)}`]));
const page = `<!DOCTYPE html><title>x</title><script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">${snippet}
document.title = "done";</script>`;

function file(path) {
  const found = join(modules, path);
  return path.includes("..") || !existsSync(found) ? undefined : readFileSync(found);
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://x");
  if (pathname === "/") return response.setHeader("content-type", "text/html; charset=utf-8").end(page);
  const body = pathname.startsWith("/npm/") ? file(pathname.slice(5)) : undefined;
  response.statusCode = body ? 200 : 404;
  response.setHeader("content-type", extname(pathname) === ".wasm" ? "application/wasm" : "text/javascript").end(body ?? "");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

const chromium = await browser();
let failed = false;
const fails = (message) => {
  failed = true;
  console.error(message);
};
try {
  const tab = await chromium.newPage();
  const told = [];
  tab.on("console", (message) => {
    if (message.type() === "error") return fails(message.text());
    // Of a list how long it is.
    const shown = (value) => (Array.isArray(value) ? `${value.length} rows` : String(value));
    told.push(Promise.all(message.args().map((value) => value.evaluate(shown))).then((parts) => parts.join(" ")));
  });
  tab.on("pageerror", (error) => fails(error.message));
  // What a page loads of a network for scripts is there as the package itself.
  await tab.route(/^https:\/\/(cdn\.jsdelivr\.net|esm\.sh|unpkg\.com|cdn\.skypack\.dev)\//, async (route) => {
    const name = packages.find((name) => new RegExp(`/${name}(@[^/]*)?(/|$)`).test(new URL(route.request().url()).pathname));
    if (!name) return route.abort();
    const body = `export * from "http://127.0.0.1:${server.address().port}/npm/${entry(name)}";`;
    return route.fulfill({ contentType: "text/javascript", headers: { "access-control-allow-origin": "*" }, body });
  });
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  await tab.waitForFunction(() => document.title === "done", undefined, { timeout: 60_000 }).catch((error) => fails(`it does not come to its end: ${error.message}`));
  for (const line of await Promise.all(told)) console.log(line);
} finally {
  await chromium.close();
  server.close();
}
process.exitCode = failed ? 1 : 0;
