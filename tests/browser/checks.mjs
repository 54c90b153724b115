// What is looked at on one page. Each check gives the sentences of what is wrong.

import { readFileSync } from "node:fs";

import { packageFile } from "./served.mjs";

// The widths and colours in which a page is opened. A phone of 390 px; 320 px is what WCAG 1.4.10 asks for.
export const VIEWS = {
  "desktop-light": { viewport: { width: 1280, height: 900 }, colorScheme: "light", isMobile: false },
  "desktop-dark": { viewport: { width: 1280, height: 900 }, colorScheme: "dark", isMobile: false },
  "phone-light": { viewport: { width: 390, height: 844 }, colorScheme: "light", isMobile: true },
  "phone-dark": { viewport: { width: 390, height: 844 }, colorScheme: "dark", isMobile: true },
};

// A page with all that it loads is below it; a picture of a map below the other.
const PAGE_LIMIT = 200_000;
const PICTURE_LIMIT = 60 * 1024;

const AXE = readFileSync(packageFile("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

// Listens to a tab; the answer tells what went wrong until it is asked.
export function loaded(tab, base) {
  const errors = [];
  tab.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) errors.push(`console: ${message.text()}`);
  });
  tab.on("pageerror", (error) => errors.push(`script: ${error.message}`));
  tab.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(base) && !/^(data|blob|about):/.test(url)) errors.push(`asks somebody else or outside of the bucket: ${url}`);
  });
  tab.on("requestfailed", (request) => errors.push(`${request.url()}: ${request.failure()?.errorText}`));
  tab.on("response", (response) => {
    if (response.status() >= 400) errors.push(`${response.url()} answers ${response.status()}`);
  });
  return () => errors;
}

// Bytes of what pages load, by address.
const sizes = new Map();

// Opens a page in a tab, and notes what it says of itself and where it leads.
export async function read(tab, base, path) {
  const errors = [];
  const loads = {};
  const answers = [];
  const listen = (response) => answers.push(response);
  tab.on("response", listen);
  const answer = await tab.goto(base + path);
  tab.off("response", listen);
  if (answer.status() !== 200) {
    return { path, status: answer.status(), errors: [`answers ${answer.status()}`] };
  }
  for (const response of answers) {
    if (response.url() === base + path || !response.url().startsWith(base)) continue;
    // What is as it was when another page loaded it is not sent again.
    const length = response.headers()["content-length"];
    if (response.status() === 200) sizes.set(response.url(), length === undefined ? (await response.body()).length : Number(length));
    loads[response.url().slice(base.length)] = sizes.get(response.url()) ?? 0;
  }
  const bytes = (await answer.body()).length;
  const whole = Object.values(loads).reduce((sum, more) => sum + more, bytes);
  if (whole >= PAGE_LIMIT) errors.push(`weighs ${whole} bytes with what it loads, not less than ${PAGE_LIMIT}`);
  for (const [name, size] of Object.entries(loads)) {
    if (size > PICTURE_LIMIT) errors.push(`${name} weighs ${size} bytes, more than ${PICTURE_LIMIT}`);
  }
  const found = await tab.evaluate(() => {
    const places = [
      ["a[href], area[href]", "href", "link"],
      ["link[href]", "href", "link of the head"],
      ["img[src], script[src], source[src]", "src", "picture"],
    ];
    const absolute = (written) => new URL(written, document.baseURI).href;
    const links = places.flatMap(([selector, attribute, what]) =>
      [...document.querySelectorAll(selector)].map((element) => {
        const written = element.getAttribute(attribute);
        return { what, written, target: absolute(written) };
      }),
    );
    const blocks = [...document.querySelectorAll("p, li, td, th, dd, dt, h1, h2, h3, h4, caption, figcaption, summary, text")]
      .filter((block) => ![...block.children].some((child) => ["P", "UL", "OL", "TABLE", "DL", "DIV"].includes(child.tagName)))
      .map((block) => {
        // Code and names are in no language; parts in another language say so themselves.
        const copy = block.cloneNode(true);
        copy.querySelectorAll("code, pre, cite, q, [lang], [translate=no]").forEach((part) => part.remove());
        return { text: copy.textContent.trim(), lang: block.closest("[lang]")?.getAttribute("lang"), isCode: !!block.closest("code, pre, [translate=no]") };
      })
      .filter(({ text, isCode }) => text && !isCode);
    return {
      links,
      blocks,
      lang: document.documentElement.lang,
      title: document.title,
      description: document.querySelector("meta[name=description]")?.content ?? "",
      ids: [...document.querySelectorAll("[id], a[name]")].map((element) => element.id || element.name),
      alternates: [...document.querySelectorAll("a[hreflang], link[hreflang]")].map((element) => ({
        target: absolute(element.getAttribute("href")),
        language: element.getAttribute("hreflang"),
      })),
    };
  });
  if (!found.title) errors.push("there is no title");
  if (!found.description) errors.push("there is no description for search engines");
  const twice = found.ids.filter((id, place) => found.ids.indexOf(id) !== place);
  if (twice.length) errors.push(`the id '${twice[0]}' stands twice`);
  return { path, status: 200, bytes, loads, errors, ...found };
}

