// Holds the pages of a bucket to what the portal promises: opens each in chromium, wide and narrow, light and dark, with and without
// JavaScript and on paper, follows every link, and lets axe-core look at it. README.md tells what is looked at.
//
// Usage: node tests/browser/pages.mjs BUCKET [--report FILE] [--screenshots DIR] [--views VIEW,...] [--only PATH] [--except PATH] [--most N [--seed N]]

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { atAWidth, axe, inPrint, keyboard, languages, loaded, read, textOf, VIEWS } from "./checks.mjs";
import { browser, served } from "./served.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    report: { type: "string" },
    screenshots: { type: "string" },
    views: { type: "string", default: Object.keys(VIEWS).join(",") },
    only: { type: "string" },
    // Paths that begin so are not looked at.
    except: { type: "string" },
    // A part: all pages are read and their links followed, and of each kind some are opened, each in one of the views.
    most: { type: "string" },
    seed: { type: "string", default: "18" },
  },
});
if (positionals.length !== 1 || options.views.split(",").some((view) => !VIEWS[view]) || !/^\d*$/.test(options.most ?? "")) {
  console.error(`Usage: pages.mjs BUCKET [--report FILE] [--screenshots DIR] [--views ${Object.keys(VIEWS).join(",")}] [--only PATH] [--except PATH] [--most N [--seed N]]`);
  process.exit(2);
}
const views = options.views.split(",");
const { base, stop } = await served(positionals[0]);
const chromium = await browser();
const pages = new Map();
// Pages that are open at once.
const TABS = 2;

try {
  await visit();
  await links();
  together();
  await each(chosen(), look);
} finally {
  await chromium.close();
  stop();
}
report();

// Does something with each of a list, which may grow meanwhile, a few at once.
async function each(waiting, act) {
  const working = new Set();
  while (waiting.length || working.size) {
    while (waiting.length && working.size < TABS) {
      const work = act(waiting.shift()).finally(() => working.delete(work));
      working.add(work);
    }
    await Promise.race(working);
  }
}

// Opens each page that links lead to, beginning with the two that a visitor of the bucket calls.
async function visit() {
  const context = await chromium.newContext({ viewport: VIEWS["desktop-light"].viewport });
  const tabs = [];
  for (let place = 0; place < TABS; place += 1) tabs.push(await context.newPage());
  const waiting = ["index.html", "index.en.html"];
  const known = new Set(waiting);
  await each(waiting, async (path) => {
    const tab = tabs.pop();
    const page = await read(tab, base, path);
    tabs.push(tab);
    pages.set(path, page);
    if (page.status === 200) page.errors.push(...languages(page));
    for (const { target } of page.links ?? []) {
      const inside = within(target);
      if (inside && inside.path.endsWith(".html") && !(options.except && inside.path.startsWith(options.except)) && !known.has(inside.path)) {
        known.add(inside.path);
        waiting.push(inside.path);
      }
    }
  });
  await context.close();
}

// A number that a seed and a path have, and no other.
function draw(path) {
  return createHash("sha256").update(`${options.seed} ${path}`).digest().readUInt32BE();
}

// The pages that are opened, each with its views. Of a part one page of each kind comes first: pages of years are of one kind, those of
// tables of another.
function chosen() {
  const all = [...pages.values()].filter((page) => page.status === 200 && (!options.only || page.path.includes(options.only)));
  if (!options.most) return all.map((page) => ({ page, views, isWhole: true }));
  const kind = ({ path }) => path.replace(/\d{4}/, "YEAR").replace(/[^/]+\/(?=YEAR)/, "").replace(/[^/]+\/tables\/[^.]+/, "tables");
  const drawn = all.sort((one, other) => draw(one.path) - draw(other.path));
  const ranks = new Map();
  for (const page of drawn) {
    ranks.set(kind(page), (ranks.get(kind(page)) ?? -1) + 1);
    page.rank = ranks.get(kind(page));
  }
  const some = drawn.sort((one, other) => one.rank - other.rank).slice(0, Number(options.most));
  // What is the same in all views is looked at on every third page.
  return some.map((page, place) => ({ page, views: [views[draw(`${page.path} view`) % views.length]], isWhole: place % 3 === 0 }));
}

