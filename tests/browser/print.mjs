// Prints a page of a folder to a PDF on A4 as its own style says, and tells how many sheets it takes, and what it asked of others.
// Usage: print.mjs PAGE.html FILE.pdf

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { browser } from "./served.mjs";

const [page, pdf] = process.argv.slice(2);
const chromium = await browser();
try {
  const tab = await chromium.newPage();
  const address = pathToFileURL(resolve(page)).href;
  const errors = [];
  tab.on("console", (message) => errors.push(`console: ${message.text()}`));
  tab.on("pageerror", (error) => errors.push(`script: ${error.message}`));
  tab.on("dialog", (dialog) => errors.push(`dialog: ${dialog.message()}`));
  tab.on("request", (request) => {
    if (request.url() !== address) errors.push(`asks for ${request.url()}`);
  });
  await tab.goto(address);
  await tab.pdf({ path: pdf, preferCSSPageSize: true, printBackground: true });
  const sheets = (readFileSync(pdf).toString("latin1").match(/\/Type\s*\/Page\b/g) ?? []).length;
  // What is wider than the paper would be cut off.
  await tab.emulateMedia({ media: "print" });
  await tab.setViewportSize({ width: 672, height: 1000 });
  const wide = await tab.evaluate(() => {
    const width = document.documentElement.clientWidth;
    return [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > width + 1).map((element) => `${element.tagName} ${element.textContent.slice(0, 60)}`);
  });
  console.log(JSON.stringify({ sheets, errors, wide: wide.slice(0, 5) }));
} finally {
  await chromium.close();
}