const COMMON = {
  de: new Set("der die das und ist sind nicht ein eine einer eines dem den des von mit auf für wird werden wurde wie wo zu bei aus auch sich nach oder als hat haben es im am vom zum zur dass kein keine war waren je".split(" ")),
  en: new Set("the and is are not of a an to with on for was were be been by from which that this it has have or as at in its no each where how".split(" ")),
};

// How many of the most frequent words of a language a text has that are not also words of the other one.
function common(text, language) {
  // Names of files and paths are in no language.
  const words = text.toLowerCase().replace(/\S*[\p{L}\d][./_=-][\p{L}\d]\S*/gu, "").match(/\p{L}+/gu) ?? [];
  const other = COMMON[language === "de" ? "en" : "de"];
  return words.filter((word) => COMMON[language].has(word) && !other.has(word)).length;
}

// A page is in the language that its name and its `lang` say, and a part in the other one is marked (WCAG 3.1.1, 3.1.2).
export function languages(page) {
  const errors = [];
  const expected = page.path.endsWith(".en.html") ? "en" : "de";
  if (page.lang !== expected) errors.push(`lang is '${page.lang}', not '${expected}'`);
  for (const { text, lang } of page.blocks) {
    const [own, other] = lang === "en" ? ["en", "de"] : ["de", "en"];
    if (common(text, other) >= 3 && common(text, own) === 0) errors.push(`is said to be in '${own}', but seems to be in '${other}': '${text.slice(0, 100)}'`);
  }
  return errors;
}