// The path and the anchor of an address within the bucket.
function within(address) {
  if (!address.startsWith(base)) return undefined;
  const url = new URL(address);
  const path = decodeURIComponent(url.pathname.slice(new URL(base).pathname.length));
  return { path: path === "" || path.endsWith("/") ? `${path}index.html` : path, anchor: decodeURIComponent(url.hash.slice(1)), bare: path };
}

// Each link leads to something: a page, a place on it, or a file.
async function links() {
  const status = new Map();
  for (const page of pages.values()) {
    for (const { target, written, what } of page.links ?? []) {
      if (!/^https?:/.test(target)) {
        // An empty picture, so that no browser asks the root of the server for one.
        if (what === "link of the head" && target === "data:,") continue;
        if (!/^(mailto|tel):/.test(target)) page.errors.push(`${what} '${written}' is no link that can be followed`);
        continue;
      }
      const inside = within(target);
      if (!inside) {
        // Links to others are followed by people; what a page itself loads from others is an error where it is loaded.
        if (target.startsWith(new URL(base).origin)) page.errors.push(`${what} '${written}' leaves the bucket`);
        continue;
      }
      const found = pages.get(inside.path);
      if (!found && !status.has(inside.path)) {
        const answer = await fetch(base + inside.path.split("/").map(encodeURIComponent).join("/"), { method: "HEAD" });
        status.set(inside.path, answer.status);
      }
      const answered = found ? found.status : status.get(inside.path);
      if (answered !== 200) {
        page.errors.push(`${what} '${written}' leads to ${inside.path}, which answers ${answered}`);
      } else if (inside.bare === "" || inside.bare.endsWith("/")) {
        page.errors.push(`${what} '${written}' leads to a folder, which a bucket in a cloud does not answer: name its index.html`);
      } else if (inside.anchor && found && !found.ids.includes(inside.anchor)) {
        page.errors.push(`${what} '${written}' leads to a place '${inside.anchor}' that ${inside.path} does not have`);
      }
    }
  }
}

// What is told of pages beside each other: titles and languages.
function together() {
  const titles = new Map();
  for (const page of pages.values()) {
    if (page.status !== 200) continue;
    // A city may have given its portal one title for both languages.
    const title = `${page.lang} ${page.title}`;
    if (titles.has(title)) page.errors.push(`the title '${page.title}' is also that of ${titles.get(title)}`);
    titles.set(title, page.path);
    if (!page.alternates.length) page.errors.push("no link with hreflang leads to the page in the other language");
    for (const { target, language } of page.alternates) {
      const other = pages.get(within(target)?.path);
      if (!other || language === page.lang) continue;
      if (other.lang !== language) page.errors.push(`hreflang=${language} leads to ${other.path}, which is in '${other.lang}'`);
      const isMutual = other.alternates?.some((back) => back.language === page.lang && within(back.target)?.path === page.path);
      if (!isMutual) page.errors.push(`${other.path} has no hreflang=${page.lang} back to this page`);
    }
  }
}

// The views in which axe looks: one of each theme, the narrow one where it is light, the wide one where it is dark.
function axed(views) {
  const of = (theme, first) => views.filter((view) => view.endsWith(theme)).sort((one) => (one.startsWith(first) ? -1 : 1))[0];
  return [of("light", "phone"), of("dark", "desktop")];
}

// All that is looked at on one page.
async function look({ page, views, isWhole }) {
  const address = base + page.path;
  const name = page.path.replaceAll("/", "_").replace(/\.html$/, "");
  page.seen = new Map();
  page.axe = {};
  for (const view of views) {
    const { viewport, colorScheme, isMobile } = VIEWS[view];
    const context = await chromium.newContext({ viewport, colorScheme, isMobile, hasTouch: isMobile, reducedMotion: "reduce" });
    const tab = await context.newPage();
    const told = loaded(tab, base);
    await tab.goto(address);
    note(page, view, told());
    if (axed(views).includes(view)) {
      const { violations, undecided } = await axe(tab);
      page.axe[view] = { violations: violations.length, undecided };
      note(page, view, violations.map((violation) => `axe: ${violation}`));
    }
    for (const width of view.startsWith("phone") ? [viewport.width, 320] : [viewport.width]) {
      await tab.setViewportSize({ width, height: viewport.height });
      note(page, `${width} px ${view.split("-")[1]}`, await atAWidth(tab));
    }
    await tab.setViewportSize(viewport);
    if (options.screenshots) {
      mkdirSync(options.screenshots, { recursive: true });
      await tab.screenshot({ path: join(options.screenshots, `${name}-${view}.png`), fullPage: true });
    }
    if (view === views[0] && isWhole) {
      note(page, "by keyboard", await keyboard(tab));
      await scriptless(page, address, viewport, await textOf(tab));
      await paper(page, tab, name);
    }
    await context.close();
  }
}

