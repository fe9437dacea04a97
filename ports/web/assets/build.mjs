// Builds the files that the console embeds (../static) from their sources here and from the packages that package-lock.json pins.
// Run by `make assets`. What it writes is in git, so that Orderbridge is built without Node.js.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "node_modules");
const out = join(here, "..", "static");

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "fonts"), { recursive: true });

for (const [from, to] of [
  ["htmx.org/dist/htmx.min.js", "htmx.min.js"],
  ["uplot/dist/uPlot.iife.min.js", "uplot.min.js"],
]) {
  copyFileSync(join(packages, from), join(out, to));
}
copyFileSync(join(here, "console.js"), join(out, "console.js"));
copyFileSync(join(here, "favicon.svg"), join(out, "favicon.svg"));

for (const subset of ["vietnamese", "latin"]) {
  for (const weight of [400, 500, 600, 700]) {
    const name = `be-vietnam-pro-${subset}-${weight}-normal.woff2`;
    copyFileSync(join(packages, "@fontsource/be-vietnam-pro/files", name), join(out, "fonts", name));
  }
}

// One file of all icons that icons.txt names, one of them a symbol that pages refer to by its name.
const symbols = readFileSync(join(here, "icons.txt"), "utf8")
  .split("\n")
  .filter((name) => name !== "")
  .map((name) => {
    const svg = readFileSync(join(packages, "lucide-static/icons", `${name}.svg`), "utf8");
    const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).replace(/\s+/g, " ").trim();
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
  });
writeFileSync(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`);

execFileSync(join(packages, ".bin/tailwindcss"), ["--input", "style.css", "--output", join(out, "console.css"), "--minify"], {
  cwd: here,
  stdio: ["ignore", "ignore", "inherit"],
});

// What the tests look at pages with.
copyFileSync(join(packages, "axe-core/axe.min.js"), join(here, "../../../cmd/orderbridge/service/testdata/axe.min.js"));