// What axe finds, with the first places, and how many places of which rule it cannot decide.
export async function axe(tab) {
  await tab.evaluate(AXE);
  const results = await tab.evaluate(async (tags) => {
    const told = await window.axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations", "incomplete"], rules: { "target-size": { enabled: true } } });
    const short = (found) => found.map(({ id, help, nodes }) => ({ id, help, count: nodes.length, places: nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ""})`) }));
    return { violations: short(told.violations), incomplete: short(told.incomplete) };
  }, TAGS);
  return {
    violations: results.violations.map(({ id, help, count, places }) => `${id}: ${help}, ${count} times: ${places.join("; ")}`),
    undecided: Object.fromEntries(results.incomplete.map(({ id, count }) => [id, count])),
  };
}

// Nothing runs out of the page or of its box, and what is touched is large enough.
export async function atAWidth(tab) {
  return tab.evaluate(() => {
    const errors = [];
    const wide = document.documentElement.clientWidth;
    const named = (element) => {
      const kind = `${element.tagName.toLowerCase()}${element.id ? ` id=${element.id}` : ""}${element.className?.length ? ` class='${element.className}'` : ""}`;
      return `<${kind}> '${element.textContent.replace(/\s+/g, " ").trim().slice(0, 40)}'`;
    };
    const isShown = (element) => {
      const { width, height } = element.getBoundingClientRect();
      return width > 0 && height > 0 && getComputedStyle(element).visibility !== "hidden";
    };
    if (document.documentElement.scrollWidth > wide) {
      errors.push(`the document is ${document.documentElement.scrollWidth} px wide, not ${wide}`);
    }
    for (const element of document.body.querySelectorAll("*")) {
      if (!isShown(element) || element.closest("svg")) continue;
      const style = getComputedStyle(element);
      const scrolls = ["auto", "scroll"].includes(style.overflowX);
      if (!scrolls && style.display !== "inline" && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1 && !element.querySelector("*")) {
        errors.push(`a text runs out of its box: ${named(element)}`);
      }
      if (scrolls && element.scrollWidth > element.clientWidth + 1 && element.tabIndex < 0) {
        errors.push(`what scrolls cannot be reached by keyboard: ${named(element)}`);
      }
    }
    // A word that is too long for its box is broken somewhere; names in code may be.
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      if (text.parentElement.closest("code, pre, svg, script, style") || !isShown(text.parentElement)) continue;
      // Paths and names of columns within a sentence are broken where there is room, as those in code are.
      const names = [...text.data.matchAll(/\S*[\p{L}\d][/_=][\p{L}\d<{]\S*/gu)].map((name) => [name.index, name.index + name[0].length]);
      for (const found of text.data.matchAll(/[\p{L}\p{M}]{3,}/gu)) {
        if (names.some(([begin, end]) => begin <= found.index && found.index < end)) continue;
        range.setStart(text, found.index);
        range.setEnd(text, found.index + found[0].length);
        // At a soft hyphen the word after it has an empty box at the end of the line before.
        const boxes = [...range.getClientRects()].filter((line) => line.width > 0.5);
        const lines = new Set(boxes.map((line) => Math.round(line.top)));
        // What the browser hyphenated is no error.
        if (lines.size > 1 && getComputedStyle(text.parentElement).hyphens !== "auto") errors.push(`the word '${found[0]}' is broken: ${named(text.parentElement)}`);
      }
    }
    // Links within a sentence may be small (WCAG 2.5.8).
    for (const element of document.querySelectorAll("button, summary, input, select, nav a")) {
      const { width, height } = element.getBoundingClientRect();
      if (isShown(element) && (width < 23.9 || height < 23.9) && width > 1) errors.push(`a target of ${width.toFixed(0)} × ${height.toFixed(0)} px: ${named(element)}`);
    }
    return errors.slice(0, 12);
  });
}

// By keyboard: the first stop leads to the content, each stop is seen, and there is no trap.
export async function keyboard(tab) {
  const errors = [];
  const look = () =>
    tab.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return undefined;
      const style = getComputedStyle(element);
      const { width, height } = element.getBoundingClientRect();
      const isRinged = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== "none";
      const skip = element.getAttribute("href") ?? "";
      return { name: `<${element.tagName.toLowerCase()}> '${element.textContent.trim().slice(0, 40)}'`, isRinged, isSeen: width > 1 && height > 1, skip, leads: skip.startsWith("#") && !!document.getElementById(skip.slice(1))?.matches("main, main *") };
    });
  await tab.evaluate(() => window.scrollTo(0, 0));
  for (let stop = 0; stop < 25; stop += 1) {
    await tab.keyboard.press("Tab");
    const found = await look();
    if (!found) break;
    if (stop === 0 && !found.leads) errors.push(`the first stop is no link that skips to the content: ${found.name}`);
    if (!found.isRinged) errors.push(`the focus is not seen on ${found.name}`);
    if (!found.isSeen) errors.push(`the focus is on something that is not seen: ${found.name}`);
  }
  await tab.evaluate(() => document.activeElement?.blur());
  return errors.slice(0, 5);
}

// The text that is seen, apart from that of buttons.
export async function textOf(tab) {
  // Evaluated by the tool itself, not by the page: it works where the page may not run scripts.
  const text = await tab.evaluate(() => {
    const hidden = [...document.querySelectorAll("button, [role=status]")];
    const before = hidden.map((element) => element.style.display);
    hidden.forEach((element) => (element.style.display = "none"));
    const text = document.body.innerText;
    hidden.forEach((element, place) => (element.style.display = before[place]));
    return text;
  });
  return text.split("\n").map((line) => line.replace(/\s+/g, " ").trim()).filter(Boolean).join("\n");
}

// On paper: no navigation, no ink for the dark, and nothing that would have to be scrolled.
export async function inPrint(tab) {
  return tab.evaluate(() => {
    const errors = [];
    const isShown = (element) => element.getClientRects().length > 0;
    const nav = [...document.querySelectorAll("nav, button")].filter(isShown);
    if (nav.length) errors.push(`shows ${nav.length} navigations or buttons: '${nav[0].textContent.trim().slice(0, 40)}'`);
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > wide) errors.push(`the document is ${document.documentElement.scrollWidth} px wide, not ${wide}`);
    for (const element of document.body.querySelectorAll("*")) {
      if (isShown(element) && !element.closest("svg") && getComputedStyle(element).overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1) {
        errors.push(`cut off: <${element.tagName.toLowerCase()}> '${element.textContent.trim().slice(0, 40)}'`);
      }
    }
    const paper = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number);
    if ((paper[3] ?? 1) > 0 && Math.min(...paper.slice(0, 3)) < 200) errors.push(`the paper is rgb(${paper.join(", ")})`);
    if (getComputedStyle(document.body).color.match(/[\d.]+/g).slice(0, 3).some((part) => Number(part) > 140)) {
      errors.push(`the text is ${getComputedStyle(document.body).color}`);
    }
    return errors.slice(0, 8);
  });
}
