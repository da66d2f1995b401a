// Build the pages' files into a folder (graphql_api/static when none is named): the same sources give the same
// bytes, on any machine. Writes a manifest of hashes, and the licences of all that went into the bundles.
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, '..', 'graphql_api', 'static');

// GraphiQL's style sheet carries 30 web fonts as data: the pages use the machine's own fonts.
const withoutFonts = {
  name: 'without-fonts',
  setup(plugin) {
    plugin.onLoad({ filter: /graphiql[\\/]dist[\\/]style\.css$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      return { contents: text.replace(/@font-face\s*\{[^}]*\}/g, ''), loader: 'css' };
    });
  },
};

// What axe-core finds in GraphiQL 4 and its plugins: buttons inside of tabs, controls without a name, a name that
// hides what is written. Each text must be there once, or the build stops.
const changes = {
  '@graphiql/react/dist/ui/tabs.js': [
    ['"aria-selected": isActive, role: "tab", ', ''],
    ['role: "tablist", ', ''],
  ],
  'graphiql/dist/GraphiQL.js': [
    ['role: "tabpanel", id: "graphiql-session"', 'role: "region", id: "graphiql-session"'],
    ['id: `graphiql-session-tab-${index_3}`', 'id: `graphiql-session-tab-${index_3}`, "aria-current": index_3 === activeTabIndex ? "true" : void 0'],
  ],
  '@graphiql/plugin-history/dist/components.js': [['"aria-label": "Set active", ', '']],
  'graphiql-explorer/dist/Explorer.js': [
    ["'select',\n              {\n                style: {\n                  color:", "'select',\n              { 'aria-label': arg.name,\n                style: {\n                  color:"],
    ["'select',\n              {\n                style: {\n                  backgroundColor: 'white',", "'select',\n              { 'aria-label': arg.name,\n                style: {\n                  backgroundColor: 'transparent',"],
    ["'select',\n            {\n              onChange: function", "'select',\n            { 'aria-label': 'Kind of operation',\n              onChange: function"],
    ["type: 'text',\n          onChange: this._handleChange", "type: 'text',\n          'aria-label': this.props.arg.name,\n          onChange: this._handleChange"],
    ["autoComplete: 'false',", "autoComplete: 'off', 'aria-label': 'Name of the operation',"],
    ['onClick: function onClick() {\n                  return _this13.props.onOperationDestroy()', "'aria-label': 'Remove the operation', onClick: function onClick() {\n                  return _this13.props.onOperationDestroy()"],
    ['onClick: function onClick() {\n                  return _this13.props.onOperationClone()', "'aria-label': 'Copy the operation', onClick: function onClick() {\n                  return _this13.props.onOperationClone()"],
    ['onClick: function onClick() {\n                return _this15.state.newOperationType ?', "'aria-label': 'Add an operation', onClick: function onClick() {\n                return _this15.state.newOperationType ?"],
  ],
};
const accessible = {
  name: 'accessible',
  setup(plugin) {
    plugin.onLoad({ filter: /(tabs|GraphiQL|components|Explorer)\.js$/ }, async ({ path }) => {
      const name = Object.keys(changes).find((end) => path.replaceAll('\\', '/').endsWith(`node_modules/${end}`));
      if (name === undefined) return undefined;
      let contents = (await readFile(path, 'utf8')).replaceAll('\r\n', '\n');
      for (const [from, to] of changes[name]) {
        if (contents.split(from).length !== 2) throw new Error(`${name} does not hold once: ${from}`);
        contents = contents.replace(from, () => to);
      }
      patched.add(name);
      return { contents, loader: 'js' };
    });
  },
};
const patched = new Set();

const result = await build({
  absWorkingDir: here,
  entryPoints: {
    playground: 'src/playground/main.tsx',
    explore: 'src/explore/main.ts',
    landing: 'src/pages/landing.css',
  },
  outdir: out,
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['es2022', 'chrome110', 'firefox115', 'safari16.4'],
  charset: 'utf8',
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.woff': 'empty', '.woff2': 'empty' },
  plugins: [withoutFonts, accessible],
  metafile: true,
  write: false,
  logLevel: 'warning',
});

const missed = Object.keys(changes).filter((name) => !patched.has(name));
if (missed.length > 0) throw new Error(`not in the bundle any more: ${missed.join(', ')}`);

// —— The licences of the packages that are in a bundle ——
const packages = new Map();
for (const output of Object.values(result.metafile.outputs)) {
  for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
    const at = input.lastIndexOf('node_modules/');
    if (at < 0 || bytesInOutput === 0) continue;
    const parts = input.slice(at + 'node_modules/'.length).split('/');
    const name = parts[0].startsWith('@') ? `${parts[0]}/${parts[1]}` : parts[0];
    packages.set(`${input.slice(0, at)}node_modules/${name}`, name);
  }
}
const sections = [];
for (const [folder, name] of packages) {
  const about = JSON.parse(await readFile(join(here, folder, 'package.json'), 'utf8'));
  const names = (await readdir(join(here, folder))).filter((n) => /^(licen[sc]e|copying|notice)/i.test(n)).sort();
  const texts = [];
  for (const n of names) texts.push((await readFile(join(here, folder, n), 'utf8')).replace(/\r\n/g, '\n').trim());
  const author = typeof about.author === 'string' ? about.author : (about.author?.name ?? '');
  const text = texts.join('\n\n') || `${about.license} licence; its package holds no text of it. Author: ${author || 'see the package'}.`;
  sections.push([`${name} ${about.version} (${about.license})`, text]);
}
sections.sort(([a], [b]) => (a < b ? -1 : 1));
const thirdParty =
  'What others wrote in the built files beside this one, and under which terms.\n' +
  sections.map(([title, text]) => `\n${'='.repeat(78)}\n${title}\n${'='.repeat(78)}\n\n${text}\n`).join('');

const files = new Map(result.outputFiles.map((file) => [relative(out, file.path), Buffer.from(file.contents)]));
files.set('favicon.svg', await readFile(join(here, 'src', 'pages', 'favicon.svg')));
files.set('THIRD_PARTY.txt', Buffer.from(thirdParty));

const manifest = {};
for (const name of [...files.keys()].sort()) {
  const bytes = files.get(name);
  manifest[name] = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
files.set('manifest.json', Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
for (const [name, bytes] of files) await writeFile(join(out, name), bytes);
for (const [name, { bytes }] of Object.entries(manifest)) console.log(`${String(bytes).padStart(9)}  ${name}`);