// What is wrong in a view; what is wrong in several is told once.
function note(page, view, sentences) {
  for (const sentence of sentences) page.seen.set(sentence, (page.seen.get(sentence) ?? new Set()).add(view));
}

// Without JavaScript the same text is there. Buttons are what scripts add.
async function scriptless(page, address, viewport, withScripts) {
  // As wide as the other, for some words are shown on a phone alone.
  const context = await chromium.newContext({ viewport, javaScriptEnabled: false });
  const tab = await context.newPage();
  await tab.goto(address);
  const without = await textOf(tab);
  await context.close();
  if (without === withScripts) return;
  const [one, other] = [without.split("\n"), withScripts.split("\n")];
  const line = one.findIndex((text, place) => text !== other[place]);
  page.errors.push(`without JavaScript the text differs: '${(one[line] ?? "").slice(0, 120)}', not '${(other[line] ?? "").slice(0, 120)}'`);
}

// On paper nothing is cut off, and there is no navigation.
async function paper(page, tab, name) {
  await tab.emulateMedia({ media: "print", colorScheme: "dark" });
  // A4 within margins of 1 cm.
  await tab.setViewportSize({ width: 718, height: 1047 });
  note(page, "on paper", await inPrint(tab));
  const pdf = await tab.pdf({ format: "A4", margin: { top: "1cm", bottom: "1cm", left: "1cm", right: "1cm" } });
  page.sheets = (pdf.toString("latin1").match(/\/Type\s*\/Page\b/g) ?? []).length;
  if (pdf.length < 1000 || page.sheets === 0) page.errors.push("print: the PDF is empty");
  if (options.screenshots) {
    const file = join(options.screenshots, `${name}-print`);
    writeFileSync(`${file}.pdf`, pdf);
    try {
      execFileSync("pdftoppm", ["-png", "-r", "60", `${file}.pdf`, file], { stdio: "ignore" });
    } catch {
      await tab.screenshot({ path: `${file}.png`, fullPage: true });
    }
  }
  await tab.emulateMedia({ media: "screen" });
}

function report() {
  for (const page of pages.values()) {
    for (const [sentence, where] of page.seen ?? []) page.errors.push(`${[...where].join(", ")}: ${sentence}`);
  }
  const all = [...pages.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
  const opened = all.filter((page) => page.seen).length;
  const told = all.map(({ path, status, lang, title, bytes, loads, sheets, axe, links, errors }) => {
    return { path, status, lang, title, bytes, loads, sheets, axe, links: links?.length ?? 0, errors: [...new Set(errors)] };
  });
  const errors = told.flatMap((page) => page.errors.map((error) => `${page.path}: ${error}`));
  if (options.report) writeFileSync(options.report, `${JSON.stringify({ base, views, pages: told, errors }, null, 2)}\n`);
  for (const page of told) {
    const violations = Object.values(page.axe ?? {}).reduce((sum, view) => sum + view.violations, 0);
    const weight = `${Math.ceil((page.bytes ?? 0) / 1000)} kB`.padStart(7);
    console.log(`${weight}  axe ${violations}  ${page.errors.length ? `${page.errors.length} errors` : "good"}  ${page.path}`);
  }
  for (const error of errors) console.error(`error: ${error}`);
  console.log(`${told.length} pages, ${opened} of them opened, ${errors.length} errors`);
  if (errors.length && options.most) console.error(`${options.most} pages drawn by the seed ${options.seed}`);
  process.exitCode = errors.length ? 1 : 0;
}
