// A page in headless Chromium, with mtcute in it, behind the commands of client_process.py.
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.GODWIT_NODE_MODULES ?? path.join(here, "..", "node_modules");
// The libraries lie in the build folder, where `import` does not look.
const require = createRequire(path.join(modules, "..", "package.json"));
const { build } = require("esbuild");
const { chromium } = require("playwright-core");
const { outputFiles } = await build({
  entryPoints: [path.join(here, "mtcute_page.js")],
  nodePaths: [modules],
  bundle: true,
  format: "esm",
  write: false,
  logLevel: "error",
});
const files = {
  "/": ["text/html", '<!doctype html><title>client</title><script type="module" src="/page.js"></script>'],
  "/page.js": ["text/javascript", Buffer.from(outputFiles[0].contents)],
  "/mtcute.wasm": ["application/wasm", fs.readFileSync(path.join(modules, "@mtcute/wasm/mtcute.wasm"))],
};
const server = http.createServer((request, response) => {
  const [type, body] = files[request.url] ?? ["text/plain", ""];
  response.writeHead(files[request.url] ? 200 : 404, { "content-type": type }).end(body);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

const profile = fs.mkdtempSync(path.join(os.tmpdir(), "godwit-chromium-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.GODWIT_CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const page = await browser.newPage();
page.on("pageerror", (error) => process.stderr.write(`page: ${error}\n`));
page.on("console", (message) => process.stderr.write(`page: ${message.text()}\n`));
await page.goto(`http://127.0.0.1:${server.address().port}/`);
await page.waitForFunction(() => window.command !== undefined);

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { do: name, key_file, ...rest } = JSON.parse(line);
  if (key_file) {
    rest.key = fs.readFileSync(key_file, "utf8");
  }
  const answer = await page.evaluate(([name, rest]) => window.command(name, rest), [name, rest]);
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
server.close();
fs.rmSync(profile, { recursive: true, force: true });
process.exit(0);
